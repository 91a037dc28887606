//! Is the package store really shared, and can this node still write to it? Asked at joining and then
//! again and again, because shares go away while servers run.

use super::life::Known;
use super::overview::standard;
use super::sightings::{Noted, Sightings};
use crate::election::Timing;
use crate::membership::{Heart, Roster};
use async_trait::async_trait;
use proget_core::ids::Incarnation;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(15);

/// How long a store may take for one look before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(10);

/// The package store, as far as a node has to know it.
#[async_trait]
pub trait Beacons: fmt::Debug + Send + Sync + 'static {
    /// Leaves a beacon with this text and returns its key.
    ///
    /// # Errors
    /// What the store cannot do, in words for operators.
    async fn leave(&self, text: &str) -> Result<String, String>;

    /// Is there a beacon with this text under this key?
    ///
    /// # Errors
    /// If the store could not look.
    async fn is_there(&self, key: &str, text: &str) -> Result<bool, String>;

    /// Takes a beacon away, as far as that is possible.
    async fn take_away(&self, key: &str);
}

/// What a process's beacon says.
fn text(of: Incarnation) -> String {
    format!("proget node {of}")
}

/// The beacons that a process has left: the one in its card is the last; the one before stays a while for
/// those who have an old card.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(Arc<Mutex<VecDeque<String>>>);

impl Left {
    fn push(&self, key: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(key);
    }

    /// The oldest, if there are more than so many.
    fn beyond(&self, count: usize) -> Option<String> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() > count { left.pop_front() } else { None }
    }

    /// Takes all of them away. Not before the process has left the roster: whoever finds it there looks.
    pub(super) async fn take_away(&self, beacons: &dyn Beacons) {
        while let Some(key) = self.beyond(0) {
            // A store that hangs is nothing to wait for; what stays is a stray for the sweep.
            let _ = tokio::time::timeout(PATIENCE, beacons.take_away(&key)).await;
        }
    }
}

/// Looks after this node's beacons, and at those of others.
pub(super) struct StoreWatch {
    beacons: Arc<dyn Beacons>,
    me: Incarnation,
    known: Arc<Mutex<Known>>,
    left: Left,
    seen: Sightings,
}

impl StoreWatch {
    pub(super) fn new(beacons: Arc<dyn Beacons>, me: Incarnation, known: Arc<Mutex<Known>>) -> Self {
        Self { beacons, me, known, left: Left::default(), seen: Sightings::default() }
    }

    /// What it has left, now and later.
    pub(super) fn left(&self) -> Left {
        self.left.clone()
    }

    /// Leaves a fresh beacon and writes it on the card, or what is wrong with the store.
    pub(super) async fn leave(&mut self, heart: &Heart) {
        let left = tokio::time::timeout(PATIENCE, self.beacons.leave(&text(self.me))).await;
        let key = match left.unwrap_or_else(|_| Err("the package store does not answer".into())) {
            Ok(key) => key,
            Err(problem) => {
                heart.edit(|card| card.store_problem = Some(problem));
                return;
            }
        };
        self.left.push(key.clone());
        heart.edit(|card| (card.store_problem, card.beacon) = (None, Some(key)));
        heart.beat_now();
        while let Some(old) = self.left.beyond(2) {
            self.beacons.take_away(&old).await;
        }
    }

    /// What is wrong with the store: this node cannot write to it, or it is another one than the
    /// cluster's. Whoever publishes into another store makes packages that nobody else can serve.
    fn problem(&self, heart: &Heart, roster: &Roster) -> Option<String> {
        let card = heart.card();
        if card.store_problem.is_some() {
            return card.store_problem;
        }
        let standard = standard(roster, &self.timing())?;
        let there = self.seen.of(standard.card.incarnation)?;
        let name = &standard.card.name;
        (!there)
            .then(|| format!("this server sees another package store than {name}, which was here before it"))
    }

    fn timing(&self) -> Timing {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).settings.timing
    }

    /// Reads the beacons of others that are new to this node, and writes on the card whose were there.
    async fn look(&mut self, heart: &Heart, roster: &Roster) {
        let members = roster.members.iter().filter(|member| member.card.incarnation != self.me);
        let others: BTreeMap<Incarnation, &String> = members
            .filter_map(|member| Some((member.card.incarnation, member.card.beacon.as_ref()?)))
            .collect();
        self.seen.keep(|whose| others.contains_key(whose));
        let mut changed = false;
        for (whose, beacon) in others {
            if self.seen.knows(whose, beacon) {
                continue;
            }
            let expected = text(whose);
            let looking = self.beacons.is_there(beacon, &expected);
            // A store that cannot look says nothing about being shared.
            let Ok(Ok(there)) = tokio::time::timeout(PATIENCE, looking).await else { continue };
            match self.seen.note(whose, beacon, there, roster.at) {
                Noted::Same => {}
                // This beat brings the roster.
                Noted::Changed | Noted::Doubted => changed = true,
            }
        }
        let sees = self.seen.all().collect();
        heart.edit(|card| card.sees = sees);
        if changed {
            heart.beat_now();
        }
    }
}

/// Looks again and again until nobody wants to know any more; tells what is wrong.
pub(super) async fn keep_looking(
    mut watch: StoreWatch,
    heart: Arc<Heart>,
    told: watch::Sender<Option<String>>,
) {
    let mut pulse = heart.pulse();
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = rounds.tick() => watch.leave(&heart).await,
            changed = pulse.changed() => if changed.is_err() { return },
            () = told.closed() => return,
        }
        let roster = pulse.borrow_and_update().roster.clone();
        watch.look(&heart, &roster).await;
        tell(&told, watch.problem(&heart, &roster));
    }
}

fn tell(told: &watch::Sender<Option<String>>, problem: Option<String>) {
    let changed = told.send_if_modified(|known| std::mem::replace(known, problem.clone()) != problem);
    match &problem {
        Some(problem) if changed => {
            tracing::error!(problem, "the package store is not well; this node takes no publishes");
        }
        None if changed => tracing::info!("the package store is well again"),
        _ => {}
    }
}
