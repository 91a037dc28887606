//! Jobs and schedules as the API answers them and the command line prints them: one shape for both, so
//! that a script may use either. Moments are milliseconds since 1970-01-01T00:00:00Z.

use proget_core::catalog::{JobLine, JobRow};
use proget_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDocument {
    /// Its number.
    pub id: i64,
    /// What work it is.
    pub kind: String,
    /// What makes it unique among those of its kind that wait.
    pub key: String,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// How often it was claimed.
    pub attempt: u32,
    /// How often it may be claimed.
    pub attempts: u32,
    /// When it was enqueued.
    pub enqueued: Timestamp,
    /// Not to be claimed before.
    pub due: Timestamp,
    /// Who is at it, if somebody is.
    pub claim: Option<ClaimDocument>,
    /// Does an operator want it to end?
    pub cancel: bool,
    /// How far it is.
    pub progress: String,
    /// How it ended, or why the last attempt failed.
    pub outcome: Option<String>,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// The schedule that wanted it, if one did.
    pub schedule: Option<String>,
    /// The moment at which that schedule was due.
    pub occurrence: Option<Timestamp>,
    /// Its log, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Vec<LineDocument>>,
}

/// Who is at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimDocument {
    /// The node's name.
    pub node: String,
    /// The process.
    pub incarnation: String,
    /// How long the claim still holds; 0 if it has run out.
    pub left_ms: u64,
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineDocument {
    /// Its place.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

impl From<JobRow> for JobDocument {
    fn from(row: JobRow) -> Self {
        let claim = row.claim.map(|claim| ClaimDocument {
            node: claim.node.to_string(),
            incarnation: claim.holder.to_string(),
            left_ms: claim.left.map_or(0, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        });
        let (schedule, occurrence) = row.occurrence.map(|of| (of.schedule, of.due)).unzip();
        Self {
            id: row.id.0,
            kind: row.kind,
            key: row.key,
            state: row.state.to_string(),
            attempt: row.attempt,
            attempts: row.attempts,
            enqueued: row.enqueued,
            due: row.due,
            claim,
            cancel: row.cancel,
            progress: row.progress,
            outcome: row.outcome,
            finished: row.finished,
            schedule,
            occurrence,
            log: None,
        }
    }
}

impl JobDocument {
    /// With lines of its log.
    pub(crate) fn with_log(mut self, lines: Vec<JobLine>) -> Self {
        let line = |line: JobLine| LineDocument { number: line.number, at: line.at, text: line.text };
        self.log = Some(lines.into_iter().map(line).collect());
        self
    }
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleDocument {
    /// Its name.
    pub name: String,
    /// When it is due: the five fields of cron, in UTC.
    pub cron: String,
    /// The kind of job it wants.
    pub kind: String,
    /// That job's key.
    pub key: String,
    /// That job's input.
    pub input: String,
    /// Is it followed?
    pub enabled: bool,
    /// Up to which moment its occurrences have become jobs, or when it began.
    pub last: Timestamp,
    /// When it is due next; nothing while it is disabled.
    pub next: Option<Timestamp>,
}
