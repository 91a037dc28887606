//! Carrying out what the elector decides: calls with time limits, waiting, and telling.
//!
//! One task; everything that takes time runs beside it and comes back as an event. If the task is
//! dropped or dies, nothing is renewed any more and all trust ends by itself.

use super::clock::SteadyClock;
use super::elector::{Command, Elector, Plant};
use super::leadership::{RoleWatch, Seat, Trust};
use super::{Election, Holding, Lease, Tick, Timing};
use async_trait::async_trait;
use proget_core::catalog::{Fence, Role};
use proget_core::ids::Incarnation;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Where fences are planted: the catalogue, which from then on refuses every older one.
#[async_trait]
pub trait FencePlanter: fmt::Debug + Send + Sync + 'static {
    /// Plants a fence. It is asked for again with every renewal: one that stands already, with this very
    /// term and holder, is planted, and that should cost little.
    async fn plant(&self, fence: Fence) -> Plant;
}

/// What the elector's owner may ask of it.
#[derive(Debug)]
enum Wish {
    Stand,
    StandDown(oneshot::Sender<()>),
    Resign(Role),
    Retime(Timing),
    Hint,
}

/// The elector of a process, running. Dropping it ends it; whatever it held lapses.
#[derive(Debug)]
pub struct RunningElector {
    wishes: mpsc::UnboundedSender<Wish>,
    watches: BTreeMap<Role, RoleWatch>,
}

impl RunningElector {
    /// Watches one of its roles; `None` if it is not one of them.
    #[must_use]
    pub fn watch(&self, role: Role) -> Option<RoleWatch> {
        self.watches.get(&role).cloned()
    }

    /// From now on this process campaigns.
    pub fn stand(&self) {
        self.wish(Wish::Stand);
    }

    /// From now on it does not. Returns when what it held has been given back, or could not be.
    pub async fn stand_down(&self) {
        let (done, gone) = oneshot::channel();
        self.wish(Wish::StandDown(done));
        // An elector that has ended holds nothing.
        let _ = gone.await;
    }

    /// As [`stand_down`](Self::stand_down), without waiting.
    pub fn withdraw(&self) {
        self.wish(Wish::StandDown(oneshot::channel().0));
    }

    /// Gives up one role; somebody else, or this process, will take it.
    pub fn resign(&self, role: Role) {
        self.wish(Wish::Resign(role));
    }

    /// Other timings, which have been checked.
    pub fn retime(&self, timing: Timing) {
        self.wish(Wish::Retime(timing));
    }

    /// Looking at once may be worthwhile.
    pub fn hint(&self) {
        self.wish(Wish::Hint);
    }

    fn wish(&self, wish: Wish) {
        // Fails only if the task has ended, and with it everything that could be wished for.
        let _ = self.wishes.send(wish);
    }
}

/// All that an elector needs to run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// This process.
    pub me: Incarnation,
    /// The register of leases.
    pub election: Arc<dyn Election>,
    /// Where fences are planted.
    pub fences: Arc<dyn FencePlanter>,
    /// By which trust is measured.
    pub clock: Arc<dyn SteadyClock>,
}

impl Campaign {
    /// Starts an elector for these roles within the current tokio runtime. It follows until it is
    /// told to stand.
    #[must_use]
    pub fn start(self, roles: &[Role], timing: Timing) -> RunningElector {
        let seats: BTreeMap<Role, Seat> = roles.iter().map(|role| (*role, Seat::new())).collect();
        let watches = seats.iter().map(|(role, seat)| {
            let (trust, clock) = (seat.trust.subscribe(), Arc::clone(&self.clock));
            (*role, RoleWatch { role: *role, me: self.me, trust, clock })
        });
        let watches = watches.collect();
        let (wishes, inbox) = mpsc::unbounded_channel();
        let elector = Elector::new(roles.iter().copied(), timing);
        let roles = roles.to_vec();
        let driver = Driver {
            campaign: self,
            roles,
            timing,
            elector,
            seats,
            calls: JoinSet::new(),
            resigning: Vec::new(),
        };
        tokio::spawn(driver.run(inbox));
        RunningElector { wishes, watches }
    }
}

/// A call that has ended.
enum Outcome {
    Looked(Option<Vec<Lease>>),
    Acquired(Role, Tick, Option<i64>),
    Renewed(Vec<Holding>, Option<Vec<Holding>>),
    Planted(Holding, Plant),
    Resigned,
}

struct Driver {
    campaign: Campaign,
    roles: Vec<Role>,
    timing: Timing,
    elector: Elector,
    seats: BTreeMap<Role, Seat>,
    calls: JoinSet<Outcome>,
    /// Who waits until everything has been given back.
    resigning: Vec<oneshot::Sender<()>>,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Wish>) {
        loop {
            let commands = self.elector.tick(self.now());
            self.carry_out(commands);
            if self.calls.is_empty() {
                for done in self.resigning.drain(..) {
                    // Whoever asked may have left.
                    let _ = done.send(());
                }
            }
            let now = self.now();
            let wait = self.elector.next(now).0.saturating_sub(now.0);
            let commands = tokio::select! {
                // In this order, so that a schedule of events has one outcome.
                biased;
                wish = inbox.recv() => match wish {
                    Some(wish) => self.grant(wish),
                    None => return,
                },
                Some(outcome) = self.calls.join_next() => match outcome {
                    Ok(outcome) => self.hear(outcome),
                    // A call that panicked is one without an answer, and its time limit ends its effect.
                    Err(error) => {
                        tracing::error!(%error, "a call to the election ended in a panic");
                        return;
                    }
                },
                // Never quite zero: a clock that stands still must not make this spin.
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => Vec::new(),
            };
            self.carry_out(commands);
        }
    }

    fn now(&self) -> Tick {
        self.campaign.clock.tick()
    }

    fn grant(&mut self, wish: Wish) -> Vec<Command> {
        match wish {
            Wish::Stand => self.elector.stand(),
            Wish::StandDown(done) => {
                self.resigning.push(done);
                return self.elector.stand_down();
            }
            Wish::Resign(role) => return self.elector.resign(role),
            Wish::Retime(timing) => {
                self.timing = timing;
                self.elector.retime(timing);
            }
            Wish::Hint => self.elector.hint(),
        }
        Vec::new()
    }

    fn hear(&mut self, outcome: Outcome) -> Vec<Command> {
        let now = self.now();
        match outcome {
            Outcome::Looked(found) => self.elector.looked(now, found.as_deref()),
            Outcome::Acquired(role, since, granted) => self.elector.acquired(now, role, since, granted),
            Outcome::Renewed(asked, prolonged) => self.elector.renewed(now, &asked, prolonged.as_deref()),
            Outcome::Planted(held, outcome) => self.elector.planted(now, held, outcome),
            Outcome::Resigned => Vec::new(),
        }
    }

    fn carry_out(&mut self, commands: Vec<Command>) {
        let (limit, lease) = (self.timing.call, self.timing.lease);
        for command in commands {
            let Campaign { me, election, fences, .. } = self.campaign.clone();
            match command {
                Command::Look => {
                    let roles = self.roles.clone();
                    self.calls.spawn(async move {
                        Outcome::Looked(answered(timeout(limit, election.look(&roles)).await))
                    });
                }
                Command::Acquire { role, floor, since } => {
                    self.calls.spawn(async move {
                        let granted = timeout(limit, election.acquire(me, role, floor, lease)).await;
                        Outcome::Acquired(role, since, answered(granted).flatten())
                    });
                }
                Command::Renew(held) => {
                    self.calls.spawn(async move {
                        let prolonged = timeout(limit, election.renew(me, &held, lease)).await;
                        Outcome::Renewed(held, answered(prolonged))
                    });
                }
                Command::Plant(held) => {
                    let fence = Fence { role: held.role, term: held.term, holder: me };
                    self.calls.spawn(async move {
                        let planted = timeout(limit, fences.plant(fence)).await;
                        Outcome::Planted(held, planted.unwrap_or(Plant::Unknown))
                    });
                }
                Command::Resign(held) => {
                    self.calls.spawn(async move {
                        answered(timeout(limit, election.resign(me, held)).await);
                        Outcome::Resigned
                    });
                }
                Command::Trust(held, until) => self.publish(held, Some(Trust { held, until })),
                Command::Distrust(held) => self.publish(held, None),
            }
        }
    }

    fn publish(&self, held: Holding, trust: Option<Trust>) {
        let Some(seat) = self.seats.get(&held.role) else { return };
        let before = seat.trust.send_replace(trust);
        match (before, trust) {
            (None, Some(_)) => tracing::info!(role = %held.role, term = held.term, "role taken"),
            (Some(_), None) => tracing::info!(role = %held.role, term = held.term, "role given up or lost"),
            _ => {}
        }
    }
}

/// What a call that answered said; the log has why another did not.
fn answered<T>(outcome: Result<Result<T, super::ElectionError>, tokio::time::error::Elapsed>) -> Option<T> {
    match outcome {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(proget_core::problem::chain);
            tracing::warn!(%error, cause, "nobody can say whether it had its effect");
            None
        }
        Err(_) => {
            tracing::warn!("the election did not answer in time");
            None
        }
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
