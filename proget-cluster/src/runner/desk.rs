//! What looking for jobs and doing them share: seats, whether anything is taken in, and the counts.

use super::queue::{Queue, WorkTiming};
use crate::job::Job;
use proget_core::catalog::{CatalogError, ChangeSet, Committed, JobKind};
use proget_core::ids::JobId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Are jobs claimed?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Yes.
    Open,
    /// No; what is claimed goes on.
    Paused,
}

/// How attempts ended in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkTally {
    /// Claims that were made.
    pub claimed: u64,
    /// Jobs that were completed.
    pub done: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Jobs that operators called off.
    pub cancelled: u64,
    /// Jobs that were given back unfinished.
    pub given_back: u64,
    /// Claims that were lost, or whose end could not be written.
    pub lost: u64,
}

/// How the jobs of a process are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkStatus {
    /// What runs, with its kind.
    pub running: BTreeMap<JobId, String>,
    /// How many may.
    pub limit: usize,
    /// Is anything claimed?
    pub intake: Intake,
    /// Did the catalogue say that the mode does not let this node run the Service? Nothing is claimed
    /// then until the mode or a setting changes.
    pub barred: bool,
    /// Since the start.
    pub tally: WorkTally,
    /// The same by kind of job.
    pub kinds: BTreeMap<String, WorkTally>,
}

/// How draining went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DrainReport {
    /// Attempts that ended by themselves, well or not.
    pub ended: u64,
    /// Jobs that were given back unfinished.
    pub given_back: u64,
    /// Claims that were lost, or whose end could not be written; they run out by themselves.
    pub lost: u64,
}

/// See the module's page.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) queue: Queue,
    pub(super) kinds: Vec<JobKind>,
    pub(super) seats: Arc<Semaphore>,
    pub(super) intake: watch::Sender<Intake>,
    pub(super) hint: Notify,
    /// Changes with each hint, for attempts under way: their job may have been called off.
    pub(super) hinted: watch::Sender<u64>,
    /// Changes when whatever runs is to be given back.
    pub(super) give_back: watch::Sender<u64>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Looks that may claim, and attempts.
    busy: watch::Sender<usize>,
    /// Thrown by [`spread`](Self::spread). Begins at the process's random name, so that processes differ
    /// and a simulation, which gives the name, can be repeated.
    dice: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<JobId, String>,
    tally: WorkTally,
    kinds: BTreeMap<String, WorkTally>,
    barred: bool,
}

impl Desk {
    pub(super) fn new(queue: Queue, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self {
            kinds: queue.jobs.iter().map(|job| job.kind()).collect(),
            seats: Arc::new(Semaphore::new(queue.limit.clamp(1, Semaphore::MAX_PERMITS))),
            intake: watch::Sender::new(Intake::Open),
            hint: Notify::new(),
            hinted: watch::Sender::new(0),
            give_back: watch::Sender::new(0),
            busy: watch::Sender::new(0),
            dice: AtomicU64::new(queue.holder.0.as_u64_pair().1),
            state: Mutex::default(),
            queue,
            stop,
            tasks,
        }
    }

    pub(super) fn timing(&self) -> WorkTiming {
        self.queue.timing
    }

    pub(super) fn job_of(&self, kind: &str) -> Option<Arc<dyn Job>> {
        self.queue.jobs.iter().find(|job| job.kind().as_str() == kind).cloned()
    }

    /// One commit, within the time limit of calls or a shorter one; `None` if it got no answer in time.
    pub(super) async fn commit(
        &self,
        changes: ChangeSet,
        within: Duration,
    ) -> Option<Result<Committed, CatalogError>> {
        timeout(self.timing().call.min(within), self.queue.catalog.commit(changes)).await.ok()
    }

    /// That long and up to a quarter more, at random, so that what began together does not stay together.
    pub(super) fn spread(&self, time: Duration) -> Duration {
        // An odd step visits every number; the middle of a product is mixed well enough for this.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let thrown = self.dice.fetch_add(STEP, Ordering::Relaxed).wrapping_mul(STEP) >> 32;
        time + time * u32::try_from(thrown & 0xff).unwrap_or_default() / 1024
    }

    /// While the answer lives, a drain waits.
    pub(super) fn enter(self: &Arc<Self>) -> Busy {
        self.busy.send_modify(|busy| *busy += 1);
        Busy(Arc::clone(self))
    }

    pub(super) fn note(&self, kind: &str, count: impl Fn(&mut WorkTally)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut state.tally);
        count(state.kinds.entry(kind.to_owned()).or_default());
    }

    pub(super) fn begun(&self, job: JobId, kind: String) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).running.insert(job, kind);
    }

    pub(super) fn ended(&self, job: JobId) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).running.remove(&job);
    }

    pub(super) fn bar(&self, barred: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).barred = barred;
    }

    pub(super) fn status(&self) -> WorkStatus {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        WorkStatus {
            running: state.running.clone(),
            limit: self.queue.limit.max(1),
            intake: *self.intake.borrow(),
            barred: state.barred,
            tally: state.tally,
            kinds: state.kinds.clone(),
        }
    }

    pub(super) async fn drain(&self, deadline: Duration) -> DrainReport {
        let before = self.status().tally;
        self.intake.send_replace(Intake::Paused);
        let mut busy = self.busy.subscribe();
        if timeout(deadline, busy.wait_for(|busy| *busy == 0)).await.is_err() {
            self.give_back.send_modify(|round| *round += 1);
            // Each ends within the grace and a few calls. The sender is ours, so this cannot fail.
            let _ = busy.wait_for(|busy| *busy == 0).await;
        }
        let after = self.status().tally;
        let ended = |tally: WorkTally| tally.done + tally.failed + tally.cancelled;
        DrainReport {
            ended: ended(after) - ended(before),
            given_back: after.given_back - before.given_back,
            lost: after.lost - before.lost,
        }
    }
}

/// Somebody whom a drain waits for.
#[derive(Debug)]
pub(super) struct Busy(Arc<Desk>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.send_modify(|busy| *busy -= 1);
    }
}
