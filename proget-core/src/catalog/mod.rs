//! What exists. Reading is by role; changing has one door.
//!
//! Each role is one file and one trait, so that a use-case can say which roles it reads. The door
//! is [`Catalog::commit`]: a [`ChangeSet`] with expectations and, for duties that only one node
//! may hold, a fence, judged and applied in one transaction.

mod accounts;
mod blobs;
mod change;
mod error;
mod feeds;
mod instance;
mod jobs;
mod journal;
mod packages;
mod page;
pub(crate) mod roles;
mod stamps;

pub use accounts::{Accounts, KeyHash, KeyKind, KeyRow, UserRow};
pub use blobs::{BlobRow, BlobState, BlobWanted, Blobs, DoomedRow};
pub use change::{
    AccountChange, BlobChange, Change, ChangeSet, Committed, Expect, FeedChange, FenceChange, InstanceChange,
    JobChange, JobEnd, NewFile, NewJob, NewKey, NewUser, PackageChange, VersionRef,
};
pub use error::{CatalogError, Conflict};
pub use feeds::Feeds;
pub use instance::{Durability, Fence, FenceRow, Instance, InstanceRow, Role, SettingRow};
pub use jobs::{
    ClaimRow, JobFilter, JobKind, JobLine, JobRow, JobState, Jobs, Occurrence, ScheduleRow, UnknownJobState,
};
pub use journal::{Action, Journal, JournalEntry, JournalRow};
pub use packages::{
    FeedTotals, FileRow, Found, FoundFile, PackageRow, PackageRows, Packages, Search, VersionFilter,
    VersionRow, Visibility,
};
pub use page::{Cursor, Page, PageRequest};
pub use stamps::{StampOf, Stamps};

use async_trait::async_trait;
use std::fmt;

/// What exists, and the one door through which it changes.
///
/// # What an implementation must promise
/// - *One transaction.* Expectations, fence and changes of a set are judged and applied together;
///   all of it or none of it. Changes are applied in their order within the set.
/// - *Fence.* The first statement of a fenced commit updates the fence's row by role, term and
///   holder and must hit one row; otherwise [`CatalogError::Fenced`] and nothing has happened. So
///   does a set without a fence that [must be fenced](ChangeSet::must_be_fenced). Only planting
///   moves a term, and only upwards.
/// - *Decisions* are conditional updates by key or locking reads, never read-then-write.
/// - *Constraint violations* are [`CatalogError::Conflict`], whoever caused them and however many
///   processes commit at once; never `Other`.
/// - *Definite rollbacks* (deadlock, serialization failure, busy) are retried inside; a COMMIT whose
///   answer was lost is looked up by the set's id in the journal and otherwise answered
///   [`CatalogError::OutcomeUnknown`], never repeated blindly.
/// - *Read your writes.* A read that begins after a commit was acknowledged, here or on any other
///   node, sees it. Reads that decide go to the writable primary.
/// - *Snapshots.* [`Packages::rows`] and [`Stamps::stamps`] each answer from one snapshot.
/// - *Its own clock.* Reservations and ages live on the catalogue's clock, not on the callers'.
/// - *Unavailable in short order.* If the catalogue cannot be reached, calls fail with
///   [`CatalogError::Unavailable`] within a few seconds and work again as soon as it can be.
/// - Names and keys are compared byte by byte, whatever the database's collation would like.
#[async_trait]
pub trait Catalog:
    Feeds
    + Packages
    + Blobs
    + Accounts
    + Jobs
    + Journal
    + Instance
    + Stamps
    + fmt::Debug
    + fmt::Display
    + Send
    + Sync
    + 'static
{
    /// Judges and applies a change set: the one door.
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError>;

    /// Is this process the only one that can change the catalogue (kept so by an operating-system
    /// lock, not by hope)? Then what its own commits touched is all that can be stale. Such a
    /// catalogue commits one set at a time: one that begins waits until every earlier one is over,
    /// also one whose outcome was reported as unknown.
    fn is_exclusive(&self) -> bool;

    /// Can it be reached at this moment? For health answers; asks it something cheap.
    async fn ping(&self) -> Result<(), CatalogError>;
}
