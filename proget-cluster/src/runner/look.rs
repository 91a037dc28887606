//! Looking for jobs and claiming them, while there is a free seat and jobs are taken in.
//!
//! A look is cheap and decides nothing; the claim's commit does. It also asks whether the mode lets
//! this node run the Service. If not, nothing is looked for until the instance's revision changes.

use super::attempt::Attempt;
use super::desk::{Desk, Intake};
use crate::election::Tick;
use crate::job::Work;
use proget_core::catalog::{CatalogError, ChangeSet, Conflict, Expect, JobChange, JobRow};
use proget_core::ids::{ClaimToken, Stamp};
use proget_core::problem::chain;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

/// How many jobs are looked at in one look: if others are faster with the first, the next is tried.
const LOOK: u32 = 8;

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Something was claimed: there may be more.
    Claimed,
    /// Nothing; wait.
    Nothing,
}

/// Looks until it is dropped.
pub(super) async fn keep_looking(desk: Arc<Desk>) {
    let mut intake = desk.intake.subscribe();
    let mut barred = None;
    loop {
        if intake.wait_for(|intake| *intake == Intake::Open).await.is_err() {
            return;
        }
        let Ok(seat) = Arc::clone(&desk.seats).acquire_owned().await else { return };
        let looked = {
            // Entered before looking whether it may: a drain that is not seen here waits for this.
            let _busy = desk.enter();
            desk.look(seat, &mut barred).await
        };
        if looked == Look::Nothing {
            tokio::select! {
                biased;
                () = tokio::time::sleep(desk.spread(desk.timing().poll)) => {}
                () = desk.hint.notified() => {}
                _ = intake.changed() => {}
            }
        }
    }
}

/// How a claim went.
enum Claim {
    Mine(Box<JobRow>, Tick),
    Taken,
    NotServing,
    /// No answer, or not a good one: the job may be claimed all the same, and the claim runs out.
    Unanswered,
}

impl Desk {
    fn is_open(&self) -> bool {
        *self.intake.borrow() == Intake::Open
    }

    async fn look(self: &Arc<Self>, seat: OwnedSemaphorePermit, barred: &mut Option<Stamp>) -> Look {
        if let Some(then) = barred {
            match self.revision().await {
                Some(now) if now != *then => *barred = None,
                _ => return Look::Nothing,
            }
            self.bar(false);
        }
        let rows = timeout(self.timing().call, self.queue.catalog.claimable(&self.kinds, LOOK)).await;
        let rows = match rows {
            Ok(Ok(rows)) if self.is_open() && !rows.is_empty() => rows,
            Ok(Err(error)) => {
                tracing::debug!(cause = chain(&error), "looking for jobs failed; it will be tried again");
                return Look::Nothing;
            }
            Ok(Ok(_)) | Err(_) => return Look::Nothing,
        };
        // Read before the claim: if the mode changes in between, this one is too old and is read again.
        let Some(revision) = self.revision().await else { return Look::Nothing };
        // Taken before asking whether it may still claim: whoever drains closes first and asks for jobs
        // back later, so what is claimed here hears of it, even if that was asked while it was claimed.
        let give_back = self.give_back.subscribe();
        let (mut seat, mut looked) = (Some(seat), Look::Nothing);
        for row in rows {
            if !self.is_open() {
                return Look::Nothing;
            }
            let Some(free) = seat.take().or_else(|| Arc::clone(&self.seats).try_acquire_owned().ok()) else {
                break;
            };
            let token = ClaimToken::random();
            match self.claim(&row, token).await {
                Claim::Mine(row, trusted) => {
                    self.begin(*row, token, trusted, (free, give_back.clone()));
                    looked = Look::Claimed;
                }
                Claim::Taken => seat = Some(free),
                Claim::NotServing => {
                    tracing::info!("the mode does not let this node do jobs; it waits for other settings");
                    self.bar(true);
                    *barred = Some(revision);
                    return Look::Nothing;
                }
                Claim::Unanswered => return Look::Nothing,
            }
        }
        looked
    }

    async fn revision(&self) -> Option<Stamp> {
        timeout(self.timing().call, self.queue.catalog.revision()).await.ok()?.ok()
    }

    async fn claim(&self, row: &JobRow, token: ClaimToken) -> Claim {
        let node = self.queue.node.clone();
        let (job, hold) = (row.id, self.timing().hold);
        let change = JobChange::Claim { job, token, node: node.clone(), holder: self.queue.holder, hold };
        let set = ChangeSet::by(super::system()).expect(Expect::Serving(node)).with(change);
        // The catalogue counts from some moment after this one.
        let before = self.queue.clock.tick();
        match self.commit(set, hold).await {
            Some(Ok(done)) => match done.claimed.into_iter().next() {
                Some(row) => Claim::Mine(Box::new(row), before.plus(self.timing().window())),
                None => Claim::Unanswered,
            },
            Some(Err(CatalogError::Conflict(Conflict::NotServing))) => Claim::NotServing,
            Some(Err(CatalogError::Conflict(_))) => Claim::Taken,
            Some(Err(error)) => {
                let cause = chain(&error);
                tracing::warn!(job = job.0, cause, "claiming a job failed; it will be tried again");
                Claim::Unanswered
            }
            None => {
                tracing::warn!(job = job.0, "claiming a job got no answer in time; it will be tried again");
                Claim::Unanswered
            }
        }
    }

    fn begin(
        self: &Arc<Self>,
        row: JobRow,
        token: ClaimToken,
        trusted: Tick,
        (seat, give_back): (OwnedSemaphorePermit, watch::Receiver<u64>),
    ) {
        self.note(&row.kind, |tally| tally.claimed += 1);
        let Some(job) = self.job_of(&row.kind) else {
            // Only kinds that are known were asked for.
            tracing::error!(
                job = row.id.0,
                kind = row.kind,
                "a job of a kind that nobody here does was claimed"
            );
            return;
        };
        tracing::info!(job = row.id.0, kind = row.kind, attempt = row.attempt, "claimed a job");
        let (id, kind) = (row.id, row.kind.clone());
        self.begun(id, kind);
        let work = Work::new(row, token, self.queue.node.clone(), Arc::clone(&self.queue.catalog));
        let attempt = Attempt::new(Arc::clone(self), job, Arc::new(work), trusted, give_back);
        let (busy, stop) = (self.enter(), self.stop.clone());
        let desk = Arc::clone(self);
        self.tasks.spawn(async move {
            stop.run_until_cancelled(attempt.attend()).await;
            desk.ended(id);
            drop(seat);
            drop(busy);
        });
    }
}
