//! One claimed job: its work in a task of its own, and beside it whoever renews the claim, ends the
//! work when it must end, and writes down how it ended.
//!
//! The claim is trusted until a moment on this process's own steady clock. When that has come without a
//! renewal, the job may be another's: the work is told to stop and nothing more is written for it.

use super::desk::{Desk, WorkTally};
use crate::election::Tick;
use crate::job::{Job, JobError, Work};
use proget_core::catalog::{CatalogError, ChangeSet, Conflict, JobChange, JobEnd};
use proget_core::problem::chain;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

/// How long after a call without an answer the next is tried; also the longest that a clock which
/// jumps goes unnoticed.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the end of an attempt is written before the claim is left to run out.
const WRITES: u32 = 3;

/// So many claims may run out beyond the failures that a job is allowed. A node that is killed is no
/// fault of the job; a job that takes every node with it is, and must end.
const LOST_CLAIMS: u32 = 3;

/// The longest outcome that is stored, in characters.
const LONGEST: usize = 1000;

/// Why work is ended before it ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The claim is not ours any more, as far as anybody knows.
    Lost,
    /// An operator wants it.
    Cancelled,
    /// This node leaves.
    GivenBack,
}

/// The work's end: `None` if it was dropped.
type Ended = Option<Result<Result<String, JobError>, JoinError>>;

/// See the module's page.
pub(super) struct Attempt {
    desk: Arc<Desk>,
    job: Arc<dyn Job>,
    work: Arc<Work>,
    trusted: Tick,
    renew_at: Tick,
    ending: Option<(Ending, Tick)>,
    give_back: watch::Receiver<u64>,
    hinted: watch::Receiver<u64>,
    /// When to look whether the job was called off, because somebody said that looking may be worthwhile.
    look_at: Option<Tick>,
    /// Not before this, however often it is said.
    look_again: Tick,
}

impl Attempt {
    pub(super) fn new(
        desk: Arc<Desk>,
        job: Arc<dyn Job>,
        work: Arc<Work>,
        trusted: Tick,
        give_back: watch::Receiver<u64>,
    ) -> Self {
        let now = desk.queue.clock.tick();
        let (renew_at, hinted) = (now.plus(desk.timing().renew), desk.hinted.subscribe());
        let (look_at, look_again) = (None, now);
        Self { desk, job, work, trusted, renew_at, ending: None, give_back, hinted, look_at, look_again }
    }

    /// Does the work and writes down how it ended.
    pub(super) async fn attend(mut self) {
        let row = self.work.job();
        let (id, attempt, attempts) = (row.id.0, row.attempt, row.attempts);
        if self.desk.queue.clock.tick() >= self.trusted {
            tracing::warn!(
                job = id,
                "the claim of a job was answered after it had run out; nothing is begun"
            );
            return self.note(|tally| tally.lost += 1);
        }
        if row.cancel {
            return self.finish(JobEnd::Cancelled).await;
        }
        if attempt > attempts.saturating_add(LOST_CLAIMS) {
            let why = "given up: whoever did it was lost each time before it ended".to_owned();
            return self.finish(JobEnd::Failed { why, again: Duration::ZERO }).await;
        }
        let ended = self.watch_over().await;
        if self.work.is_completed() {
            tracing::info!(job = id, "job done");
            return self.note(|tally| tally.done += 1);
        }
        let end = match (ended, self.ending.map(|(ending, _)| ending)) {
            (_, Some(Ending::Lost)) => {
                tracing::warn!(job = id, "the claim of a job is lost; its work was ended");
                return self.note(|tally| tally.lost += 1);
            }
            (Some(Ok(Ok(done))), _) => JobEnd::Done(one_line(&done)),
            (_, Some(Ending::Cancelled)) => JobEnd::Cancelled,
            (_, Some(Ending::GivenBack)) => JobEnd::Released,
            (Some(Ok(Err(error))), None) => {
                tracing::warn!(job = id, attempt, cause = chain(&error), "an attempt at a job failed");
                self.failed(one_line(&error.to_string()))
            }
            (Some(Err(_)) | None, None) => {
                tracing::error!(job = id, attempt, "the work of a job panicked");
                self.failed("the work panicked".into())
            }
        };
        self.finish(end).await;
    }

    fn note(&self, count: impl Fn(&mut WorkTally)) {
        self.desk.note(&self.work.job().kind, count);
    }

    fn failed(&self, why: String) -> JobEnd {
        JobEnd::Failed { why, again: self.desk.spread(self.job.back_off(self.work.job().attempt)) }
    }

    /// Waits for the work to end, and sees to it that it does.
    async fn watch_over(&mut self) -> Ended {
        let (job, work) = (Arc::clone(&self.job), Arc::clone(&self.work));
        // Tracked, so that stopping waits for it even if this task is dropped before.
        let mut running = Abort(self.desk.tasks.spawn(async move { job.run(&work).await }));
        loop {
            let now = self.desk.queue.clock.tick();
            if now >= self.trusted && !self.is_lost() {
                self.end(Ending::Lost);
            }
            if self.ending.is_some_and(|(_, until)| now >= until) {
                tracing::warn!(job = self.work.job().id.0, "work that was told to stop is dropped");
                running.0.abort();
                let ended = (&mut running.0).await;
                return ended.ok().map(Ok);
            }
            if now >= self.renew_at && !self.is_lost() {
                self.renew().await;
                continue;
            }
            if self.look_at.is_some_and(|at| now >= at) {
                (self.look_at, self.look_again) = (None, now.plus(AGAIN));
                self.look_whether_called_off().await;
                continue;
            }
            let others = self.ending.map(|(_, until)| until).into_iter().chain(self.look_at);
            let next = others.chain([self.renew_at, self.trusted]);
            let nap = next.filter(|at| *at > now).map(|at| at.0 - now.0).min().unwrap_or(AGAIN).min(AGAIN);
            tokio::select! {
                biased;
                ended = &mut running.0 => return Some(ended),
                changed = self.give_back.changed(), if self.ending.is_none() => {
                    // The sender is the desk's, which lives as long as this.
                    if changed.is_ok() { self.end(Ending::GivenBack) }
                }
                changed = self.hinted.changed(), if self.ending.is_none() && self.look_at.is_none() => {
                    if changed.is_ok() { self.look_at = Some(self.look_again) }
                }
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    fn is_lost(&self) -> bool {
        matches!(self.ending, Some((Ending::Lost, _)))
    }

    /// Tells the work to stop. What was lost stays lost, whatever comes after.
    fn end(&mut self, why: Ending) {
        if self.is_lost() {
            return;
        }
        let until = self.desk.queue.clock.tick().plus(self.desk.timing().grace);
        self.ending = Some((why, self.ending.map_or(until, |(_, before)| before.min(until))));
        self.work.stop().cancel();
    }

    async fn renew(&mut self) {
        let (before, timing) = (self.desk.queue.clock.tick(), self.desk.timing());
        let progress = self.work.take_progress();
        let (job, token, hold) = (self.work.job().id, self.work.token(), timing.hold);
        let renew = JobChange::Renew { job, token, hold, progress: progress.clone() };
        let left = self.trusted.0.saturating_sub(before.0);
        match self.desk.commit(ChangeSet::by(super::system()).with(renew), left).await {
            Some(Ok(_)) => {
                self.trusted = before.plus(timing.window());
                self.renew_at = before.plus(timing.renew);
                self.look_whether_called_off().await;
            }
            Some(Err(CatalogError::Conflict(_))) => self.end(Ending::Lost),
            unanswered => {
                let cause = unanswered.and_then(Result::err).map(|error| chain(&error));
                tracing::warn!(job = job.0, cause, "renewing the claim of a job failed; it is tried again");
                self.renew_at = self.desk.queue.clock.tick().plus(AGAIN);
                self.work.progress_unless_newer(progress);
            }
        }
    }

    async fn look_whether_called_off(&mut self) {
        let row = timeout(self.desk.timing().call, self.desk.queue.catalog.job(self.work.job().id)).await;
        if self.ending.is_none() && matches!(row, Ok(Ok(Some(row))) if row.cancel) {
            self.end(Ending::Cancelled);
        }
    }

    /// Writes down how it ended. To try again is safe: once written, the claim is gone.
    async fn finish(&self, end: JobEnd) {
        let job = self.work.job().id.0;
        for again in 0..WRITES {
            if again > 0 {
                tokio::time::sleep(AGAIN).await;
            }
            let set = ChangeSet::by(super::system()).with(self.work.finish(end.clone()));
            match self.desk.commit(set, Duration::MAX).await {
                Some(Ok(_)) => {
                    tracing::info!(job, ?end, "an attempt at a job has ended");
                    return self.note(|tally| match end {
                        JobEnd::Done(_) => tally.done += 1,
                        JobEnd::Failed { .. } => tally.failed += 1,
                        JobEnd::Cancelled => tally.cancelled += 1,
                        JobEnd::Released => tally.given_back += 1,
                    });
                }
                Some(Err(CatalogError::Conflict(Conflict::ClaimLost))) => break,
                unwritten => {
                    let cause = unwritten.and_then(Result::err).map(|error| chain(&error));
                    tracing::warn!(job, cause, "how a job ended could not be written down");
                }
            }
        }
        tracing::warn!(
            job,
            "the claim of a job is gone, or will run out; what was done counts only if it was committed"
        );
        self.note(|tally| tally.lost += 1);
    }
}

/// A task that ends when nobody waits for it any more.
struct Abort(JoinHandle<Result<String, JobError>>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What operators are shown: one line, not too long.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
