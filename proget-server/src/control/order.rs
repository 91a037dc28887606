//! What can be ordered and what comes back: plain records that also travel over the socket.

use super::cluster::ClusterOrder;
use super::keys::KeyOrder;
use crate::documents::{JobDocument, ScheduleDocument};
use proget_cluster::node::keys::KeyReport;
use proget_cluster::node::status::ClusterStatus;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An administrative command. Whoever may send one may do everything, so it says nothing about its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// All feeds.
    ListFeeds,
    /// A new feed.
    CreateFeed(FeedWish),
    /// A feed and all it holds, gone.
    DeleteFeed {
        /// Its name.
        name: String,
        /// Also if there are packages in it?
        content: Content,
    },
    /// All keys.
    ListKeys,
    /// A new key.
    CreateKey(KeyWish),
    /// A key, gone.
    RevokeKey {
        /// Its number.
        id: i64,
    },
    /// A new random password for a user.
    ResetPassword {
        /// The user's name.
        user: String,
    },
    /// Every blob read and held against its digest.
    Verify,
    /// One sweep.
    Sweep {
        /// How long doomed bytes are kept, in milliseconds; `None` is the usual time.
        delete_delay_ms: Option<u64>,
    },
    /// Catalogue and stores belong together: deletes may go on.
    ConfirmDeletes,
    /// What was done last, by whom and when.
    Journal {
        /// So many entries.
        limit: u32,
    },
    /// Something about the cluster.
    Cluster(ClusterOrder),
    /// Something about the encryption keys.
    EncryptionKeys(KeyOrder),
}

/// What is to happen to a feed's packages when the feed goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// There must be none.
    MustBeEmpty,
    /// They go with it.
    DeleteToo,
}

/// Who may read a feed without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readers {
    /// Nobody.
    Known,
    /// Everybody.
    Everybody,
}

/// A feed to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FeedWish {
    /// Its name.
    pub name: String,
    /// Its type, such as `npm`.
    pub format: String,
    /// For people.
    pub description: String,
    /// Who may read it.
    pub readers: Readers,
}

/// What a key is to be good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyScope {
    /// Everything, everywhere.
    FullControl,
    /// These permissions in all feeds: `view`, `add`, `promote`, `delete`.
    AllFeeds(Vec<String>),
    /// These permissions in one feed.
    Feed(String, Vec<String>),
    /// Whatever this user may do.
    User(String),
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyWish {
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it is good for.
    pub scope: KeyScope,
    /// For how long it is good, in milliseconds; `None` is for ever.
    pub lasts_ms: Option<u64>,
}

/// A secret that its reader sees once. It travels, but it is not logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Told(pub String);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(…)")
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is done; the sentence says what.
    Done(String),
    /// All feeds.
    Feeds(Vec<FeedLine>),
    /// A new key with its text.
    Key(KeyLine, Told),
    /// All keys.
    Keys(Vec<KeyLine>),
    /// A user's new password.
    Password {
        /// Whose.
        user: String,
        /// What.
        password: Told,
    },
    /// What a verification found.
    Verified(Verified),
    /// What a sweep did.
    Swept(Swept),
    /// What was done, newest first.
    Journal(Vec<JournalLine>),
    /// How the cluster is.
    Cluster(Box<ClusterStatus>),
    /// Which encryption keys there are.
    EncryptionKeys(Box<KeyReport>),
    /// Jobs.
    Jobs(Vec<JobDocument>),
    /// One job with its log.
    Job(Box<JobDocument>),
    /// Schedules.
    Schedules(Vec<ScheduleDocument>),
}

/// One feed in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedLine {
    /// Its name.
    pub name: String,
    /// Its type.
    pub feed_type: String,
    /// Does it answer?
    pub active: bool,
    /// May everybody read it?
    pub anonymous_view: bool,
    /// For people.
    pub description: String,
}

/// One key in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyLine {
    /// Its number.
    pub id: i64,
    /// For people.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// `system`, `feed` or `personal`.
    pub kind: String,
    /// What it is good for, in words.
    pub may: String,
    /// When it was made, ISO 8601.
    pub created: String,
    /// Until when it is good, ISO 8601.
    pub expires: Option<String>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Blobs looked at.
    pub blobs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong.
    pub damage: Vec<Damaged>,
}

/// One damaged blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Damaged {
    /// The blob's key.
    pub key: String,
    /// The store it should lie in.
    pub store: String,
    /// What is wrong with it.
    pub what: String,
    /// Files that refer to it; at most twenty.
    pub files: Vec<String>,
}

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Blobs found without references, condemned.
    pub condemned: u64,
    /// Condemned blobs that nobody has referred to since.
    pub doomed: u64,
    /// Uploads that died before their commit. A server of an earlier release counts them as doomed.
    #[serde(default)]
    pub abandoned: u64,
    /// Keys found in a store that nothing named.
    pub strays: u64,
    /// Blobs whose bytes were deleted.
    pub deleted: u64,
    /// Doomed keys that are not yet ripe.
    pub waiting: u64,
    /// Uploads of dead processes, removed.
    pub leftovers: u64,
    /// Why nothing was doomed or deleted, if nothing was.
    pub deletes_stopped: Option<String>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalLine {
    /// When, ISO 8601, by the database's clock.
    pub at: String,
    /// By whom, by the name that the caller had then.
    pub actor: String,
    /// What, in one word such as `published` or `blob-deleted`.
    pub action: String,
    /// In which feed, by its name of today; one that was deleted since is named by its number.
    pub feed: Option<String>,
    /// To what, and why.
    pub subject: String,
}

/// How far a long order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Blobs so far.
    pub blobs: u64,
    /// Bytes so far.
    pub bytes: u64,
}

/// Why an order was not carried out, in a sentence for its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    Progress(Progress),
    Done(Outcome),
    Failed(Failure),
}
