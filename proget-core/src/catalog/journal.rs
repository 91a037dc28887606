//! Reading role: the journal, what was done by whom.

use super::{CatalogError, Page, PageRequest};
use crate::clock::Timestamp;
use crate::ids::{ChangeId, FeedId};
use async_trait::async_trait;
use std::fmt;
use std::str::FromStr;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What was done; the text is what is stored and shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Action { $($(#[$doc])* $name),* }

        impl fmt::Display for Action {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),* })
            }
        }

        impl FromStr for Action {
            type Err = UnknownAction;

            fn from_str(text: &str) -> Result<Self, UnknownAction> {
                match text { $($text => Ok(Self::$name),)* _ => Err(UnknownAction) }
            }
        }

        impl Action {
            /// Every action there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

actions! {
    /// A file of a version was published.
    Published = "published",
    /// A version was replaced by other bytes.
    Replaced = "replaced",
    /// A version was removed.
    VersionRemoved = "version-removed",
    /// A whole package was removed.
    PackageRemoved = "package-removed",
    /// Tags were set or removed.
    Tagged = "tagged",
    /// A version was listed, unlisted, blocked, allowed or deprecated.
    StatusChanged = "status-changed",
    /// A feed was created.
    FeedCreated = "feed-created",
    /// A feed's settings were changed.
    FeedChanged = "feed-changed",
    /// A feed was deleted with all it held.
    FeedDeleted = "feed-deleted",
    /// A user was created.
    UserCreated = "user-created",
    /// A user's password or rights were changed.
    UserChanged = "user-changed",
    /// A user was deleted.
    UserDeleted = "user-deleted",
    /// An API key was created.
    KeyCreated = "key-created",
    /// An API key was revoked.
    KeyRevoked = "key-revoked",
    /// Deletes were stopped, because store and catalogue do not belong together.
    DeletesStopped = "deletes-stopped",
    /// An operator confirmed that they do.
    DeletesConfirmed = "deletes-confirmed",
    /// A sweep gave a blob up: its bytes will be deleted.
    BlobDoomed = "blob-doomed",
    /// The bytes of a doomed blob were deleted.
    BlobDeleted = "blob-deleted",
    /// The mode, the service node or a setting of the instance was changed.
    InstanceChanged = "instance-changed",
    /// Something happened to the cluster: a node joined, left, was lost or removed, a role moved.
    ClusterEvent = "cluster-event",
    /// A job was called off, or a schedule changed.
    JobsChanged = "jobs-changed",
}

/// The text names no action that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such journal action")]
pub struct UnknownAction;

/// What a change set says of itself in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// What was done.
    pub action: Action,
    /// In which feed, if in one.
    pub feed: Option<FeedId>,
    /// To what: `left-pad 1.3.0`, `feed internal`. For people; no secrets.
    pub subject: String,
}

/// A journal entry as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// The change set it came with; unique.
    pub change: ChangeId,
    /// When, by the catalogue's clock.
    pub at: Timestamp,
    /// By whom, by the name the caller had then.
    pub actor: String,
    /// What.
    pub entry: JournalEntry,
}

/// What was done.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The entry of a change set, if it was committed.
    async fn entry(&self, change: ChangeId) -> Result<Option<JournalRow>, CatalogError>;

    /// Entries, newest first. Row numbers are not in commit order, so this is for people:
    /// nothing may conclude that it has seen all up to some row.
    async fn journal(&self, page: &PageRequest) -> Result<Page<JournalRow>, CatalogError>;
}
