//! The network between one process and what it shares with others. A message has a fate, thrown when it is
//! sent: it arrives after a while and is answered after a while, or late, or nobody ever hears of it,
//! or its effect is never reported. What a message is about has its own source of chance: tokio wakes those who
//! wait for one value in an order of its own, which must not change what becomes of what they send. Once sent it is not the sender's any more: a process that is frozen, gives
//! up or dies stops nothing that is under way.

use super::chance::Chance;
use super::process::ProcessClock;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// For how long an answer is waited for, by the sender's clock.
const PATIENCE: Duration = Duration::from_secs(4);

const MS: u64 = 1000;

/// What a process shares with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Catalog,
    Store,
    Register,
}

impl Peer {
    pub(crate) const ALL: [Self; 3] = [Self::Catalog, Self::Store, Self::Register];
}

/// A connection that is cut for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) seat: usize,
    pub(crate) peer: Peer,
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// The weather, which is known before a schedule begins.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) cuts: Vec<Cut>,
    /// From then on every message arrives soon.
    pub(crate) calm: u64,
}

/// Hands an answer to whoever waits for it.
pub(crate) type Reply = Box<dyn FnOnce() + Send>;

/// Is the message carried out, or does its sender hear that it was not?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    CarriedOut,
    Refused,
}

/// What a message does when it arrives.
pub(crate) type Errand = Box<dyn FnOnce(Turn) -> Reply + Send>;

/// What becomes of a message; in microseconds of the simulated time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered { arrives: u64, heard: u64 },
    Unanswered { arrives: u64 },
    Refused { heard: u64 },
    Lost,
}

/// A message on its way.
pub(crate) struct Letter {
    about: &'static str,
    pub(crate) fate: Fate,
    pub(crate) errand: Errand,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It certainly was not carried out.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One process's connections.
pub(crate) struct Wire {
    seat: usize,
    clock: Arc<ProcessClock>,
    weather: Arc<Weather>,
    chance: Chance,
    chances: Mutex<BTreeMap<&'static str, Chance>>,
    outbox: Mutex<Vec<Letter>>,
    /// Something was sent.
    pub(crate) sent: Notify,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("seat", &self.seat).finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) fn new(
        seat: usize,
        clock: Arc<ProcessClock>,
        weather: Arc<Weather>,
        chance: Chance,
    ) -> Arc<Self> {
        let (chances, outbox, sent) = (Mutex::default(), Mutex::default(), Notify::new());
        Arc::new(Self { seat, clock, weather, chance, chances, outbox, sent })
    }

    /// Sends a message and waits for its answer.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        peer: Peer,
        about: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Silence> {
        let (answer, answered) = oneshot::channel();
        let errand = move |turn| {
            let outcome = (turn == Turn::CarriedOut).then(work);
            // Whoever asked may be gone.
            Box::new(move || drop(answer.send(outcome))) as Reply
        };
        let fate = self.fate(peer, about);
        self.outbox.lock().unwrap().push(Letter { about, fate, errand: Box::new(errand) });
        self.sent.notify_one();
        match timeout(PATIENCE, answered).await {
            Ok(Ok(Some(outcome))) => Ok(outcome),
            Ok(Ok(None)) => Err(Silence::Refused),
            Ok(Err(_)) | Err(_) => Err(Silence::Unknown),
        }
    }

    /// What was sent since it was asked last.
    pub(crate) fn take(&self) -> Vec<Letter> {
        let mut letters = std::mem::take(&mut *self.outbox.lock().unwrap());
        letters.sort_by_key(|letter| letter.about);
        letters
    }

    fn fate(&self, peer: Peer, about: &'static str) -> Fate {
        let now = self.clock.global();
        let mut chances = self.chances.lock().unwrap();
        let chance = chances.entry(about).or_insert_with(|| self.chance.for_purpose(about));
        if now >= self.weather.calm {
            let arrives = now + chance.within(MS, 8 * MS);
            return Fate::Answered { arrives, heard: arrives + chance.within(MS, 8 * MS) };
        }
        let arrives = now + delay(chance);
        let heard = arrives + delay(chance);
        // Thrown always, so that a cut changes no other message's fate.
        let bad_luck = chance.below(120);
        if self.is_cut(peer, now) {
            return if bad_luck < 60 { Fate::Refused { heard: now + 5 * MS } } else { Fate::Lost };
        }
        match bad_luck {
            _ if self.is_cut(peer, heard) => Fate::Unanswered { arrives },
            0 => Fate::Lost,
            1 => Fate::Refused { heard },
            2 | 3 => Fate::Unanswered { arrives },
            _ => Fate::Answered { arrives, heard },
        }
    }

    fn is_cut(&self, peer: Peer, at: u64) -> bool {
        let mut cuts = self.weather.cuts.iter();
        cuts.any(|cut| cut.seat == self.seat && cut.peer == peer && cut.from <= at && at < cut.until)
    }
}

/// How long a message is under way: mostly not at all, sometimes as long as is waited for, seldom longer.
fn delay(chance: &mut Chance) -> u64 {
    match chance.below(80) {
        0 => chance.within(MS, 12_000 * MS),
        1..=5 => chance.within(MS, 900 * MS),
        _ => chance.within(MS, 25 * MS),
    }
}
