//! Reading role: jobs and schedules.

use super::super::commit::number_of;
use super::super::fault::Fault;
use super::super::session::{Columns, Session, marks, values};
use super::super::{SqlCatalog, steady};
use super::cursor;
use async_trait::async_trait;
use proget_core::catalog::{
    CatalogError, ClaimRow, JobFilter, JobKind, JobLine, JobRow, JobState, Jobs, Occurrence, Page,
    PageRequest, ScheduleRow,
};
use proget_core::clock::Timestamp;
use proget_core::cluster::NodeName;
use proget_core::ids::{ClaimToken, Incarnation, JobId};
use sea_orm::{QueryResult, Value};
use std::time::Duration;

const ROW: &str = "SELECT id, kind, job_key, input, state, attempt, attempts, enqueued, due, token, node, holder, \
                   held_until - {now} AS held_for, cancel, progress, outcome, finished, schedule, occurrence FROM jobs";

#[async_trait]
impl Jobs for SqlCatalog {
    async fn job(&self, id: JobId) -> Result<Option<JobRow>, CatalogError> {
        steady!(self, "reading a job", async { job_of(&self.pools().reads(), id).await })
    }

    async fn jobs(&self, filter: &JobFilter, request: &PageRequest) -> Result<Page<JobRow>, CatalogError> {
        steady!(self, "listing jobs", async {
            let session = self.pools().reads();
            let before = cursor::read(request.after.as_ref()).and_then(|[id]| id.try_into().ok());
            let mut sql = format!("{ROW} WHERE id < ?");
            let mut values = values![before.map_or(i64::MAX, i64::from_be_bytes)];
            if let Some(state) = filter.state {
                sql.push_str(" AND state = ?");
                values.push(number_of(state).into());
            }
            if let Some(kind) = &filter.kind {
                sql.push_str(" AND kind = ?");
                values.push(kind.as_str().into());
            }
            sql.push_str(" ORDER BY id DESC LIMIT ?");
            values.push(cursor::limit(request).into());
            let rows = job_rows(&session, &sql, values).await?;
            Ok(cursor::page(rows, request, |row| cursor::write(&[&row.id.0.to_be_bytes()])))
        })
    }

    async fn claimable(&self, kinds: &[JobKind], limit: u32) -> Result<Vec<JobRow>, CatalogError> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        steady!(self, "looking for jobs", async {
            let session = self.pools().reads();
            // Two looks into one index; joined by OR they would read everything that is over, too.
            // Plain reads wait for nobody's lock.
            let known = marks(kinds.len());
            let look =
                |may: &str| format!("{ROW} WHERE {may} AND kind IN ({known}) ORDER BY due, id LIMIT ?");
            // The clock is asked in a SELECT of its own: else PostgreSQL asks it at every row, and walks
            // through all that is due in the future.
            let due = look("state = 0 AND due <= (SELECT {now})");
            let run_out = look("state = 1 AND held_until <= (SELECT {now})");
            let sql = format!(
                "SELECT * FROM ({due}) due_jobs UNION ALL SELECT * FROM ({run_out}) run_out_jobs \
                 ORDER BY due, id LIMIT ?"
            );
            let limit = Value::from(i64::from(limit));
            let mut look: Vec<Value> = kinds.iter().map(|kind| Value::from(kind.to_string())).collect();
            look.push(limit.clone());
            job_rows(&session, &sql, [look.clone(), look, vec![limit]].concat()).await
        })
    }

    async fn job_log(&self, id: JobId, after: i64, limit: u32) -> Result<Vec<JobLine>, CatalogError> {
        steady!(self, "reading a job's log", async {
            let session = self.pools().reads();
            let sql = "SELECT number, since, line FROM job_lines WHERE job_id = ? AND number > ? \
                       ORDER BY number LIMIT ?";
            let rows = session.all(sql, values![id.0, after, i64::from(limit)]).await?;
            let line = |row: &QueryResult| {
                let mut columns = Columns::of(row, session.dialect);
                let (number, at) = (columns.int()?, Timestamp(columns.int()?));
                Ok(JobLine { number, at, text: columns.text()? })
            };
            rows.iter().map(line).collect::<Result<_, Fault>>()
        })
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRow>, CatalogError> {
        steady!(self, "listing schedules", async {
            let session = self.pools().reads();
            let sql = "SELECT name, cron, kind, job_key, input, enabled, last FROM schedules ORDER BY name";
            let rows = session.all(sql, values![]).await?;
            let schedule = |row: &QueryResult| {
                let mut columns = Columns::of(row, session.dialect);
                Ok(ScheduleRow {
                    name: columns.text()?,
                    cron: columns.text()?,
                    kind: columns.text()?,
                    key: columns.text()?,
                    input: columns.text()?,
                    enabled: columns.yes()?,
                    last: Timestamp(columns.int()?),
                })
            };
            rows.iter().map(schedule).collect::<Result<_, Fault>>()
        })
    }
}

/// One job, also within a transaction.
pub(in super::super) async fn job_of(session: &Session, id: JobId) -> Result<Option<JobRow>, Fault> {
    Ok(job_rows(session, &format!("{ROW} WHERE id = ?"), values![id.0]).await?.pop())
}

async fn job_rows(session: &Session, sql: &str, values: Vec<Value>) -> Result<Vec<JobRow>, Fault> {
    session.all(sql, values).await?.iter().map(|row| job_row(row, session)).collect()
}

fn job_row(row: &QueryResult, session: &Session) -> Result<JobRow, Fault> {
    let mut columns = Columns::of(row, session.dialect);
    let (id, kind, key, input) = (JobId(columns.int()?), columns.text()?, columns.text()?, columns.text()?);
    let state = columns.int()?;
    let state = JobState::ALL.into_iter().find(|one| number_of(*one) == state);
    let state = state.ok_or_else(|| Fault::Damaged("a job is in no state that this build knows".into()))?;
    let (attempt, attempts) = (small(columns.int()?), small(columns.int()?));
    let (enqueued, due) = (Timestamp(columns.int()?), Timestamp(columns.int()?));
    let (token, node, holder) = (columns.maybe_uuid()?, columns.maybe_text()?, columns.maybe_uuid()?);
    let left = columns.maybe_int()?.and_then(|left| u64::try_from(left).ok()).filter(|left| *left > 0);
    let left = left.map(Duration::from_millis);
    let claim = match (token, node, holder) {
        (Some(token), Some(node), Some(holder)) if state == JobState::Running => {
            let node = NodeName::new(node).map_err(|refusal| Fault::Damaged(refusal.to_string()))?;
            Some(ClaimRow { token: ClaimToken(token), node, holder: Incarnation(holder), left })
        }
        _ => None,
    };
    let (cancel, progress, outcome) = (columns.yes()?, columns.text()?, columns.maybe_text()?);
    let finished = columns.maybe_int()?.map(Timestamp);
    let occurrence = match (columns.maybe_text()?, columns.maybe_int()?) {
        (Some(schedule), Some(due)) => Some(Occurrence { schedule, due: Timestamp(due) }),
        _ => None,
    };
    Ok(JobRow {
        id,
        kind,
        key,
        input,
        state,
        attempt,
        attempts,
        enqueued,
        due,
        claim,
        cancel,
        progress,
        outcome,
        finished,
        occurrence,
    })
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
