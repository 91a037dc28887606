//! A node's life: join, take part, drain, leave.
//!
//! Joining takes the seats and begins to beat; nothing else happens before that. From then on one
//! task compares, after each beat and each hint, what the instance wants with what this node does,
//! and closes the difference. All of it is repeatable: a node that missed a change sees it at its
//! next beat.

use super::CatalogPlanter;
use super::duty::{Duty, Idle};
use super::hints::{ToldElection, heed};
use super::overview::shares_store;
use super::settings::ClusterSettings;
use super::store_watch::{Beacons, Left, StoreWatch, keep_looking};
use super::tend::Tending;
use crate::election::{Campaign, Election, RoleWatch, RunningElector, SteadyClock, Timing};
use crate::membership::{
    Component, Heart, HeartBeat, JoinRules, Membership, MembershipError, NodeCard, Phase, Pulse, take_seats,
};
use crate::messenger::{Hint, Messenger};
use proget_core::access::Actor;
use proget_core::catalog::{
    Action, Catalog, CatalogError, ChangeSet, InstanceChange, InstanceRow, JournalEntry, Role,
};
use proget_core::clock::Clock;
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::ids::Incarnation;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// All that a node needs.
#[derive(Clone)]
pub struct NodeParts {
    /// What it says of itself at first; its phase is `Joining`.
    pub card: NodeCard,
    /// The catalogue that all nodes share.
    pub catalog: Arc<dyn Catalog>,
    /// The roster.
    pub membership: Arc<dyn Membership>,
    /// The register of leases.
    pub election: Arc<dyn Election>,
    /// What brings looks forward, on this node and the others.
    pub messenger: Arc<dyn Messenger>,
    /// The roles that it campaigns for; `primary` is one of them.
    pub roles: Vec<Role>,
    /// By which trust is measured.
    pub steady: Arc<dyn SteadyClock>,
    /// For telling how far this machine's clock is off.
    pub clock: Arc<dyn Clock>,
    /// The package store.
    pub beacons: Arc<dyn Beacons>,
}

impl fmt::Debug for NodeParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeParts").field("card", &self.card).finish_non_exhaustive()
    }
}

/// Why a node cannot take its place.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The roster refused it.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The catalogue could not be read.
    #[error("joining the cluster")]
    Catalog(#[from] CatalogError),
}

/// Why a node that does not reach the database is not ready.
const CUT_OFF: &str = "the server cannot reach the database";

/// Should requests be sent to this node? From what it knows already: asking costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// No, for this reason.
    Unready(&'static str),
}

/// A node that has joined. Dropping it stops its heart and its campaign; whatever it held lapses.
pub struct Node {
    pub(super) parts: NodeParts,
    pub(super) heart: Arc<Heart>,
    elector: Arc<RunningElector>,
    pub(super) known: Arc<Mutex<Known>>,
    duty: watch::Receiver<Duty>,
    store: watch::Receiver<Option<String>>,
    left: Left,
    drain: Arc<watch::Sender<Drain>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the instance wants, as this node last read it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) row: InstanceRow,
    pub(super) settings: ClusterSettings,
}

/// Is this node meant to drain?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Drain {
    /// It is stopping: for good.
    pub(super) leaving: bool,
    /// An operator wants it: until he wants otherwise.
    pub(super) wanted: bool,
}

impl Drain {
    pub(super) fn any(self) -> bool {
        self.leaving || self.wanted
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.parts.card.name).finish_non_exhaustive()
    }
}

impl Node {
    /// Takes the seats of a node and begins to beat. The first node with a Service becomes the
    /// instance's service node. It is `Joining` until [`serve`](Self::serve).
    ///
    /// # Errors
    /// If another process is here under this name, there is no room, or the database cannot be reached.
    pub async fn join(parts: NodeParts) -> Result<Self, JoinError> {
        let (card, begun) = (&parts.card, tokio::time::Instant::now());
        if card.components.contains(&Component::Service) {
            let settle = InstanceChange::Settle(card.name.clone());
            parts.catalog.commit(ChangeSet::by(system()).with(settle)).await?;
        }
        let known = read(&*parts.catalog).await?;
        let timing = known.settings.timing;
        let mut rules = JoinRules::by(&timing, known.settings.max_servers);
        if parts.catalog.is_exclusive() {
            // The lock on the database shows that whoever had the name is gone.
            rules.abandoned_after = Duration::ZERO;
        }
        take_seats(&*parts.membership, card, rules).await?;
        // A name that a killed process had is waited for.
        let waited = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let card = &NodeCard { ran_ms: card.ran_ms.saturating_add(waited), ..card.clone() };
        let words = format!("node {} joined", card.name);
        let entry = JournalEntry { action: Action::ClusterEvent, feed: None, subject: words };
        parts.catalog.commit(ChangeSet::by(system()).record(entry)).await?;
        let beat = HeartBeat { every: timing.beat, call: timing.call };
        let heart = Arc::new(Heart::start(parts.membership.clone(), parts.clock.clone(), card.clone(), beat));
        // Whoever has joined knows who else is here, and has been heard. If not now, it is not ready until then.
        let mut pulse = heart.pulse();
        let _ = tokio::time::timeout(timing.call, pulse.wait_for(|pulse| pulse.last.is_some())).await;
        let campaign = Campaign {
            me: card.incarnation,
            election: Arc::new(ToldElection {
                election: parts.election.clone(),
                messenger: parts.messenger.clone(),
            }),
            fences: Arc::new(CatalogPlanter::new(parts.catalog.clone(), card.name.clone())),
            clock: parts.steady.clone(),
        };
        let elector = Arc::new(campaign.start(&parts.roles, timing));
        let drain = Arc::new(watch::Sender::new(Drain::default()));
        let (duty_told, duty) = watch::channel(Duty::Idle(Idle::NobodyNamed));
        let (store_told, store) = watch::channel(None);
        let known = Arc::new(Mutex::new(known));
        let settings = Arc::new(Notify::new());
        let tending = Tending {
            parts: parts.clone(),
            heart: heart.clone(),
            elector: elector.clone(),
            known: known.clone(),
            drain: drain.clone(),
            duty: duty_told,
            settings: settings.clone(),
        };
        let watching = StoreWatch::new(parts.beacons.clone(), card.incarnation, known.clone());
        let left = watching.left();
        let tasks = vec![
            tokio::spawn(tending.run()),
            tokio::spawn(keep_looking(watching, heart.clone(), store_told)),
            tokio::spawn(heed(parts.messenger.clone(), heart.clone(), elector.clone(), settings)),
        ];
        Ok(Self { parts, heart, elector, known, duty, store, left, drain, tasks })
    }

    /// What it says of itself.
    #[must_use]
    pub fn card(&self) -> NodeCard {
        self.heart.card()
    }

    /// From now on it takes part; it listens for requests there.
    pub fn serve(&self, addresses: Vec<String>) {
        self.heart.edit(|card| {
            card.addresses = addresses;
            card.phase = Phase::Serving;
        });
        self.beat_and_tell();
    }

    /// Says at once what has changed about this node, and lets the others know when it is in the roster.
    fn beat_and_tell(&self) {
        let (mut pulse, messenger) = (self.heart.pulse(), self.parts.messenger.clone());
        pulse.mark_unchanged();
        self.heart.beat_now();
        tokio::spawn(async move {
            if pulse.changed().await.is_ok() {
                messenger.hint(Hint::RosterChanged);
            }
        });
    }

    /// Changes what it says of itself, such as how busy it is; the next beat carries it.
    pub fn edit(&self, edit: impl FnOnce(&mut NodeCard)) {
        self.heart.edit(edit);
    }

    /// Whether its Service runs, now and whenever that changes.
    #[must_use]
    pub fn duty(&self) -> watch::Receiver<Duty> {
        self.duty.clone()
    }

    /// What is wrong with the package store, now and whenever that changes.
    #[must_use]
    pub fn store_problem(&self) -> watch::Receiver<Option<String>> {
        self.store.clone()
    }

    /// What its heart knows.
    #[must_use]
    pub fn pulse(&self) -> watch::Receiver<Pulse> {
        self.heart.pulse()
    }

    /// Watches one of its roles; `None` if it does not campaign for it.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<RoleWatch> {
        self.elector.watch(role)
    }

    /// Something may have changed: look now instead of at the next beat.
    pub fn hint(&self) {
        self.elector.hint();
        self.heart.beat_now();
    }

    /// Should requests be sent here?
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let (pulse, phase) = (self.heart.pulse().borrow().clone(), self.heart.card().phase);
        if self.drain.borrow().any() || phase == Phase::Draining {
            return Readiness::Unready("the server is draining");
        }
        if phase == Phase::Joining {
            return Readiness::Unready("the server is joining the cluster");
        }
        if pulse.removed {
            return Readiness::Unready("the server was removed from the cluster");
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).settings.clone();
        if let Some(why) = lacks_key(&self.parts.card.keys, known.sealing_key.as_deref()) {
            return Readiness::Unready(why);
        }
        if !self.parts.card.components.contains(&Component::Web) {
            return Readiness::Unready("this process does background work only");
        }
        if let Some(why) = has_another_store(&pulse, self.parts.card.incarnation, &known.timing) {
            return Readiness::Unready(why);
        }
        let late = known.timing.late;
        match pulse.last {
            Some(last) if last.elapsed() < late => Readiness::Ready,
            _ => Readiness::Unready(CUT_OFF),
        }
    }

    /// Is its only ailment that its beats have not reached the database for so long that it is late? The
    /// catalogue may be reached nevertheless: who must be sure asks it.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.readiness() == Readiness::Unready(CUT_OFF)
    }

    /// Forgets whoever has been gone for as long as the settings say, and returns who that was.
    ///
    /// # Errors
    /// If the roster cannot be asked.
    pub async fn forget_departed(&self) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        let after = self.known.lock().unwrap_or_else(PoisonError::into_inner).settings.forget_after;
        self.parts.membership.forget(after).await
    }

    /// The timings, as this node last read them.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).settings.timing
    }

    /// The mode, as this node last read it.
    #[must_use]
    pub fn mode(&self) -> ClusterMode {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).row.mode
    }

    /// Is it meant to drain, because an operator wants it? Waits for that to change.
    pub fn drain_wanted(&self) -> impl Future<Output = bool> + Send + use<> {
        let mut drain = self.drain.subscribe();
        async move {
            let before = drain.borrow_and_update().wanted;
            match drain.wait_for(|now| now.wanted != before).await {
                Ok(now) => now.wanted,
                Err(_) => before,
            }
        }
    }

    /// It is stopping: readiness goes off, and its Service takes nothing new.
    pub fn begin_leaving(&self) {
        self.drain.send_modify(|drain| drain.leaving = true);
        self.heart.edit(|card| card.phase = Phase::Draining);
        self.beat_and_tell();
    }

    /// Gives back every role, so that successors need not wait. To be called when no work runs because
    /// of one any more.
    pub async fn resign(&self) {
        self.elector.stand_down().await;
    }

    /// Gives its seats up. The last step of leaving.
    pub async fn leave(mut self) {
        self.elector.stand_down().await;
        let NodeCard { name, incarnation, .. } = self.parts.card.clone();
        for task in self.tasks.drain(..) {
            task.abort();
        }
        if let Err(error) = self.parts.membership.leave(&name, incarnation).await {
            let cause = proget_core::problem::chain(&error);
            tracing::warn!(
                cause,
                "this node could not leave the roster; it will be lost there and forgotten"
            );
        }
        self.parts.messenger.hint(Hint::RosterChanged);
        self.left.take_away(&*self.parts.beacons).await;
        let entry =
            JournalEntry { action: Action::ClusterEvent, feed: None, subject: format!("node {name} left") };
        // Only for the record: the roster says it already.
        let _ = self.parts.catalog.commit(ChangeSet::by(system()).record(entry)).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Why a process with these keys cannot take part: it could not read what the others seal.
pub(super) fn lacks_key(keys: &[String], sealing: Option<&str>) -> Option<&'static str> {
    let lacks = sealing.is_some_and(|sealing| !keys.iter().any(|key| key == sealing));
    lacks.then_some("the server does not have the encryption key that is in use")
}

/// Why a process that sees another store than the cluster cannot take part: what it serves and takes is
/// not what the others have.
pub(super) fn has_another_store(pulse: &Pulse, me: Incarnation, timing: &Timing) -> Option<&'static str> {
    let shares = shares_store(pulse.roster.member(me)?, &pulse.roster, timing);
    (shares == Some(false)).then_some("the server sees another package store than the others")
}

pub(super) fn system() -> Actor {
    Actor("SYSTEM".into())
}

pub(super) async fn read(catalog: &dyn Catalog) -> Result<Known, CatalogError> {
    // The row first: a setting that changes in between changes the revision, so it is read again.
    let row = catalog.instance().await?;
    let settings = ClusterSettings::read(&catalog.settings().await?);
    Ok(Known { row, settings })
}
