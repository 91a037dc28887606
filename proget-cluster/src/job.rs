//! Jobs: work with input, done by one node at a time, and possibly more than once.
//!
//! What a handler sees of the queue is its [`Work`]. Whatever it writes into the catalogue goes through
//! [`Work::commit`], or expects [`Work::expect`] itself: then a process that lost its claim without
//! noticing, because it was frozen, changes nothing any more.

use async_trait::async_trait;
use proget_core::access::Actor;
use proget_core::catalog::{
    Catalog, CatalogError, ChangeSet, Committed, Conflict, Expect, JobChange, JobEnd, JobKind, JobRow, NewJob,
};
use proget_core::cluster::NodeName;
use proget_core::ids::ClaimToken;
use proget_core::problem::chain;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Why an attempt at a job failed. It is tried again, or given up after its last attempt.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct JobError {
    /// What was being done and what is wrong, in one line, without secrets: it is shown to operators.
    pub doing: String,
    /// Why; for the log.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl JobError {
    /// Without a cause to be logged.
    #[must_use]
    pub fn new(doing: impl Into<String>) -> Self {
        Self { doing: doing.into(), source: None }
    }
}

impl From<CatalogError> for JobError {
    fn from(error: CatalogError) -> Self {
        Self { doing: "writing to the catalogue".into(), source: Some(Box::new(error)) }
    }
}

/// Who does the jobs of one kind.
///
/// # What an implementation must promise
/// - It bears being run again from the beginning, after any of its steps.
/// - It may be dropped at any await; it returns soon after [`Work::stop`] fires.
/// - Its changes to the catalogue are made under the claim (see the module's page).
#[async_trait]
pub trait Job: fmt::Debug + Send + Sync + 'static {
    /// The kind of jobs that it does.
    fn kind(&self) -> JobKind;

    /// One sentence for administrators.
    fn about(&self) -> &'static str;

    /// How often one of its jobs may fail before it is given up.
    fn attempts(&self) -> u32 {
        5
    }

    /// How long to wait after a failed attempt; the first is number 1. The runner adds up to a quarter
    /// at random, so that what failed together is not tried again together.
    fn back_off(&self, attempt: u32) -> Duration {
        const FIRST: Duration = Duration::from_secs(10);
        const LONGEST: Duration = Duration::from_secs(3600);
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1).min(16));
        FIRST.saturating_mul(doubled).min(LONGEST)
    }

    /// A job of this kind, to be enqueued in the commit that wants it.
    fn wanted(&self, key: &str, input: &str) -> NewJob {
        NewJob {
            kind: self.kind(),
            key: key.to_owned(),
            input: input.to_owned(),
            after: Duration::ZERO,
            attempts: self.attempts(),
        }
    }

    /// Does one job; returns in one line what was done.
    ///
    /// # Errors
    /// Why this attempt failed.
    async fn run(&self, work: &Work) -> Result<String, JobError>;
}

/// One claimed job, as its handler sees it.
pub struct Work {
    row: JobRow,
    token: ClaimToken,
    node: NodeName,
    catalog: Arc<dyn Catalog>,
    stop: CancellationToken,
    /// What was said last about how far it is, until the next renewal carries it.
    progress: Mutex<Option<String>>,
    completed: AtomicBool,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("job", &self.row.id)
            .field("kind", &self.row.kind)
            .finish_non_exhaustive()
    }
}

impl Work {
    pub(crate) fn new(row: JobRow, token: ClaimToken, node: NodeName, catalog: Arc<dyn Catalog>) -> Self {
        let (stop, progress) = (CancellationToken::new(), Mutex::default());
        Self { row, token, node, catalog, stop, progress, completed: AtomicBool::new(false) }
    }

    /// The job as it was claimed.
    #[must_use]
    pub fn job(&self) -> &JobRow {
        &self.row
    }

    /// Its input, as its kind writes it.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.row.input
    }

    /// The claim.
    #[must_use]
    pub fn token(&self) -> ClaimToken {
        self.token
    }

    /// The node that does it.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// Fires when the work is to end: the claim is lost, an operator called it off, or this node leaves.
    /// After a short grace it is dropped.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// What every change made for this job expects.
    #[must_use]
    pub fn expect(&self) -> Expect {
        Expect::ClaimHeld(self.row.id, self.token)
    }

    /// Commits changes under the claim.
    ///
    /// # Errors
    /// [`Conflict::ClaimLost`] if the job is another's by now, and whatever else the catalogue says.
    pub async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError> {
        let committed = self.catalog.commit(changes.expect(self.expect())).await;
        self.judge(&committed);
        committed
    }

    /// Commits the last changes together with the job's completion; in one line, what was done. The
    /// handler is to return right after; what it returns then does not count.
    ///
    /// # Errors
    /// As [`commit`](Self::commit); the job is not completed then, or if the outcome is unknown, it may be.
    pub async fn complete(
        &self,
        changes: ChangeSet,
        done: impl Into<String> + Send,
    ) -> Result<Committed, CatalogError> {
        let committed = self.commit(changes.with(self.finish(JobEnd::Done(done.into())))).await?;
        self.completed.store(true, Ordering::SeqCst);
        Ok(committed)
    }

    /// Adds a line to the job's log, for operators, without secrets. A log that cannot be written does
    /// not stop the work.
    pub async fn say(&self, line: impl Into<String> + Send) {
        let say = JobChange::Say { job: self.row.id, token: self.token, text: line.into() };
        let said = self.catalog.commit(ChangeSet::by(self.actor()).with(say)).await;
        self.judge(&said);
        if let Err(error) = said {
            tracing::warn!(job = self.row.id.0, cause = chain(&error), "a line of a job's log is missing");
        }
    }

    /// Says how far the work is; the next renewal of the claim carries the newest text.
    pub fn progress(&self, text: impl Into<String>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.into());
    }

    /// As whom it writes.
    #[must_use]
    pub fn actor(&self) -> Actor {
        crate::runner::system()
    }

    pub(crate) fn take_progress(&self) -> Option<String> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts back what a renewal could not carry.
    pub(crate) fn progress_unless_newer(&self, text: Option<String>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        *progress = progress.take().or(text);
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.completed.load(Ordering::SeqCst)
    }

    pub(crate) fn finish(&self, end: JobEnd) -> JobChange {
        JobChange::Finish { job: self.row.id, token: self.token, end }
    }

    /// A commit that finds the claim gone is the news that it is.
    fn judge(&self, committed: &Result<Committed, CatalogError>) {
        if matches!(committed, Err(CatalogError::Conflict(Conflict::ClaimLost))) {
            self.stop.cancel();
        }
    }
}
