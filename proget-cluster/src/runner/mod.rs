//! The runner: tends each chore at its time, does queued jobs, dispatches schedules, tells how it goes,
//! and stops when it is told to.
//!
//! Claiming is in `look`, one claimed job's life in `attempt`, what both share in `desk`; chores in
//! `chores`, and the two that the queue needs itself in `dispatch`.

mod attempt;
mod chores;
mod desk;
mod dispatch;
mod look;
mod queue;

pub use chores::ChoreStatus;
pub use desk::{DrainReport, Intake, WorkStatus, WorkTally};
pub use queue::{BadWorkTiming, Queue, WorkTiming};

use crate::Chore;
use crate::election::RoleWatch;
use chores::Seat;
use desk::Desk;
use proget_core::access::Actor;
use proget_core::catalog::Role;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// As whom background work writes.
pub(crate) fn system() -> Actor {
    Actor("SYSTEM".into())
}

/// Chores and jobs, before they run.
#[derive(Debug, Default)]
pub struct Runner {
    chores: Vec<Arc<dyn Chore>>,
    leads: BTreeMap<Role, RoleWatch>,
    queue: Option<Queue>,
}

impl Runner {
    /// Without chores and without a queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a chore.
    #[must_use]
    pub fn chore(mut self, chore: Arc<dyn Chore>) -> Self {
        self.chores.push(chore);
        self
    }

    /// Chores that are held as this role run only while the role is held here. Without this they run
    /// wherever they are, without a fence: for embedders without a cluster.
    #[must_use]
    pub fn led(mut self, watch: RoleWatch) -> Self {
        self.leads.insert(watch.role(), watch);
        self
    }

    /// Does jobs of this queue. Where the primary's role is [led](Self::led), it also dispatches schedules
    /// and forgets old jobs.
    #[must_use]
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Starts, within the current tokio runtime. Each chore waits its time before its first run, so
    /// that a server which is restarted again and again does not sweep each time.
    #[must_use]
    pub fn start(mut self) -> Running {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Some(queue) = self.queue.as_ref().filter(|_| self.leads.contains_key(&Role::PRIMARY)) {
            self.chores.extend(dispatch::chores(queue));
        }
        let leads = self.leads;
        let seat = |chore: Arc<dyn Chore>| {
            let watch = chore.held_as().and_then(|role| leads.get(&role).cloned());
            Arc::new(Seat::new(chore, watch))
        };
        let seats: Vec<Arc<Seat>> = self.chores.into_iter().map(seat).collect();
        for seat in &seats {
            tasks.spawn(Arc::clone(seat).tend(stop.clone()));
        }
        let desk = self.queue.map(|queue| Arc::new(Desk::new(queue, stop.clone(), tasks.clone())));
        if let Some(desk) = desk.as_ref().filter(|desk| !desk.kinds.is_empty()) {
            let (looking, stop) = (look::keep_looking(Arc::clone(desk)), stop.clone());
            tasks.spawn(async move { stop.run_until_cancelled(looking).await });
        }
        Running { seats, desk, stop, tasks }
    }
}

/// Chores and jobs that are being done; dropping it stops them, and claims are left to run out.
#[derive(Debug)]
pub struct Running {
    seats: Vec<Arc<Seat>>,
    desk: Option<Arc<Desk>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// How each chore is doing.
    #[must_use]
    pub fn status(&self) -> Vec<ChoreStatus> {
        self.seats.iter().map(|seat| seat.status()).collect()
    }

    /// How the jobs are doing; `None` without a queue.
    #[must_use]
    pub fn work(&self) -> Option<WorkStatus> {
        self.desk.as_ref().map(|desk| desk.status())
    }

    /// Asks for a run of the chore of that name now; says whether there is one. One that is held as a
    /// role runs when the role is held here.
    pub fn run_now(&self, name: &str) -> bool {
        let seat = self.seats.iter().find(|seat| seat.name() == name);
        seat.inspect(|seat| seat.wake()).is_some()
    }

    /// There may be work, or some may have been called off: look now instead of at the next poll.
    pub fn hint(&self) {
        if let Some(desk) = &self.desk {
            desk.hint.notify_one();
            desk.hinted.send_modify(|hints| *hints += 1);
        }
    }

    /// Claims nothing from now on; what is claimed goes on.
    pub fn pause(&self) {
        self.intake(Intake::Paused);
    }

    /// Claims again.
    pub fn resume(&self) {
        self.intake(Intake::Open);
    }

    fn intake(&self, intake: Intake) {
        if let Some(desk) = &self.desk {
            desk.intake.send_replace(intake);
        }
    }

    /// Claims nothing from now on and waits for the jobs to end; what has not ended by the deadline is
    /// told to, and given back after a short grace. Chores go on. Returns when no job runs any more.
    pub async fn drain(&self, deadline: Duration) -> DrainReport {
        match &self.desk {
            Some(desk) => desk.drain(deadline).await,
            None => DrainReport::default(),
        }
    }

    /// Drains and stops; returns when nothing runs any more. A chore in its middle is dropped, which chores
    /// permit.
    pub async fn stop(self, deadline: Duration) -> DrainReport {
        let report = self.drain(deadline).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        report
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod chore_tests;
#[cfg(test)]
mod job_tests;
#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod stage;
