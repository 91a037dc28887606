//! Tending chores: each at its time, those that are held as a role only while this process leads it.
//!
//! The time runs from the end of the last run in *this* process, or from its start; so a node that
//! takes a role over begins at once if the chore has been due for it, and a server that is restarted
//! again and again does not sweep each time.

use crate::chore::{Chore, ChoreError, ChoreWork, Findings};
use crate::election::RoleWatch;
use proget_core::problem::chain;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How a chore is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoreStatus {
    /// Its name.
    pub name: &'static str,
    /// One sentence about it.
    pub about: &'static str,
    /// How long between two runs.
    pub every: Duration,
    /// How often it has run to its end in this process.
    pub runs: u64,
    /// How the last run ended: what it found, or why it failed.
    pub last: Option<Result<String, String>>,
}

/// A chore with what is known about it.
#[derive(Debug)]
pub(super) struct Seat {
    chore: Arc<dyn Chore>,
    /// Who leads the role it is held as; `None` if it is held as none, or nobody was asked.
    leads: Option<RoleWatch>,
    wake: Notify,
    record: Mutex<(u64, Option<Result<String, String>>)>,
}

impl Seat {
    pub(super) fn new(chore: Arc<dyn Chore>, leads: Option<RoleWatch>) -> Self {
        Self { chore, leads, wake: Notify::new(), record: Mutex::default() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.chore.name()
    }

    /// It is due now.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn status(&self) -> ChoreStatus {
        let (runs, last) = self.record.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (name, about, every) = (self.chore.name(), self.chore.about(), self.chore.every());
        ChoreStatus { name, about, every, runs, last }
    }

    /// Tends the chore until it is told to stop.
    pub(super) async fn tend(self: Arc<Self>, stop: CancellationToken) {
        let mut due = Instant::now() + self.chore.every();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(due) => {}
                () = self.wake.notified() => {}
            }
            let outcome = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                outcome = self.run(&stop) => outcome,
            };
            match outcome {
                Run::Ended(outcome) => {
                    self.note(outcome);
                    due = Instant::now() + self.chore.every();
                }
                // It was cut off: whoever leads next begins anew, and so does this process if it is that.
                Run::RoleLost => due = Instant::now(),
                Run::NobodyCampaigns => return,
            }
        }
    }

    async fn run(&self, stop: &CancellationToken) -> Run {
        let stop = stop.child_token();
        // However this ends, whatever the chore has begun beside itself is told.
        let _told = stop.clone().drop_guard();
        let Some(leads) = &self.leads else {
            return Run::Ended(self.chore.tend(&ChoreWork { fence: None, stop }).await);
        };
        let Some(leadership) = leads.clone().held().await else { return Run::NobodyCampaigns };
        let Ok(fence) = leadership.fence() else { return Run::RoleLost };
        let work = ChoreWork { fence: Some(fence), stop };
        tokio::select! {
            biased;
            () = leadership.lost() => {
                tracing::info!(chore = self.name(), role = %fence.role, "the role is lost; the chore was cut off");
                Run::RoleLost
            }
            outcome = self.chore.tend(&work) => Run::Ended(outcome),
        }
    }

    fn note(&self, outcome: Result<Findings, ChoreError>) {
        let chore = self.chore.name();
        let outcome = match outcome {
            Ok(findings) if findings.0.is_empty() => Ok(String::new()),
            Ok(findings) => {
                tracing::info!(chore, found = findings.0, "chore done");
                Ok(findings.0)
            }
            Err(error) => {
                let cause = chain(&error);
                tracing::warn!(chore, cause, "chore failed; it will be tried again at its time");
                Err(error.to_string())
            }
        };
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.0 += 1;
        record.1 = Some(outcome);
    }
}

/// How a run of a chore ended.
enum Run {
    Ended(Result<Findings, ChoreError>),
    RoleLost,
    /// The elector has ended: the role will not be held here any more.
    NobodyCampaigns,
}
