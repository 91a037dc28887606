//! Jobs and schedules.

use super::MemoryCatalog;
use super::reading::page;
use super::state::State;
use crate::catalog::{
    CatalogError, ClaimRow, Committed, Conflict, JobChange, JobEnd, JobFilter, JobKind, JobLine, JobRow,
    JobState, Jobs, NewJob, Occurrence, Page, PageRequest, ScheduleRow,
};
use crate::clock::Timestamp;
use crate::ids::{ClaimToken, JobId};
use async_trait::async_trait;
use std::time::Duration;

/// A job, and until when its claim holds.
#[derive(Debug, Clone)]
pub(super) struct StoredJob {
    /// Its claim's `left` is that of no particular moment; [`State::job_row`] fills it in.
    pub(super) row: JobRow,
    pub(super) held_until: Timestamp,
    /// Was it never claimed?
    pub(super) fresh: bool,
    pub(super) log: Vec<JobLine>,
}

impl State {
    /// Is the job running under this claim, at this moment?
    pub(super) fn is_held(&self, job: JobId, token: ClaimToken, at: Timestamp) -> bool {
        self.jobs.get(&job).is_some_and(|job| {
            job.row.state == JobState::Running
                && job.row.claim.as_ref().is_some_and(|claim| claim.token == token)
                && job.held_until > at
        })
    }

    fn held(&mut self, job: JobId, token: ClaimToken, at: Timestamp) -> Result<&mut StoredJob, Conflict> {
        if !self.is_held(job, token, at) {
            return Err(Conflict::ClaimLost);
        }
        self.jobs.get_mut(&job).ok_or(Conflict::ClaimLost)
    }

    pub(super) fn change_job(
        &mut self,
        change: JobChange,
        at: Timestamp,
        done: &mut Committed,
    ) -> Result<(), Conflict> {
        match change {
            JobChange::Enqueue(job) => done.enqueued.push(self.enqueue(job, None, at)),
            JobChange::Claim { job, token, node, holder, hold } => {
                let stored = self.jobs.get_mut(&job).ok_or(Conflict::JobTaken)?;
                if !may_be_claimed(stored, at) {
                    return Err(Conflict::JobTaken);
                }
                stored.row.state = JobState::Running;
                stored.row.attempt += 1;
                stored.fresh = false;
                stored.row.claim = Some(ClaimRow { token, node, holder, left: None });
                stored.held_until = at.plus(hold);
                done.claimed.push(row(stored, at));
            }
            JobChange::Renew { job, token, hold, progress } => {
                let stored = self.held(job, token, at)?;
                stored.held_until = at.plus(hold);
                if let Some(progress) = progress {
                    stored.row.progress = progress;
                }
            }
            JobChange::Say { job, token, text } => {
                let stored = self.held(job, token, at)?;
                let number = stored.log.last().map_or(0, |line| line.number) + 1;
                stored.log.push(JobLine { number, at, text });
            }
            JobChange::Finish { job, token, end } => finish(self.held(job, token, at)?, end, at),
            JobChange::Cancel(job) => {
                let stored = self.jobs.get_mut(&job).ok_or(Conflict::Absent)?;
                match stored.row.state {
                    JobState::Running if stored.held_until > at => stored.row.cancel = true,
                    JobState::Waiting | JobState::Running => finish(stored, JobEnd::Cancelled, at),
                    JobState::Done | JobState::Failed | JobState::Cancelled => return Err(Conflict::Absent),
                }
            }
            JobChange::ReleaseAllOf(holder) => {
                for job in self.jobs.values_mut() {
                    if job.row.claim.as_ref().is_some_and(|claim| claim.holder == holder) {
                        job.held_until = job.held_until.min(at);
                    }
                }
            }
            JobChange::Forget { over_for } => {
                self.jobs
                    .retain(|_, job| job.row.finished.is_none_or(|finished| finished.plus(over_for) > at));
            }
            JobChange::PutSchedule { name, cron, kind, key, input, enabled } => {
                let last = self.schedules.get(&name).map_or(at, |was| {
                    let anew = (enabled && !was.enabled) || was.cron != cron;
                    if anew { was.last.max(at) } else { was.last }
                });
                let schedule = ScheduleRow { name: name.clone(), cron, kind, key, input, enabled, last };
                self.schedules.insert(name, schedule);
            }
            JobChange::RemoveSchedule(name) => drop(self.schedules.remove(&name)),
            JobChange::Occur { occurrence, last, job } => {
                let schedule = self.schedules.get_mut(&occurrence.schedule).ok_or(Conflict::Occurred)?;
                let known = |job: &StoredJob| job.row.occurrence.as_ref() == Some(&occurrence);
                if schedule.last != last || self.jobs.values().any(known) {
                    return Err(Conflict::Occurred);
                }
                schedule.last = occurrence.due;
                done.enqueued.push(self.insert(job, Some(occurrence), at));
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, job: NewJob, occurrence: Option<Occurrence>, at: Timestamp) -> JobId {
        let waiting = self.jobs.values_mut().find(|stored| {
            let row = &stored.row;
            row.state == JobState::Waiting
                && stored.fresh
                && row.occurrence.is_none()
                && (row.kind.as_str(), &row.key) == (job.kind.as_str(), &job.key)
        });
        match waiting {
            Some(stored) => {
                stored.row.due = stored.row.due.min(at.plus(job.after));
                stored.row.input = job.input;
                stored.row.id
            }
            None => self.insert(job, occurrence, at),
        }
    }

    fn insert(&mut self, job: NewJob, occurrence: Option<Occurrence>, at: Timestamp) -> JobId {
        let id = JobId(self.next_id());
        let row = JobRow {
            id,
            kind: job.kind.as_str().to_owned(),
            key: job.key,
            input: job.input,
            state: JobState::Waiting,
            attempt: 0,
            attempts: job.attempts.max(1),
            enqueued: at,
            due: at.plus(job.after),
            claim: None,
            cancel: false,
            progress: String::new(),
            outcome: None,
            finished: None,
            occurrence,
        };
        self.jobs.insert(id, StoredJob { row, held_until: at, fresh: true, log: Vec::new() });
        id
    }
}

fn may_be_claimed(job: &StoredJob, at: Timestamp) -> bool {
    match job.row.state {
        JobState::Waiting => job.row.due <= at,
        JobState::Running => job.held_until <= at,
        JobState::Done | JobState::Failed | JobState::Cancelled => false,
    }
}

fn finish(job: &mut StoredJob, end: JobEnd, at: Timestamp) {
    let row = &mut job.row;
    row.claim = None;
    let (state, outcome) = match end {
        JobEnd::Done(what) => (JobState::Done, Some(what)),
        JobEnd::Cancelled => (JobState::Cancelled, row.outcome.take()),
        JobEnd::Failed { why, .. } if row.cancel => (JobState::Cancelled, Some(why)),
        JobEnd::Failed { why, .. } if row.attempt >= row.attempts => (JobState::Failed, Some(why)),
        JobEnd::Failed { why, again } => {
            row.due = at.plus(again);
            (JobState::Waiting, Some(why))
        }
        JobEnd::Released if row.cancel => (JobState::Cancelled, row.outcome.take()),
        JobEnd::Released => {
            row.attempt = row.attempt.saturating_sub(1);
            (JobState::Waiting, row.outcome.take())
        }
    };
    (row.state, row.outcome) = (state, outcome);
    row.finished = state.is_over().then_some(at);
}

/// The row as it is read at this moment.
fn row(job: &StoredJob, at: Timestamp) -> JobRow {
    let mut row = job.row.clone();
    if let Some(claim) = &mut row.claim {
        claim.left = left(job.held_until, at);
    }
    row
}

fn left(until: Timestamp, at: Timestamp) -> Option<Duration> {
    let millis = u64::try_from(until.0 - at.0).ok()?;
    (millis > 0).then(|| Duration::from_millis(millis))
}

#[async_trait]
impl Jobs for MemoryCatalog {
    async fn job(&self, id: JobId) -> Result<Option<JobRow>, CatalogError> {
        let (now, state) = (self.now(), self.state());
        Ok(state.jobs.get(&id).map(|job| row(job, now)))
    }

    async fn jobs(&self, filter: &JobFilter, request: &PageRequest) -> Result<Page<JobRow>, CatalogError> {
        let (now, state) = (self.now(), self.state());
        let wanted = |job: &&StoredJob| {
            filter.state.is_none_or(|state| job.row.state == state)
                && filter.kind.as_ref().is_none_or(|kind| job.row.kind == *kind)
        };
        let after: Option<i64> = request.after.as_ref().and_then(|after| after.0.parse().ok());
        let rows = state.jobs.values().rev().filter(wanted).map(|job| row(job, now));
        let rows = rows.filter(|row| after.is_none_or(|after| row.id.0 < after));
        Ok(page(rows, request, |row| row.id.0.to_string()))
    }

    async fn claimable(&self, kinds: &[JobKind], limit: u32) -> Result<Vec<JobRow>, CatalogError> {
        let (now, state) = (self.now(), self.state());
        let known = |job: &&StoredJob| kinds.iter().any(|kind| kind.as_str() == job.row.kind);
        let mut rows: Vec<JobRow> = state
            .jobs
            .values()
            .filter(known)
            .filter(|job| may_be_claimed(job, now))
            .map(|job| row(job, now))
            .collect();
        rows.sort_by_key(|row| (row.due, row.id));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    async fn job_log(&self, id: JobId, after: i64, limit: u32) -> Result<Vec<JobLine>, CatalogError> {
        let state = self.state();
        let lines = state.jobs.get(&id).map_or(&[][..], |job| &job.log);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(lines.iter().filter(|line| line.number > after).take(limit).cloned().collect())
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRow>, CatalogError> {
        Ok(self.state().schedules.values().cloned().collect())
    }
}
