//! The primary's chores about the queue: turning due occurrences of schedules into jobs, and forgetting
//! jobs that have long been over. Both carry the fence of its role.

use super::queue::Queue;
use super::system;
use crate::chore::{Chore, ChoreError, ChoreWork, Findings};
use crate::schedule::Cron;
use async_trait::async_trait;
use proget_core::catalog::{
    Catalog, CatalogError, ChangeSet, Conflict, Fence, JobChange, JobKind, NewJob, Occurrence, Role,
    ScheduleRow,
};
use proget_core::clock::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often schedules are looked at; they are due at whole minutes.
const LOOK: Duration = Duration::from_secs(2);

/// How often old jobs are looked for.
const FORGET: Duration = Duration::from_secs(3600);

/// How often a job of a kind that this build does not know may fail.
const ATTEMPTS: u32 = 5;

/// The chores that keep a queue going.
pub(super) fn chores(queue: &Queue) -> [Arc<dyn Chore>; 2] {
    let attempts = queue.jobs.iter().map(|job| (job.kind().to_string(), job.attempts())).collect();
    let dispatch = Dispatch { catalog: Arc::clone(&queue.catalog), attempts };
    [Arc::new(dispatch), Arc::new(ForgetJobs { catalog: Arc::clone(&queue.catalog), keep: queue.keep })]
}

/// Turns due occurrences into jobs, also of kinds that only other builds know: they wait for those.
pub(super) struct Dispatch {
    catalog: Arc<dyn Catalog>,
    attempts: BTreeMap<String, u32>,
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatch").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

impl Dispatch {
    /// Whether this schedule is due; its name, if it has become a job.
    async fn dispatch(
        &self,
        schedule: ScheduleRow,
        now: Timestamp,
        fence: Fence,
    ) -> Result<Option<String>, ChoreError> {
        let cron: Cron = schedule.cron.parse().map_err(|refusal| ChoreError {
            doing: format!("the schedule '{}' cannot be followed", schedule.name),
            source: Some(Box::new(refusal)),
        })?;
        let Some(due) = cron.due(schedule.last, now) else { return Ok(None) };
        let attempts = self.attempts.get(&schedule.kind).copied().unwrap_or(ATTEMPTS);
        let job = NewJob {
            kind: JobKind::named(schedule.kind),
            key: schedule.key,
            input: schedule.input,
            after: Duration::ZERO,
            attempts,
        };
        let occurrence = Occurrence { schedule: schedule.name.clone(), due };
        let occur = JobChange::Occur { occurrence, last: schedule.last, job };
        match self.catalog.commit(ChangeSet::by(system()).fenced(fence).with(occur)).await {
            Ok(_) => Ok(Some(schedule.name)),
            // Somebody did it, or the schedule is gone.
            Err(CatalogError::Conflict(Conflict::Occurred)) => Ok(None),
            Err(error) => Err(failed(format!("dispatching the schedule '{}'", schedule.name), error)),
        }
    }
}

#[async_trait]
impl Chore for Dispatch {
    fn name(&self) -> &'static str {
        "dispatch-schedules"
    }

    fn about(&self) -> &'static str {
        "turns each due occurrence of a schedule into a job"
    }

    fn every(&self) -> Duration {
        LOOK
    }

    fn held_as(&self) -> Option<Role> {
        Some(Role::PRIMARY)
    }

    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError> {
        let Some(fence) = work.fence else { return Ok(Findings::default()) };
        let schedules = self.catalog.schedules().await.map_err(|error| failed("reading schedules", error))?;
        if !schedules.iter().any(|schedule| schedule.enabled) {
            return Ok(Findings::default());
        }
        let now = self.catalog.instance().await.map_err(|error| failed("reading the clock", error))?.now;
        let (mut dispatched, mut failure) = (Vec::new(), None);
        for schedule in schedules.into_iter().filter(|schedule| schedule.enabled) {
            match self.dispatch(schedule, now, fence).await {
                Ok(name) => dispatched.extend(name),
                // One that cannot be followed keeps nobody else waiting.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            Some(error) => Err(error),
            None if dispatched.is_empty() => Ok(Findings::default()),
            None => Ok(Findings(format!("dispatched {}", dispatched.join(", ")))),
        }
    }
}

/// Forgets jobs that have been over for a time, with their logs.
pub(super) struct ForgetJobs {
    catalog: Arc<dyn Catalog>,
    keep: Duration,
}

impl fmt::Debug for ForgetJobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForgetJobs").field("keep", &self.keep).finish_non_exhaustive()
    }
}

#[async_trait]
impl Chore for ForgetJobs {
    fn name(&self) -> &'static str {
        "forget-jobs"
    }

    fn about(&self) -> &'static str {
        "forgets jobs that have been over for a time, with their logs"
    }

    fn every(&self) -> Duration {
        FORGET
    }

    fn held_as(&self) -> Option<Role> {
        Some(Role::PRIMARY)
    }

    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError> {
        let Some(fence) = work.fence else { return Ok(Findings::default()) };
        let forget = JobChange::Forget { over_for: self.keep };
        let set = ChangeSet::by(system()).fenced(fence).with(forget);
        self.catalog.commit(set).await.map_err(|error| failed("forgetting old jobs", error))?;
        Ok(Findings::default())
    }
}

fn failed(doing: impl Into<String>, error: CatalogError) -> ChoreError {
    ChoreError { doing: doing.into(), source: Some(Box::new(error)) }
}
