//! What the cases work on: one fresh catalogue, and the sentences they are written in.

use super::picture::{Shows, picture};
use crate::catalog::{
    BlobChange, BlobRow, Catalog, CatalogError, Change, ChangeSet, Committed, Conflict, FeedChange, Fence,
    FenceChange, NewFile, PackageChange, PackageRows, Role, StampOf, VersionRef,
};
use crate::conformance::sample::{self, set};
use crate::conformance::tasks::Tasks;
use crate::feed::{Feed, FeedSettings};
use crate::ids::{FeedId, Incarnation, Stamp};
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any run of the suite.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// A fresh catalogue and how to start tasks.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) tasks: Tasks,
}

impl Deref for Bench {
    type Target = dyn Catalog;

    fn deref(&self) -> &Self::Target {
        self.catalog.as_ref()
    }
}

impl Bench {
    /// Commits, and it must work.
    pub(super) async fn done(&self, set: ChangeSet) -> Committed {
        self.commit(set).await.unwrap_or_else(|error| panic!("a good change set was refused: {error:?}"))
    }

    /// Makes one change, and it must work.
    pub(super) async fn change(&self, change: impl Into<Change>) -> Committed {
        self.done(set().with(change)).await
    }

    /// Commits, and it must be refused for this reason and leave no trace.
    pub(super) async fn refused(&self, set: ChangeSet, because: Conflict, promise: &str) {
        let before = self.everything().await;
        match self.commit(set).await {
            Err(CatalogError::Conflict(found)) if found == because => {}
            other => panic!("{promise}: expected {because:?}, got {other:?}"),
        }
        assert_eq!(self.everything().await, before, "{promise}: the refused set left something behind");
    }

    /// Commits, and the fence must stop it without a trace.
    pub(super) async fn fenced_off(&self, set: ChangeSet, promise: &str) {
        let before = self.everything().await;
        let outcome = self.commit(set).await;
        assert!(matches!(outcome, Err(CatalogError::Fenced)), "{promise}: expected Fenced, got {outcome:?}");
        assert_eq!(self.everything().await, before, "{promise}: the fenced set left something behind");
    }

    /// Waits until the catalogue's clock shows another moment.
    pub(super) async fn pass(&self) {
        let begun = Instant::now();
        let before = self.instance().await.unwrap_or_else(|error| panic!("no clock: {error}")).now;
        while self.instance().await.unwrap_or_else(|error| panic!("no clock: {error}")).now <= before {
            assert!(begun.elapsed() < LONG / 60, "the catalogue's clock stands still");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// All that can be read.
    pub(super) async fn everything(&self) -> String {
        picture(&**self, Shows::Everything).await
    }

    /// Creates a feed.
    pub(super) async fn feed_called(&self, name: &str) -> Feed {
        self.create_feed(name, FeedSettings::default()).await
    }

    /// Creates a feed with these settings.
    pub(super) async fn create_feed(&self, name: &str, settings: FeedSettings) -> Feed {
        let name = sample::feed_name(name);
        self.change(FeedChange::Create { name: name.clone(), format: sample::format_id(), settings }).await;
        self.feed(&name).await.unwrap().expect("a feed that was created must be there")
    }

    /// Reserves the blob of these bytes.
    pub(super) async fn reserve(&self, bytes: &str, hold: Duration) -> BlobRow {
        let (store, fresh) = (sample::store(), sample::blob_key(bytes));
        let reserve = BlobChange::Reserve { store, fresh, size: bytes.len() as u64, hold };
        let mut reserved = self.change(reserve).await.reserved;
        assert_eq!(reserved.len(), 1, "each reservation gives one row back");
        reserved.remove(0)
    }

    /// A file to be published, its bytes reserved; bytes differ from file to file.
    pub(super) async fn new_file(&self, feed: FeedId, package: &str, version: &str) -> NewFile {
        let bytes = format!("{package} {version}");
        let blob = self.reserve(&bytes, LONG).await;
        sample::new_file(feed, package, version, &bytes, &blob)
    }

    /// Publishes the only file of a version.
    pub(super) async fn publish(&self, feed: FeedId, package: &str, version: &str) {
        let file = self.new_file(feed, package, version).await;
        self.add(file).await;
    }

    /// Publishes a file.
    pub(super) async fn add(&self, file: NewFile) {
        self.change(add(file)).await;
    }

    /// The package, which must be there.
    pub(super) async fn package(&self, feed: FeedId, name: &str) -> PackageRows {
        let rows = self.find(feed, name).await;
        rows.unwrap_or_else(|| panic!("package '{name}' must be there"))
    }

    /// The package, if it is there.
    pub(super) async fn find(&self, feed: FeedId, name: &str) -> Option<PackageRows> {
        self.rows(feed, &sample::name(name)).await.unwrap()
    }

    /// One stamp.
    pub(super) async fn stamp(&self, of: StampOf) -> Option<Stamp> {
        let stamps = self.stamps(&[of]).await.unwrap();
        assert_eq!(stamps.len(), 1, "as many stamps as questions");
        stamps[0]
    }

    /// Takes the sweeper's duty with a term above the present one.
    pub(super) async fn fence(&self) -> Fence {
        let role = Role::SWEEPER;
        let term = self.catalog.fence(role).await.unwrap().map_or(1, |planted| planted.term + 1);
        let fence = Fence { role, term, holder: Incarnation::random() };
        self.change(plant(fence)).await;
        fence
    }
}

/// Publishes a file.
pub(super) fn add(file: NewFile) -> PackageChange {
    PackageChange::AddFile(Box::new(file))
}

/// Plants a fence.
pub(super) fn plant(fence: Fence) -> FenceChange {
    FenceChange::Plant { role: fence.role, term: fence.term, holder: fence.holder }
}

/// A version by its texts.
pub(super) fn version_ref(feed: FeedId, package: &str, version: &str) -> VersionRef {
    VersionRef { feed, package: sample::name(package), version: sample::version_key(version) }
}
