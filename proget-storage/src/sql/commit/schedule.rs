//! Changes to schedules.
//!
//! That an occurrence has one row is kept twice: by the schedule's last occurrence, which only one
//! can move, and by a unique key on (schedule, due), which also holds for a schedule that was removed
//! and made anew.

use super::super::fault::Fault;
use super::super::session::{Session, values};
use super::jobs;
use proget_core::catalog::{Conflict, NewJob, Occurrence};
use proget_core::clock::Timestamp;
use proget_core::ids::JobId;
use sea_orm::Value;

/// Name, cron, kind, key, input, enabled. The last occurrence of one that is there stays, unless it is
/// enabled again or gets other times: then it is now. It is assigned first because MariaDB assigns one
/// column after the other, and `cron` and `enabled` are to be what they were.
pub(super) async fn put(session: &Session, values: Vec<Value>) -> Result<(), Fault> {
    let sql = "INSERT INTO schedules (name, cron, kind, job_key, input, enabled, last) \
               VALUES (?, ?, ?, ?, ?, ?, {now}) {upsert name} \
               last = CASE WHEN ((schedules.enabled = 0 AND {new enabled} = 1) \
               OR schedules.cron <> {new cron}) AND schedules.last < {new last} \
               THEN {new last} ELSE schedules.last END, \
               cron = {new cron}, kind = {new kind}, \
               job_key = {new job_key}, input = {new input}, enabled = {new enabled}";
    session.exec(sql, values).await?;
    Ok(())
}

pub(super) async fn remove(session: &Session, name: &str) -> Result<(), Fault> {
    session.exec("DELETE FROM schedules WHERE name = ?", values![name]).await?;
    Ok(())
}

/// Moves the last occurrence and makes the job.
pub(super) async fn occur(
    session: &Session,
    occurrence: &Occurrence,
    last: Timestamp,
    job: &NewJob,
) -> Result<JobId, Fault> {
    let sql = "UPDATE schedules SET last = ? WHERE name = ? AND last = ?";
    let values = values![occurrence.due.0, occurrence.schedule.as_str(), last.0];
    if session.exec(sql, values).await? == 0 {
        return Err(Conflict::Occurred.into());
    }
    let made = jobs::insert(session, job, occurrence).await;
    made.map_err(|fault| fault.if_taken(Conflict::Occurred))
}
