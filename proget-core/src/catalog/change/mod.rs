//! Changes as data: what is expected, what is to be done, because of which duty, by whom.
//!
//! Changes are grouped by noun, one file each, so that no enum becomes a drawer; an
//! implementation's `commit` is one match that delegates per noun.

mod accounts;
mod blobs;
mod instance;
mod jobs;
mod packages;

pub use accounts::{AccountChange, NewKey, NewUser};
pub use blobs::BlobChange;
pub use instance::{FenceChange, InstanceChange};
pub use jobs::{JobChange, JobEnd, NewJob};
pub use packages::{FeedChange, NewFile, PackageChange, VersionRef};

use super::{BlobRow, Fence, JobRow, JournalEntry};
use crate::access::Actor;
use crate::cluster::NodeName;
use crate::ids::{ChangeId, ClaimToken, FeedId, JobId, KeyId, Stamp, UserId};
use crate::package::NameKey;

/// Everything one commit is to judge and do.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    /// Random; unique in the journal.
    pub id: ChangeId,
    /// By whom.
    pub actor: Actor,
    /// Because of which duty, if of one. Judged first, by equality with what was planted; a set that
    /// [must be fenced](Self::must_be_fenced) and is not is refused as [`Fenced`](super::CatalogError::Fenced).
    pub fence: Option<Fence>,
    /// What must be so; judged before anything is changed, under locks that last to the commit.
    pub expect: Vec<Expect>,
    /// What is to be done, in this order.
    pub changes: Vec<Change>,
    /// What the journal is to say. A set without an entry cannot be looked up when its COMMIT's
    /// answer is lost, so only sets that may safely be repeated go without.
    pub entry: Option<JournalEntry>,
}

impl ChangeSet {
    /// An empty set by `actor`.
    #[must_use]
    pub fn by(actor: Actor) -> Self {
        Self {
            id: ChangeId::random(),
            actor,
            fence: None,
            expect: Vec::new(),
            changes: Vec::new(),
            entry: None,
        }
    }

    /// Carries a fence: refused unless it is the newest planted.
    #[must_use]
    pub fn fenced(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Adds an expectation.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// Adds a change.
    #[must_use]
    pub fn with(mut self, change: impl Into<Change>) -> Self {
        self.changes.push(change.into());
        self
    }

    /// Says what the journal is to say.
    #[must_use]
    pub fn record(mut self, entry: JournalEntry) -> Self {
        self.entry = Some(entry);
        self
    }

    /// Does it hold a change that only the holder of a duty may make (those whose documentation
    /// says *fenced*)? Then a catalogue refuses it without a fence, as `Fenced`.
    #[must_use]
    pub fn must_be_fenced(&self) -> bool {
        self.changes.iter().any(|change| match change {
            Change::Blob(change) => !matches!(change, BlobChange::Reserve { .. }),
            Change::Instance(change) => matches!(change, InstanceChange::Witness { .. }),
            Change::Job(change) => matches!(change, JobChange::Occur { .. }),
            Change::Feed(_) | Change::Package(_) | Change::Account(_) | Change::Fence(_) => false,
        })
    }
}

/// What must be so when the set commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The feed exists and its settings are those that were judged; else [`Conflict::FeedChanged`](super::Conflict).
    /// Held by a shared lock, so that publishes into one feed do not queue.
    Feed(FeedId, Stamp),
    /// The user exists unchanged; else `CredentialChanged`. A shared lock.
    User(UserId, Stamp),
    /// The key exists unchanged; else `CredentialChanged`. A shared lock.
    Key(KeyId, Stamp),
    /// The package has this stamp, or does not exist if `None`; else `PackageChanged`.
    Package(FeedId, NameKey, Option<Stamp>),
    /// The mode lets this node run the Service: it is high availability, or this is the service node;
    /// else `NotServing`. A shared lock on the instance row. Whoever plants a fence or claims a job
    /// expects this.
    Serving(NodeName),
    /// The job is running under this claim, which has not run out; else `ClaimLost`. An exclusive
    /// lock on the job's row, so whoever takes the job over waits for this commit.
    ClaimHeld(JobId, ClaimToken),
    /// The setting has this value, or is not there if `None`; else `InstanceChanged`. A shared lock
    /// on the instance row.
    Setting(String, Option<String>),
}

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    /// To feeds.
    Feed(FeedChange),
    /// To packages.
    Package(PackageChange),
    /// To blobs.
    Blob(BlobChange),
    /// To users and keys.
    Account(AccountChange),
    /// To the instance.
    Instance(InstanceChange),
    /// To fences.
    Fence(FenceChange),
    /// To jobs and schedules.
    Job(JobChange),
}

macro_rules! into_change {
    ($($noun:ident($of:ident)),*) => {$(
        impl From<$of> for Change {
            fn from(change: $of) -> Self {
                Self::$noun(change)
            }
        }
    )*};
}
into_change!(
    Feed(FeedChange),
    Package(PackageChange),
    Blob(BlobChange),
    Account(AccountChange),
    Instance(InstanceChange),
    Fence(FenceChange),
    Job(JobChange)
);

/// What a commit brought about.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The set's id.
    pub change: ChangeId,
    /// The rows of all reservations of the set, in their order.
    pub reserved: Vec<BlobRow>,
    /// The jobs that were claimed, in their order.
    pub claimed: Vec<JobRow>,
    /// The numbers of the jobs that were enqueued, in their order.
    pub enqueued: Vec<JobId>,
}

impl Committed {
    /// That of a set that reserved, claimed and enqueued nothing.
    #[must_use]
    pub fn of(change: ChangeId) -> Self {
        Self { change, reserved: Vec::new(), claimed: Vec::new(), enqueued: Vec::new() }
    }
}
