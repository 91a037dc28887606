//! Reading role: jobs and schedules, work that is to be done once by somebody.
//!
//! A job is enqueued in the commit that wants it, claimed by one node for a while, and completed in
//! a commit that proves the claim. Promised: each due occurrence of a schedule has exactly one row
//! and exactly one completion; effects in the catalogue happen once; effects outside of it happen
//! at least once, so a job must bear being done again.

use super::{CatalogError, Page, PageRequest};
use crate::clock::Timestamp;
use crate::cluster::NodeName;
use crate::ids::{ClaimToken, Incarnation, JobId};
use async_trait::async_trait;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What kind of work a job is, such as `verify`. A node claims only kinds that it knows, so a newer
/// build's jobs wait for a newer node.
///
/// Kinds that this build knows are constants; one that a row names may be another build's, and can
/// be passed on all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKind(Cow<'static, str>);

impl JobKind {
    /// One that this build knows.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self(Cow::Borrowed(kind))
    }

    /// One that a row names.
    #[must_use]
    pub fn named(kind: impl Into<String>) -> Self {
        Self(Cow::Owned(kind.into()))
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// To be claimed when it is due.
    Waiting,
    /// Claimed. Whether the claim still holds is in [`ClaimRow::left`].
    Running,
    /// Completed.
    Done,
    /// Given up after its last attempt.
    Failed,
    /// Called off by an operator.
    Cancelled,
}

impl JobState {
    /// Every state there is.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Will nothing happen to it any more?
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = UnknownJobState;

    fn from_str(text: &str) -> Result<Self, UnknownJobState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownJobState)
    }
}

/// The text names no state of a job that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such state of a job")]
pub struct UnknownJobState;

/// Who has claimed a job, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// Random; every commit made for the job proves it.
    pub token: ClaimToken,
    /// The node, for people.
    pub node: NodeName,
    /// The process.
    pub holder: Incarnation,
    /// How long it still holds by the catalogue's clock; `None` if it has run out, so that anybody
    /// may claim the job.
    pub left: Option<Duration>,
}

/// When a schedule wanted it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The schedule's name.
    pub schedule: String,
    /// The moment at which it was due, in UTC.
    pub due: Timestamp,
}

/// A job as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its number.
    pub id: JobId,
    /// The text of its [`JobKind`].
    pub kind: String,
    /// What makes it unique among those of its kind that wait: a feed's number, or nothing.
    pub key: String,
    /// Its input, as its kind writes it (JSON).
    pub input: String,
    /// Where it stands.
    pub state: JobState,
    /// How often it was claimed.
    pub attempt: u32,
    /// How often it may be claimed.
    pub attempts: u32,
    /// When it was enqueued.
    pub enqueued: Timestamp,
    /// Not to be claimed before.
    pub due: Timestamp,
    /// Who is at it, if it is running.
    pub claim: Option<ClaimRow>,
    /// An operator wants it to end.
    pub cancel: bool,
    /// How far it is, for people; empty if it has not said.
    pub progress: String,
    /// How it ended, or why the last attempt failed.
    pub outcome: Option<String>,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// Which schedule wanted it, if one did.
    pub occurrence: Option<Occurrence>,
}

/// Which jobs are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// In this state only.
    pub state: Option<JobState>,
    /// Of this kind only.
    pub kind: Option<String>,
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLine {
    /// Its place; grows within the job.
    pub number: i64,
    /// When, by the catalogue's clock.
    pub at: Timestamp,
    /// What; for operators, without secrets.
    pub text: String,
}

/// A schedule as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its name; unique.
    pub name: String,
    /// When it is due, in the five fields of cron and in UTC.
    pub cron: String,
    /// The kind of job it wants.
    pub kind: String,
    /// That job's key.
    pub key: String,
    /// That job's input.
    pub input: String,
    /// Is it followed at all?
    pub enabled: bool,
    /// The last occurrence that has its row; the next is computed from it. At first, the moment at
    /// which the schedule was made.
    pub last: Timestamp,
}

/// Jobs and schedules.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<JobRow>, CatalogError>;

    /// Jobs, newest first, for people.
    async fn jobs(&self, filter: &JobFilter, page: &PageRequest) -> Result<Page<JobRow>, CatalogError>;

    /// Jobs of these kinds that may be claimed at this moment: waiting and due, or running with a
    /// claim that has run out. Longest due first. To look is cheap and decides nothing; the claim does.
    async fn claimable(&self, kinds: &[JobKind], limit: u32) -> Result<Vec<JobRow>, CatalogError>;

    /// Lines of a job's log after the one of that number (0: from the first), in their order.
    async fn job_log(&self, id: JobId, after: i64, limit: u32) -> Result<Vec<JobLine>, CatalogError>;

    /// All schedules by name.
    async fn schedules(&self) -> Result<Vec<ScheduleRow>, CatalogError>;
}
