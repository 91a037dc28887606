//! Changes to jobs.
//!
//! What a job's row says is decided under the row's lock, by the database's clock: a claim is taken by
//! one conditional UPDATE, and whatever a holder writes begins with a locking look at its own claim.
//! The lock lasts to the commit, so whoever takes the job over waits for what its last holder did.

use super::super::fault::Fault;
use super::super::read;
use super::super::session::{Columns, Session, marks, values};
use super::schedule;
use proget_core::catalog::{Committed, Conflict, JobChange, JobEnd, JobState, NewJob, Occurrence};
use proget_core::ids::{ClaimToken, JobId};
use std::time::Duration;

/// So many jobs are forgotten by one statement, and
const FORGOTTEN_AT_ONCE: i64 = 500;
/// so often in one commit: a long backlog goes by and by, and nobody waits for it.
const FORGOTTEN_TIMES: u32 = 10;

/// How a state is stored.
pub(in super::super) fn number_of(state: JobState) -> i64 {
    match state {
        JobState::Waiting => 0,
        JobState::Running => 1,
        JobState::Done => 2,
        JobState::Failed => 3,
        JobState::Cancelled => 4,
    }
}

pub(super) async fn change(session: &Session, change: &JobChange, done: &mut Committed) -> Result<(), Fault> {
    match change {
        JobChange::Enqueue(job) => done.enqueued.push(enqueue(session, job).await?),
        JobChange::Claim { job, token, node, holder, hold } => {
            let sql = "UPDATE jobs SET state = 1, attempt = attempt + 1, waiting = NULL, token = ?, node = ?, \
                       holder = ?, held_until = {now} + ? WHERE id = ? \
                       AND ((state = 0 AND due <= {now}) OR (state = 1 AND held_until <= {now}))";
            let values = values![token.0, node.as_str(), holder.0, millis(*hold), job.0];
            if session.exec(sql, values).await? == 0 {
                return Err(Conflict::JobTaken.into());
            }
            let row = read::job_of(session, *job).await?;
            done.claimed.push(row.ok_or_else(vanished)?);
        }
        JobChange::Renew { job, token, hold, progress } => {
            held(session, *job, *token).await?;
            let sql = "UPDATE jobs SET held_until = {now} + ?, progress = COALESCE(?, progress) WHERE id = ?";
            session.exec(sql, values![millis(*hold), progress.clone(), job.0]).await?;
        }
        JobChange::Say { job, token, text } => {
            held(session, *job, *token).await?;
            let sql = "INSERT INTO job_lines (job_id, number, since, line) \
                       SELECT ?, COALESCE(MAX(number), 0) + 1, {now}, ? FROM job_lines WHERE job_id = ?";
            session.exec(sql, values![job.0, text.as_str(), job.0]).await?;
        }
        JobChange::Finish { job, token, end } => {
            let held = held(session, *job, *token).await?;
            finish(session, *job, &held, end).await?;
        }
        JobChange::Cancel(job) => cancel(session, *job).await?,
        JobChange::ReleaseAllOf(holder) => {
            let sql =
                "UPDATE jobs SET held_until = {now} WHERE state = 1 AND holder = ? AND held_until > {now}";
            session.exec(sql, values![holder.0]).await?;
        }
        JobChange::Forget { over_for } => forget(session, *over_for).await?,
        JobChange::PutSchedule { name, cron, kind, key, input, enabled } => {
            let enabled = i64::from(*enabled);
            let values =
                values![name.as_str(), cron.as_str(), kind.as_str(), key.as_str(), input.as_str(), enabled];
            schedule::put(session, values).await?;
        }
        JobChange::RemoveSchedule(name) => schedule::remove(session, name).await?,
        JobChange::Occur { occurrence, last, job } => {
            done.enqueued.push(schedule::occur(session, occurrence, *last, job).await?);
        }
    }
    Ok(())
}

fn vanished() -> Fault {
    Fault::Damaged("a job vanished while its row was locked".into())
}

/// What the row of a job that is held says of how it may end.
pub(super) struct Held {
    attempt: i64,
    attempts: i64,
    cancel: bool,
}

/// The job is running under this claim, which has not run out; its row stays locked to the commit.
pub(super) async fn held(session: &Session, job: JobId, token: ClaimToken) -> Result<Held, Fault> {
    let sql = "SELECT attempt, attempts, cancel FROM jobs \
               WHERE id = ? AND token = ? AND state = 1 AND held_until > {now} {lock}";
    let row = session.one(sql, values![job.0, token.0]).await?.ok_or(Conflict::ClaimLost)?;
    let mut columns = Columns::of(&row, session.dialect);
    Ok(Held { attempt: columns.int()?, attempts: columns.int()?, cancel: columns.yes()? })
}

/// The row that waits is locked by the update, so a claim of it waits for this commit and then runs
/// with the new input.
async fn enqueue(session: &Session, job: &NewJob) -> Result<JobId, Fault> {
    let (kind, key) = (job.kind.to_string(), job.key.as_str());
    let after = millis(job.after);
    let absorb = "UPDATE jobs SET input = ?, due = CASE WHEN due < {now} + ? THEN due ELSE {now} + ? END \
                  WHERE kind = ? AND waiting = ?";
    let values = values![job.input.as_str(), after, after, kind.as_str(), key];
    if session.exec(absorb, values).await? == 0 {
        // Another process may have inserted it in between: then this changes its row instead.
        let insert = "INSERT INTO jobs (kind, job_key, waiting, state, due, attempt, attempts, enqueued, cancel, \
                      progress, input) \
                      SELECT ?, ?, ?, 0, clock.moment + ?, 0, ?, clock.moment, 0, '', ? FROM {clock} WHERE 1 = 1 \
                      {upsert kind, waiting} input = {new input}, \
                      due = CASE WHEN jobs.due < {new due} THEN jobs.due ELSE {new due} END";
        let attempts = i64::from(job.attempts.max(1));
        session.exec(insert, values![kind.as_str(), key, key, after, attempts, job.input.as_str()]).await?;
    }
    let sql = "SELECT id FROM jobs WHERE kind = ? AND waiting = ?";
    let id = session.number(sql, values![kind, key]).await?;
    id.map(JobId).ok_or_else(vanished)
}

/// A job that a schedule wanted: one of its kind and key that waits is another, and stays so.
pub(super) async fn insert(session: &Session, job: &NewJob, of: &Occurrence) -> Result<JobId, Fault> {
    let sql = "INSERT INTO jobs (kind, job_key, state, due, attempt, attempts, enqueued, cancel, schedule, \
               occurrence, progress, input) \
               SELECT ?, ?, 0, clock.moment + ?, 0, ?, clock.moment, 0, ?, ?, '', ? FROM {clock}";
    let values = values![
        job.kind.to_string(),
        job.key.as_str(),
        millis(job.after),
        i64::from(job.attempts.max(1)),
        of.schedule.as_str(),
        of.due.0,
        job.input.as_str(),
    ];
    Ok(JobId(session.insert(sql, values).await?))
}

/// What becomes of a job depends on its row, which [`held`] has read and locked.
async fn finish(session: &Session, job: JobId, held: &Held, end: &JobEnd) -> Result<(), Fault> {
    let (state, outcome) = match end {
        JobEnd::Done(what) => (JobState::Done, Some(what)),
        JobEnd::Failed { why, .. } if held.cancel => (JobState::Cancelled, Some(why)),
        JobEnd::Failed { why, .. } if held.attempt >= held.attempts => (JobState::Failed, Some(why)),
        JobEnd::Cancelled => (JobState::Cancelled, None),
        JobEnd::Released if held.cancel => (JobState::Cancelled, None),
        JobEnd::Failed { why, again } => {
            let sql = "UPDATE jobs SET state = 0, due = {now} + ?, outcome = ?, token = NULL, node = NULL, \
                       holder = NULL, held_until = NULL WHERE id = ?";
            session.exec(sql, values![millis(*again), why.as_str(), job.0]).await?;
            return Ok(());
        }
        JobEnd::Released => {
            let sql = "UPDATE jobs SET state = 0, attempt = attempt - 1, token = NULL, node = NULL, \
                       holder = NULL, held_until = NULL WHERE id = ?";
            session.exec(sql, values![job.0]).await?;
            return Ok(());
        }
    };
    end_for_good(session, job, state, outcome.map(String::as_str)).await
}

async fn end_for_good(
    session: &Session,
    job: JobId,
    state: JobState,
    outcome: Option<&str>,
) -> Result<(), Fault> {
    let sql = "UPDATE jobs SET state = ?, outcome = COALESCE(?, outcome), finished = {now}, waiting = NULL, \
               token = NULL, node = NULL, holder = NULL, held_until = NULL WHERE id = ?";
    session.exec(sql, values![number_of(state), outcome.map(str::to_owned), job.0]).await?;
    Ok(())
}

/// One that waits, or whose holder is gone, is over at once; one that runs is told.
async fn cancel(session: &Session, job: JobId) -> Result<(), Fault> {
    session.any("SELECT 1 FROM jobs WHERE id = ? {lock}", values![job.0]).await?;
    let sql = "UPDATE jobs SET cancel = 1 WHERE id = ? AND state = 1 AND held_until > {now}";
    if session.exec(sql, values![job.0]).await? > 0 {
        return Ok(());
    }
    let sql = "SELECT 1 FROM jobs WHERE id = ? AND state IN (0, 1)";
    if !session.any(sql, values![job.0]).await? {
        return Err(Conflict::Absent.into());
    }
    end_for_good(session, job, JobState::Cancelled, None).await
}

/// Those that have been over for longest go first. A job that is over stays as it is, so what was
/// read may be relied on.
async fn forget(session: &Session, over_for: Duration) -> Result<(), Fault> {
    for _ in 0..FORGOTTEN_TIMES {
        let sql = "SELECT id FROM jobs WHERE finished <= {now} - ? ORDER BY finished LIMIT ?";
        let rows = session.all(sql, values![millis(over_for), FORGOTTEN_AT_ONCE]).await?;
        let ids = rows.iter().map(|row| Columns::of(row, session.dialect).int());
        let ids = ids.collect::<Result<Vec<i64>, Fault>>()?;
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!("DELETE FROM jobs WHERE id IN ({})", marks(ids.len()));
        session.exec(&sql, ids.into_iter().map(Into::into).collect()).await?;
    }
    Ok(())
}

/// Milliseconds as they are added to instants, which must not overflow.
fn millis(time: Duration) -> i64 {
    const LONGEST: i64 = i64::MAX / 4;
    i64::try_from(time.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
