//! The catalogue, as a process sees it through its wire. A question without an answer is "unavailable"; a
//! commit without one has an unknown outcome, and may still happen later.

use super::defence::Defence;
use super::wire::{Peer, Silence, Wire};
use super::world::{World, at_once};
use async_trait::async_trait;
use proget_core::blob::BlobKey;
use proget_core::catalog::*;
use proget_core::digest::Sha256;
use proget_core::feed::{Feed, FeedName, StoreName};
use proget_core::ids::{BlobId, ChangeId, FeedId, FileId, JobId, Stamp, UserId};
use proget_core::package::{FileRef, Fragment, NameKey, VersionKey};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// For how long a catalogue whose stamps lie says what it said before.
const LIE: Duration = Duration::from_secs(10);

pub(crate) struct WiredCatalog {
    world: Arc<World>,
    wire: Arc<Wire>,
    /// Answers that are repeated for a while, if stamps lie.
    told: Mutex<Vec<(StampOf, Instant, Option<Stamp>)>>,
}

impl WiredCatalog {
    pub(crate) fn new(world: Arc<World>, wire: Arc<Wire>) -> Self {
        Self { world, wire, told: Mutex::default() }
    }

    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&dyn Catalog) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let world = Arc::clone(&self.world);
        let asked = self.wire.call(Peer::Catalog, doing, move || work(&*world.catalog)).await;
        asked.unwrap_or(Err(CatalogError::Unavailable { doing, source: None }))
    }

    /// What was answered before, if it is not too long ago.
    fn lie(&self, of: &[StampOf]) -> Option<Vec<Option<Stamp>>> {
        let told = self.told.lock().unwrap();
        let known = |one: &StampOf| {
            let before = told.iter().rev().find(|(of, at, _)| of == one && at.elapsed() < LIE);
            before.map(|(_, _, stamp)| *stamp)
        };
        of.iter().map(known).collect()
    }
}

/// What a commit is about.
fn about(set: &ChangeSet) -> &'static str {
    match set.changes.first() {
        Some(Change::Job(JobChange::Forget { .. })) => "forgetting",
        Some(Change::Job(JobChange::Occur { .. })) => "occurring",
        Some(Change::Job(JobChange::Enqueue(_))) => "enqueuing",
        Some(Change::Job(JobChange::Claim { .. })) => "claiming",
        Some(Change::Job(_)) => "working",
        Some(Change::Blob(BlobChange::Reserve { .. })) => "reserving",
        Some(Change::Blob(_)) => "sweeping",
        Some(Change::Package(_)) => "publishing",
        Some(Change::Fence(_)) => "planting",
        Some(Change::Instance(_)) => "witnessing",
        Some(Change::Feed(_) | Change::Account(_)) | None => "changing",
    }
}

impl fmt::Debug for WiredCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WiredCatalog")
    }
}

impl fmt::Display for WiredCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a simulated catalogue")
    }
}

#[async_trait]
impl Catalog for WiredCatalog {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError> {
        let (world, doing) = (Arc::clone(&self.world), about(&changes));
        match self.wire.call(Peer::Catalog, doing, move || world.commit(changes)).await {
            Ok(outcome) => outcome,
            Err(Silence::Refused) => Err(CatalogError::Unavailable { doing, source: None }),
            Err(Silence::Unknown) => Err(CatalogError::OutcomeUnknown { doing, source: None }),
        }
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    async fn ping(&self) -> Result<(), CatalogError> {
        self.ask("pinging", |catalog| at_once(catalog.ping())).await
    }
}

#[async_trait]
impl Stamps for WiredCatalog {
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        let lies = self.world.without == Some(Defence::Stamps);
        if let Some(told) = lies.then(|| self.lie(of)).flatten() {
            return Ok(told);
        }
        let questions = of.to_vec();
        let stamps = self.ask("reading stamps", move |catalog| at_once(catalog.stamps(&questions))).await?;
        if lies {
            let now = Instant::now();
            let answers = of.iter().zip(&stamps).map(|(of, stamp)| (of.clone(), now, *stamp));
            self.told.lock().unwrap().extend(answers);
        }
        Ok(stamps)
    }
}

/// Writes a reading role whose methods ask through the wire. The questions are taken along, because a message
/// outlives whoever sent it.
macro_rules! asked {
    ($($role:ident { $(fn $name:ident($($arg:ident: $of:ty),*) -> $gives:ty = ($($pass:expr),*);)* })*) => {$(
        #[async_trait]
        impl $role for WiredCatalog {
            $(async fn $name(&self, $($arg: $of),*) -> Result<$gives, CatalogError> {
                $(let $arg = $arg.to_owned();)*
                self.ask(stringify!($name), move |catalog| at_once(catalog.$name($($pass),*))).await
            })*
        }
    )*};
}

asked! {
    Feeds {
        fn feed(name: &FeedName) -> Option<Feed> = (&name);
        fn feed_by_id(id: FeedId) -> Option<Feed> = (id);
        fn feeds() -> Vec<Feed> = ();
    }
    Packages {
        fn rows(feed: FeedId, name: &NameKey) -> Option<PackageRows> = (feed, &name);
        fn file(feed: FeedId, file: &FileRef) -> Option<FoundFile> = (feed, &file);
        fn search(feed: FeedId, search: &Search, page: &PageRequest) -> Page<Found> = (feed, &search, &page);
        fn versions(feed: FeedId, filter: &VersionFilter, page: &PageRequest) -> Page<Found>
            = (feed, &filter, &page);
        fn detail(feed: FeedId, name: &NameKey, version: &VersionKey) -> Option<Fragment>
            = (feed, &name, &version);
        fn file_detail(feed: FeedId, file: &FileRef) -> Option<Fragment> = (feed, &file);
        fn downloads(files: &[FileId]) -> Vec<u64> = (&files);
        fn totals(feed: FeedId) -> FeedTotals = (feed);
    }
    Blobs {
        fn blob(store: &StoreName, digest: &Sha256) -> Option<BlobRow> = (&store, &digest);
        fn blobs(wanted: BlobWanted, after: Option<BlobId>, limit: u32) -> Vec<BlobRow> = (wanted, after, limit);
        fn users_of(blob: BlobId, limit: u32) -> Vec<String> = (blob, limit);
        fn doomed(store: &StoreName, delay: Duration, limit: u32) -> Vec<DoomedRow> = (&store, delay, limit);
        fn is_ripe(store: &StoreName, key: &BlobKey, delay: Duration) -> bool = (&store, &key, delay);
        fn strays(store: &StoreName, keys: &[BlobKey]) -> Vec<BlobKey> = (&store, &keys);
    }
    Accounts {
        fn user(name: &str) -> Option<UserRow> = (&name);
        fn user_by_id(id: UserId) -> Option<UserRow> = (id);
        fn users() -> Vec<UserRow> = ();
        fn key(hash: &KeyHash) -> Option<KeyRow> = (&hash);
        fn keys() -> Vec<KeyRow> = ();
    }
    Jobs {
        fn job(id: JobId) -> Option<JobRow> = (id);
        fn jobs(filter: &JobFilter, page: &PageRequest) -> Page<JobRow> = (&filter, &page);
        fn claimable(kinds: &[JobKind], limit: u32) -> Vec<JobRow> = (&kinds, limit);
        fn job_log(id: JobId, after: i64, limit: u32) -> Vec<JobLine> = (id, after, limit);
        fn schedules() -> Vec<ScheduleRow> = ();
    }
    Journal {
        fn entry(change: ChangeId) -> Option<JournalRow> = (change);
        fn journal(page: &PageRequest) -> Page<JournalRow> = (&page);
    }
    Instance {
        fn instance() -> InstanceRow = ();
        fn fence(role: Role) -> Option<FenceRow> = (role);
        fn settings() -> Vec<SettingRow> = ();
        fn revision() -> Stamp = ();
        fn durability() -> Durability = ();
    }
}
