//! The tables, and how a change set is judged and applied to them.

use super::jobs::StoredJob;
use crate::access::Actor;
use crate::blob::BlobKey;
use crate::catalog::{
    BlobRow, CatalogError, Change, ChangeSet, Committed, Conflict, Expect, FenceRow, JournalRow, KeyRow,
    PackageRow, Role, ScheduleRow, UserRow, VersionRow,
};
use crate::clock::Timestamp;
use crate::cluster::{ClusterMode, NodeName};
use crate::feed::{Feed, StoreName};
use crate::ids::{BlobId, FeedId, FileId, JobId, KeyId, Stamp, UserId};
use crate::package::{FileName, Fragment, NameKey, TagName, VersionKey};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything the catalogue holds.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// One sequence for all rows; a number is never used twice.
    last_id: i64,
    pub(super) feeds: BTreeMap<FeedId, Feed>,
    /// The stamp of all that a feed holds.
    pub(super) content: BTreeMap<FeedId, Stamp>,
    pub(super) packages: BTreeMap<(FeedId, NameKey), Package>,
    pub(super) downloads: BTreeMap<FileId, u64>,
    pub(super) blobs: BTreeMap<BlobId, StoredBlob>,
    pub(super) doomed: BTreeMap<(StoreName, BlobKey), Timestamp>,
    pub(super) users: BTreeMap<UserId, UserRow>,
    pub(super) keys: BTreeMap<KeyId, KeyRow>,
    /// Oldest first.
    pub(super) journal: Vec<JournalRow>,
    pub(super) fences: BTreeMap<Role, FenceRow>,
    pub(super) jobs: BTreeMap<JobId, StoredJob>,
    pub(super) schedules: BTreeMap<String, ScheduleRow>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) mode: ClusterMode,
    pub(super) service_node: Option<NodeName>,
    pub(super) revision: Stamp,
    pub(super) installation: Uuid,
    pub(super) witness: Option<Uuid>,
    pub(super) known_identity: Option<String>,
    pub(super) deletes_stopped: Option<String>,
}

/// A package with all it has.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) row: PackageRow,
    pub(super) tags: BTreeMap<TagName, VersionKey>,
    pub(super) versions: BTreeMap<VersionKey, StoredVersion>,
}

/// A version with what its row does not show.
#[derive(Debug, Clone)]
pub(super) struct StoredVersion {
    /// Its files are kept sorted by name.
    pub(super) row: VersionRow,
    pub(super) keywords: Vec<String>,
    pub(super) detail: Fragment,
    /// Of those files that have one.
    pub(super) file_details: BTreeMap<FileName, Fragment>,
}

/// A blob's row without what is computed when it is read.
#[derive(Debug, Clone)]
pub(super) struct StoredBlob {
    /// `reserved` and `references` are those of no particular moment; [`State::blob_row`] fills them in.
    pub(super) row: BlobRow,
    pub(super) reserved_until: Timestamp,
}

/// Because of whom and when a change is made.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) actor: Actor,
    pub(super) at: Timestamp,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            last_id: 0,
            feeds: BTreeMap::new(),
            content: BTreeMap::new(),
            packages: BTreeMap::new(),
            downloads: BTreeMap::new(),
            blobs: BTreeMap::new(),
            doomed: BTreeMap::new(),
            users: BTreeMap::new(),
            keys: BTreeMap::new(),
            journal: Vec::new(),
            fences: BTreeMap::new(),
            jobs: BTreeMap::new(),
            schedules: BTreeMap::new(),
            settings: BTreeMap::new(),
            mode: ClusterMode::default(),
            service_node: None,
            revision: Stamp::random(),
            installation: Uuid::new_v4(),
            witness: None,
            known_identity: None,
            deletes_stopped: None,
        }
    }

    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Fence, expectations, changes in their order, journal. The caller throws the state away if
    /// this fails, so nothing needs to be undone here.
    pub(super) fn apply(&mut self, set: ChangeSet, at: Timestamp) -> Result<Committed, CatalogError> {
        self.check_fence(&set)?;
        for expect in &set.expect {
            self.judge(expect, at)?;
        }
        let moment = Moment { actor: set.actor, at };
        let mut done = Committed::of(set.id);
        for change in set.changes {
            match change {
                Change::Feed(change) => self.change_feed(change, &moment)?,
                Change::Package(change) => self.change_package(change, &moment)?,
                Change::Blob(change) => done.reserved.extend(self.change_blob(change, &moment)?),
                Change::Account(change) => self.change_account(change, &moment)?,
                Change::Instance(change) => self.change_instance(change)?,
                Change::Fence(change) => self.change_fence(change)?,
                Change::Job(change) => self.change_job(change, at, &mut done)?,
            }
        }
        if let Some(entry) = set.entry {
            self.write_journal(JournalRow { change: set.id, at, actor: moment.actor.to_string(), entry })?;
        }
        Ok(done)
    }

    fn judge(&self, expect: &Expect, at: Timestamp) -> Result<(), Conflict> {
        let (holds, otherwise) = match expect {
            Expect::Feed(id, revision) => {
                (self.feeds.get(id).is_some_and(|feed| feed.revision == *revision), Conflict::FeedChanged)
            }
            Expect::User(id, revision) => (
                self.users.get(id).is_some_and(|user| user.revision == *revision),
                Conflict::CredentialChanged,
            ),
            Expect::Key(id, revision) => {
                (self.keys.get(id).is_some_and(|key| key.revision == *revision), Conflict::CredentialChanged)
            }
            Expect::Package(feed, name, stamp) => (
                self.package(*feed, name).map(|package| package.row.stamp) == *stamp,
                Conflict::PackageChanged,
            ),
            Expect::Serving(node) => (
                self.mode == ClusterMode::HighAvailability || self.service_node.as_ref() == Some(node),
                Conflict::NotServing,
            ),
            Expect::ClaimHeld(job, token) => (self.is_held(*job, *token, at), Conflict::ClaimLost),
            Expect::Setting(name, value) => {
                (self.settings.get(name) == value.as_ref(), Conflict::InstanceChanged)
            }
        };
        if holds { Ok(()) } else { Err(otherwise) }
    }

    pub(super) fn package(&self, feed: FeedId, name: &NameKey) -> Option<&Package> {
        self.packages.get(&(feed, name.clone()))
    }

    /// The packages of one feed by name key.
    pub(super) fn packages_of(&self, feed: FeedId) -> impl Iterator<Item = &Package> {
        let first = (feed, NameKey::stored(String::new()));
        self.packages.range(first..).take_while(move |((of, _), _)| *of == feed).map(|(_, package)| package)
    }
}
