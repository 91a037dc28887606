//! The task that beats: on its own time, on its own connection, whatever else the process is busy with.
//!
//! A beat without an answer is no lost seat: the next one is tried on time. The roster is read only
//! now and then, because an idle node should cost its database next to nothing.

use super::{Membership, NodeCard, Roster};
use proget_core::clock::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Every so many beats the roster is read too. It also is when somebody asks for a beat at once.
const ROSTER_EVERY: u32 = 4;

/// Beats that are asked for keep at least this distance: a storm of hints is no storm of statements.
const BREATH: Duration = Duration::from_millis(50);

/// What the heart knows. Everything here is for people and for stopping; nothing is taken over
/// because of it.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    /// When the register last took a beat, on this process's own clock.
    pub last: Option<Instant>,
    /// Has this process lost its seat? It stays lost.
    pub removed: bool,
    /// How many beats in a row were not answered.
    pub missed: u32,
    /// How long the last answered beat took.
    pub latency: Duration,
    /// Everybody, as last seen.
    pub roster: Arc<Roster>,
}

/// How the heart beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartBeat {
    /// How often.
    pub every: Duration,
    /// How long one call may take.
    pub call: Duration,
}

/// A beating heart. Dropping it stops it, and nothing else: the seat stays until others forget it.
#[derive(Debug)]
pub struct Heart {
    card: Arc<Mutex<NodeCard>>,
    pulse: watch::Receiver<Pulse>,
    timing: watch::Sender<HeartBeat>,
    now: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Heart {
    /// Begins to beat for a card that has its seats, within the current tokio runtime.
    #[must_use]
    pub fn start(
        membership: Arc<dyn Membership>,
        clock: Arc<dyn Clock>,
        card: NodeCard,
        timing: HeartBeat,
    ) -> Self {
        let card = Arc::new(Mutex::new(card));
        let (told, pulse) = watch::channel(Pulse::default());
        let (timing, times) = watch::channel(timing);
        let now = Arc::new(Notify::new());
        let beating = Beating { membership, clock, card: card.clone(), told, times, now: now.clone() };
        Self { card, pulse, timing, now, task: tokio::spawn(beating.run()) }
    }

    /// What the heart knows, and a way to wait for what it learns next.
    #[must_use]
    pub fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.clone()
    }

    /// The card as it is.
    #[must_use]
    pub fn card(&self) -> NodeCard {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the card; the next beat carries it.
    pub fn edit(&self, edit: impl FnOnce(&mut NodeCard)) {
        edit(&mut self.card.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Beats now, and reads the roster: something about the card, or about others, matters at once.
    pub fn beat_now(&self) {
        self.now.notify_one();
    }

    /// Beats in another measure from now on.
    pub fn retime(&self, timing: HeartBeat) {
        self.timing.send_if_modified(|known| std::mem::replace(known, timing) != timing);
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Beating {
    membership: Arc<dyn Membership>,
    clock: Arc<dyn Clock>,
    card: Arc<Mutex<NodeCard>>,
    told: watch::Sender<Pulse>,
    times: watch::Receiver<HeartBeat>,
    now: Arc<Notify>,
}

impl Beating {
    async fn run(mut self) {
        let mut until_roster = 0;
        loop {
            let timing = *self.times.borrow_and_update();
            let begun = Instant::now();
            let roster = if until_roster == 0 { Reads::Roster } else { Reads::Nothing };
            if self.beat(timing.call, roster).await {
                until_roster = if until_roster == 0 { ROSTER_EVERY } else { until_roster } - 1;
            }
            if self.told.borrow().removed {
                return;
            }
            let rest = timing.every.saturating_sub(begun.elapsed());
            tokio::select! {
                // Never quite zero: a database that is slow must not make this spin.
                () = tokio::time::sleep(rest.max(Duration::from_millis(10))) => {}
                () = self.now.notified() => {
                    until_roster = 0;
                    tokio::time::sleep(BREATH.saturating_sub(begun.elapsed())).await;
                }
                changed = self.times.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Was the beat, and the question with it, answered?
    async fn beat(&self, limit: Duration, reads: Reads) -> bool {
        let card = self.card.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let begun = Instant::now();
        let beaten = match timeout(limit, self.membership.beat(&card)).await {
            Ok(Ok(beaten)) => beaten,
            Ok(Err(error)) => return self.missed(&proget_core::problem::chain(&error)),
            Err(_) => return self.missed("no answer in time"),
        };
        let latency = begun.elapsed();
        if !beaten.seated {
            tracing::error!(node = %card.name, "this node was removed from the cluster; its Service stops");
            self.told.send_modify(|pulse| pulse.removed = true);
            return true;
        }
        let asked = Instant::now();
        let roster = match reads {
            Reads::Nothing => None,
            // If it is not answered the beat counted nevertheless; others are seen again next time.
            Reads::Roster => timeout(limit, self.membership.roster()).await.ok().and_then(Result::ok),
        };
        let answered = roster.is_some() || reads == Reads::Nothing;
        if let Some(roster) = &roster {
            // Half of the way there and back, which is the best guess that one question allows.
            let ours = self.clock.now().0 - i64::try_from(asked.elapsed().as_millis() / 2).unwrap_or(0);
            let skew = ours - roster.at.0;
            self.card.lock().unwrap_or_else(PoisonError::into_inner).skew_ms = skew;
        }
        self.told.send_modify(|pulse| {
            (pulse.last, pulse.missed, pulse.latency) = (Some(begun), 0, latency);
            if let Some(roster) = roster {
                pulse.roster = Arc::new(roster);
            }
        });
        answered
    }

    fn missed(&self, cause: &str) -> bool {
        tracing::warn!(cause, "a beat was not answered");
        self.told.send_modify(|pulse| pulse.missed = pulse.missed.saturating_add(1));
        false
    }
}

/// What is read together with a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Roster,
    Nothing,
}

#[cfg(test)]
#[path = "heart_tests.rs"]
mod tests;
