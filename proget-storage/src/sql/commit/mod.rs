//! The one door: a change set is judged and applied in one transaction.
//!
//! In the order of the locks: fence, the instance, jobs, the other expectations, blobs by digest,
//! packages, the journal, the stamps of feeds. What a row says is decided by conditional updates and locking reads; what a
//! caller read before never decides. The outcome of a commit is one of three: it happened, it
//! certainly did not, or nobody can say. Only the second is ever repeated.

mod account;
mod blob;
mod downloads;
mod expect;
mod feed;
mod grams;
mod group;
mod instance;
mod jobs;
mod order;
mod package;
mod publish;
mod schedule;
mod settle;
mod touched;
mod turn;

pub(super) use blob::{ARRIVING, CONDEMNED, LIVE};
pub(super) use grams::learn;
pub(super) use group::{Groups, Writer};
pub(super) use instance::mode_number;
pub(super) use jobs::number_of;

use super::SqlCatalog;
use super::fault::{Fault, Meaning};
use super::session::{Session, values};
use expect::Expected;
use proget_core::catalog::{CatalogError, Change, ChangeSet, Committed, FeedChange, JournalEntry};
use sea_orm::DbErr;
use settle::Outcome;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use touched::Touched;
use uuid::Uuid;

const DOING: &str = "committing a change";

/// Deleting a feed is as much work as the feed has versions. Each of its statements is short.
const LONG_WORK: Duration = Duration::from_secs(600);

/// How one attempt ended, if not well.
enum Failure {
    /// Nothing has happened.
    Nothing(Fault),
    /// COMMIT was sent and no answer came; this is what would have been answered.
    Unanswered(Fault, Box<Committed>),
    /// It was broken off; nobody can say what would have been answered.
    Broken,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Nothing(fault)
    }
}

impl SqlCatalog {
    /// Attempts the set until it is decided or patience ends.
    pub(super) async fn commit_set(&self, set: ChangeSet) -> Result<Committed, CatalogError> {
        let set = &Arc::new(set);
        if set.fence.is_none() && set.must_be_fenced() {
            return Err(CatalogError::Fenced);
        }
        let patience = Instant::now() + self.options.persistence;
        let mut tries: u32 = 0;
        loop {
            let fault = match self.attempt(set).await {
                Ok(committed) => return Ok(committed),
                Err(Failure::Nothing(fault)) => fault,
                Err(Failure::Unanswered(fault, committed)) => match self.settle(set, patience).await {
                    Outcome::Committed => return Ok(*committed),
                    Outcome::NotCommitted => fault,
                    Outcome::Unknown => {
                        let source: Option<Box<dyn std::error::Error + Send + Sync>> = Some(Box::new(fault));
                        return Err(CatalogError::OutcomeUnknown { doing: DOING, source });
                    }
                },
                Err(Failure::Broken) => {
                    return Err(CatalogError::OutcomeUnknown { doing: DOING, source: None });
                }
            };
            tries += 1;
            // A lost race is repeated while there is time; a dead connection once or twice.
            let allowed = match fault.meaning() {
                Meaning::RolledBack => 40,
                Meaning::Away => 2,
                _ => 0,
            };
            if tries > allowed || Instant::now() >= patience {
                return Err(fault.into_error(DOING));
            }
            tracing::debug!(change = %set.id, tries, reason = ?fault, "repeating a commit that was rolled back");
            tokio::time::sleep(jitter(tries)).await;
        }
    }

    async fn attempt(&self, set: &Arc<ChangeSet>) -> Result<Committed, Failure> {
        if let Some(groups) = &self.groups {
            let (pools, owner) = (self.pools(), self.owner.clone());
            let writer = Writer { pools, _owner: owner, call: self.options.call };
            return groups.commit(&writer, Arc::clone(set)).await;
        }
        let pools = self.pools();
        let session = self.bounded(async { Ok(pools.begin().await?) }).await?;
        let limit = limit(set, self.options.call);
        let committed = match self.bounded_by(limit, apply(&session, set)).await {
            Ok(committed) => committed,
            // Dropping the session rolls back.
            Err(fault) => return Err(Failure::Nothing(fault)),
        };
        match self.bounded(async { Ok(session.commit().await?) }).await {
            Ok(()) => Ok(committed),
            Err(fault) if fault.meaning() == Meaning::RolledBack => Err(Failure::Nothing(fault)),
            Err(fault) => Err(Failure::Unanswered(fault, Box::new(committed))),
        }
    }
}

async fn apply(session: &Session, set: &ChangeSet) -> Result<Committed, Fault> {
    instance::check_fence(session, set).await?;
    turn::take(session, &set.changes).await?;
    let mut expected = Expected::judge(session, &set.expect).await?;
    order::lock_in_order(session, &set.changes).await?;
    let mut touched = Touched::default();
    let mut done = Committed::of(set.id);
    for change in &set.changes {
        match change {
            Change::Feed(change) => feed::change(session, change).await?,
            Change::Package(change) => {
                package::change(session, change, set, &mut expected, &mut touched).await?;
            }
            Change::Blob(change) => done.reserved.extend(blob::change(session, change, set).await?),
            Change::Account(change) => account::change(session, change).await?,
            Change::Instance(change) => instance::change(session, change).await?,
            Change::Fence(change) => instance::plant(session, change).await?,
            Change::Job(change) => jobs::change(session, change, &mut done).await?,
        }
    }
    if let Some(entry) = &set.entry {
        write_journal(session, set, entry).await.map_err(|error| match super::fault::meaning(&error) {
            // Ids are random, so this is a caller that commits one set twice.
            Meaning::Taken => Fault::CommittedBefore,
            _ => error.into(),
        })?;
    }
    touched.stamp_feeds(session).await?;
    Ok(done)
}

async fn write_journal(session: &Session, set: &ChangeSet, entry: &JournalEntry) -> Result<(), DbErr> {
    let sql = "INSERT INTO journal (change_id, since, actor, action, feed_id, subject) \
               VALUES (?, {now}, ?, ?, ?, ?)";
    let values = values![
        set.id.0,
        &*set.actor.0,
        entry.action.to_string(),
        entry.feed.map(|feed| feed.0),
        entry.subject.as_str(),
    ];
    session.exec(sql, values).await.map(drop)
}

/// How long applying this set may take.
fn limit(set: &ChangeSet, call: Duration) -> Duration {
    if deletes_a_feed(set) { LONG_WORK } else { call }
}

fn deletes_a_feed(set: &ChangeSet) -> bool {
    set.changes.iter().any(|change| matches!(change, Change::Feed(FeedChange::Delete(_))))
}

/// A pause that grows, never the same for two who lost to each other.
fn jitter(tries: u32) -> Duration {
    let most = 4_u64 << tries.min(6);
    let random = Uuid::new_v4().as_u64_pair().0;
    Duration::from_millis(1 + random % most)
}
