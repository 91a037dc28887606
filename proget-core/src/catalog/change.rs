//! Changes as data: what is expected, what is to be done, because of which duty, by whom.
//!
//! Changes are grouped by noun, so that the enum does not become a drawer; an implementation's
//! `commit` is one match that delegates per noun.

use super::{BlobRow, Fence, JournalEntry, KeyHash, KeyKind, Role};
use crate::access::{Actor, Rights};
use crate::blob::BlobKey;
use crate::clock::Timestamp;
use crate::digest::Digests;
use crate::feed::{FeedName, FeedSettings, FormatId, StoreName};
use crate::ids::{BlobId, ChangeId, FeedId, FileId, Incarnation, KeyId, Stamp, UserId};
use crate::package::{
    FileName, Fragment, NameKey, PackageName, TagChange, TagName, Version, VersionKey, VersionStatus,
};
use std::time::Duration;
use uuid::Uuid;

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
    Fence(FenceChange)
);

/// A change to feeds.
#[derive(Debug, Clone)]
pub enum FeedChange {
    /// Creates a feed; `NameTaken` if any feed has this name or one of its alternate names, as its
    /// name or as an alternate one.
    Create {
        /// Its name.
        name: FeedName,
        /// Its format, for ever.
        format: FormatId,
        /// Its settings.
        settings: FeedSettings,
    },
    /// Replaces a feed's name and settings and its revision; `Absent`, `NameTaken`.
    Update {
        /// Which.
        id: FeedId,
        /// Its name from now on.
        name: FeedName,
        /// Its settings from now on.
        settings: FeedSettings,
    },
    /// Deletes a feed with its packages, versions, files, tags and counts; blobs stay for the sweep. `Absent`.
    Delete(FeedId),
}

/// Which version of which package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRef {
    /// The feed.
    pub feed: FeedId,
    /// The package.
    pub package: NameKey,
    /// The version.
    pub version: VersionKey,
}

/// A change to packages. Each writes a new stamp to the package and, last, to one slot of its feed.
#[derive(Debug, Clone)]
pub enum PackageChange {
    /// Publishes a file; creates package and version if they are not there.
    AddFile(Box<NewFile>),
    /// Points a tag at a version; `VersionAbsent` if there is no such version.
    SetTag(VersionRef, TagName),
    /// Removes a tag; nothing happens if there is none.
    RemoveTag(FeedId, NameKey, TagName),
    /// Sets what has been decided about a version; `VersionAbsent`.
    SetStatus(VersionRef, VersionStatus),
    /// Removes a version with its files and the tags that point at it, and the package if it was the last; `VersionAbsent`.
    RemoveVersion(VersionRef),
    /// Removes one file; its version stays, if only for the `AddFile` that follows in the same set
    /// (which then replaces the version's fragment, detail, summary, keywords, date and publisher). `Absent`.
    RemoveFile(FeedId, NameKey, FileName),
    /// Removes a package with all it has; `Absent`.
    RemovePackage(FeedId, NameKey),
    /// Adds to download counts; files that are gone are passed over. Changes no stamp.
    CountDownloads(Vec<(FileId, u64)>),
}

/// A file to be published.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The feed; `FeedChanged` if there is none.
    pub feed: FeedId,
    /// The package; its spelling is kept from its first file.
    pub package: PackageName,
    /// The version; its spelling is kept from its first file.
    pub version: Version,
    /// The file's name; `FileExists` if the package has one of that name, in whichever version.
    pub file: FileName,
    /// The blob's row; it becomes live in the same transaction if it still has this key, else `BlobGone`.
    pub blob: BlobId,
    /// The key the bytes were put under.
    pub key: BlobKey,
    /// How many bytes.
    pub size: u64,
    /// What they are.
    pub digests: Digests,
    /// What the version contributes to index documents; taken if the version has no other file.
    pub version_fragment: Fragment,
    /// What the file contributes.
    pub file_fragment: Fragment,
    /// More about the version than indexes need; taken if the version has no other file.
    pub detail: Fragment,
    /// More about the file than indexes need.
    pub file_detail: Fragment,
    /// One line for lists and searches; taken if the version has no other file.
    pub summary: String,
    /// Words by which a search may find it; taken if the version has no other file.
    pub keywords: Vec<String>,
    /// Tags to set on the version.
    pub tags: Vec<TagChange>,
}

/// A change to blobs; see the rules in `docs/PROTOCOLS.md`.
#[derive(Debug, Clone)]
pub enum BlobChange {
    /// Makes sure that no sweep takes this digest for a while: extends the reservation of the row
    /// that is there (a condemned one comes back to life), or makes an `arriving` row with `fresh`
    /// as its key. The row as it is then comes back in [`Committed::reserved`].
    Reserve {
        /// The store.
        store: StoreName,
        /// The key to use if there is no row for this digest.
        fresh: BlobKey,
        /// How many bytes.
        size: u64,
        /// For how long, by the catalogue's clock; an older reservation that lasts longer stays.
        hold: Duration,
    },
    /// `live` → `condemned`; `BlobTouched` if `touched` moved, a reservation runs or there is no
    /// such live row. Fenced.
    Condemn {
        /// Which.
        id: BlobId,
        /// As it was read before references were counted.
        touched: i64,
    },
    /// Deletes an `arriving` or `condemned` row and writes its key to the doomed; `BlobTouched` if
    /// `touched` moved, a reservation runs, there is no such row or, by the foreign key, a
    /// reference exists. Fenced.
    Doom {
        /// Which.
        id: BlobId,
        /// As it was read before references were counted.
        touched: i64,
    },
    /// Writes a key that nothing names to the doomed; `BlobTouched` if a blob row names it. One that
    /// is doomed already stays doomed since then. Fenced.
    DoomStray {
        /// The store in which it was found.
        store: StoreName,
        /// The key.
        key: BlobKey,
    },
    /// Removes a doomed row whose bytes have been deleted; nothing happens if there is none. Fenced.
    Forget {
        /// The store.
        store: StoreName,
        /// The key.
        key: BlobKey,
    },
}

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name; `NameTaken` if it is, compared in lower case (Unicode's, as `str::to_lowercase` has it).
    pub name: String,
    /// The Argon2id hash of the password.
    pub password: Option<String>,
    /// What the user may do.
    pub rights: Rights,
}

/// A key to be created.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its kind.
    pub kind: KeyKind,
    /// What its text hashes to; `NameTaken` if another key's does.
    pub hash: KeyHash,
    /// Its first few characters.
    pub hint: String,
    /// For people.
    pub display_name: String,
    /// For people.
    pub description: String,
    /// What it may do.
    pub rights: Rights,
    /// Whose personal key it is; `Absent` if there is no such user.
    pub user: Option<UserId>,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
}

/// A change to users and keys. Each writes a new revision.
#[derive(Debug, Clone)]
pub enum AccountChange {
    /// Creates a user.
    CreateUser(NewUser),
    /// Creates a user if there is none at all; otherwise the whole set fails with `NameTaken`.
    /// Locks the instance row, so that two starting processes do not both create an administrator.
    CreateFirstUser(NewUser),
    /// Replaces a user's password hash; `Absent`.
    SetPassword(UserId, Option<String>),
    /// Replaces what a user may do; `Absent`.
    SetUserRights(UserId, Rights),
    /// Deletes a user with the user's personal keys; `Absent`.
    DeleteUser(UserId),
    /// Creates a key.
    CreateKey(NewKey),
    /// Deletes a key; the very next request with it is refused, on every node. `Absent`.
    RevokeKey(KeyId),
}

/// A change to the instance.
#[derive(Debug, Clone)]
pub enum InstanceChange {
    /// Replaces the witness and the known database identity, expecting the witness to be
    /// `previous`; `InstanceChanged`. Fenced.
    Witness {
        /// What the catalogue must have now.
        previous: Option<Uuid>,
        /// What it has from now on.
        next: Uuid,
        /// The database's identity to remember.
        identity: String,
    },
    /// Stops all deletes until an operator confirms, saying why.
    StopDeletes(String),
    /// An operator confirms that store and catalogue belong together: deletes are no longer
    /// stopped, and the known database identity is forgotten; the witness stays.
    ConfirmDeletes,
}

/// A change to fences.
#[derive(Debug, Clone)]
pub enum FenceChange {
    /// From now on only `holder` with `term` may act in this role; `TermTooLow` unless `term` is above the present one.
    Plant {
        /// The duty.
        role: Role,
        /// The new term.
        term: i64,
        /// The process.
        holder: Incarnation,
    },
}

/// What a commit brought about.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The set's id.
    pub change: ChangeId,
    /// The rows of all reservations of the set, in their order.
    pub reserved: Vec<BlobRow>,
}
