//! What a publish promises, each step failing once.

use crate::stand::{Stand, who_may};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use proget_core::Problem;
use proget_core::access::{Permission, Permissions, Principal};
use proget_core::artifact::Artifact;
use proget_core::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, Put, StoreError, StoreErrorKind};
use proget_core::catalog::{
    BlobChange, BlobWanted, Blobs as _, Catalog as _, ChangeSet, Fence, FenceChange, Journal as _,
    PageRequest, Role,
};
use proget_core::clock::ManualClock;
use proget_core::digest::Sha256;
use proget_core::feed::{FeedSettings, Overwrite, StoreName};
use proget_core::ids::Incarnation;
use proget_core::memory::{MemoryCatalog, MemoryStore};
use proget_core::registry::Published;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn what_was_published_can_be_downloaded_at_once_through_any_node() {
    let a = Stand::new().await;
    let b = Stand::over(a.clock.clone(), a.memory.clone(), a.disk.clone()).await;
    assert!(matches!(b.download("apple", 1).await, Err(Problem::NotFound(_))));
    assert_eq!(a.publish("apple 1 red").await.unwrap(), Published::New);
    assert_eq!(b.download("apple", 1).await.unwrap(), b"apple 1 red");
    assert_eq!(a.staging.waiting(), 0, "an upload was left in staging");
    let journal = a.memory.journal(&PageRequest::first(10)).await.unwrap();
    assert_eq!(journal.rows[0].entry.subject, "apple 1 (apple-1.txt)");
}

#[tokio::test]
async fn the_same_bytes_again_are_success_and_other_bytes_a_conflict() {
    let stand = Stand::new().await;
    stand.publish("apple 1 red").await.unwrap();
    assert_eq!(stand.publish("apple 1 red").await.unwrap(), Published::Same);
    assert!(matches!(stand.publish("apple 1 green").await, Err(Problem::AlreadyExists(_))));
    assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1 red");
}

#[tokio::test]
async fn other_bytes_for_a_version_that_is_there_are_refused_before_anything_is_reserved_or_put() {
    let stand = Stand::new().await;
    stand.publish("apple 1 red").await.unwrap();
    let before = stand.blobs().await;
    assert!(matches!(stand.publish("apple 1 green").await, Err(Problem::AlreadyExists(_))));
    assert_eq!((stand.blobs().await, stand.staging.waiting()), (before, 0));
    let row = stand.memory.blob(&StoreName::default(), &Sha256::of(b"apple 1 green")).await.unwrap();
    assert_eq!(row, None, "a refused duplicate reserved its digest");
}

#[tokio::test]
async fn a_feed_that_allows_replacing_lets_those_replace_who_may_delete() {
    let stand = Stand::new().await;
    let open = FeedSettings { overwrite: Overwrite::Allowed, ..stand.feed.settings.clone() };
    let system = Principal::system();
    stand.registry.update_feed(&system, &stand.feed, stand.feed.name.clone(), open).await.unwrap();
    stand.publish("apple 1 red").await.unwrap();
    let adder = who_may(Permissions { add: true, ..Permissions::default() });
    // The feed in hand is older than the change: the publish judges again and sees the new settings.
    assert!(matches!(stand.publish_as(&adder, "apple 1 green").await, Err(Problem::AlreadyExists(_))));
    assert_eq!(stand.publish("apple 1 green").await.unwrap(), Published::Replaced);
    assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1 green");
}

#[tokio::test]
async fn who_may_not_publish_is_turned_away_before_a_byte_is_received() {
    let stand = Stand::new().await;
    let viewer = who_may(Permissions { view: true, ..Permissions::default() });
    assert!(matches!(stand.publish_as(&viewer, "apple 1").await, Err(Problem::Forbidden(_))));
    let nobody = stand.publish_as(&Principal::anonymous(), "apple 1").await;
    assert!(matches!(nobody, Err(Problem::Unauthenticated(_))));
    assert_eq!((stand.blobs().await, stand.staging.waiting()), (0, 0));
}

#[tokio::test]
async fn an_admission_for_something_else_is_not_good_for_publishing() {
    let stand = Stand::new().await;
    let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::View).unwrap();
    let artifact = proget_core::Artifact::in_memory("apple 1", Default::default());
    let refused = stand.registry.publish(admission, &crate::stand::Plain, artifact, Default::default()).await;
    assert!(matches!(refused, Err(Problem::Forbidden(_))));
}

#[tokio::test]
async fn a_refused_package_leaves_nothing_behind() {
    let stand = Stand::new().await;
    assert!(matches!(stand.publish("apple one").await, Err(Problem::Refused(_))));
    assert_eq!((stand.blobs().await, stand.staging.waiting()), (0, 0));
    let row = stand.memory.blob(&StoreName::default(), &Sha256::of(b"apple one")).await.unwrap();
    assert_eq!(row, None, "a refused package reserved its digest");
}

#[tokio::test]
async fn a_store_that_is_full_means_busy_and_nothing_visible_and_the_retry_succeeds() {
    let stand = Stand::new().await;
    stand.store.fail_next(StoreErrorKind::Full);
    assert!(matches!(stand.publish("apple 1").await, Err(Problem::Busy { .. })));
    assert!(matches!(stand.download("apple", 1).await, Err(Problem::NotFound(_))));
    assert_eq!(stand.publish("apple 1").await.unwrap(), Published::New);
}

#[tokio::test]
async fn a_lost_commit_answer_means_busy_and_the_retry_finds_what_is_there() {
    let stand = Stand::new().await;
    stand.publish("pear 1").await.unwrap();
    // The reservation's answer is lost first, then the publication's: both ways lead to "busy".
    stand.catalog.lose_next_answer();
    assert!(matches!(stand.publish("apple 1").await, Err(Problem::Busy { .. })));
    assert!(matches!(stand.publish("apple 1").await.unwrap(), Published::New | Published::Same));
    assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1");
}

/// A store under which, once, the world moves on: the reservation has run out and a sweep takes the row.
#[derive(Debug)]
pub(crate) struct Overtaken {
    disk: Arc<MemoryStore>,
    memory: Arc<MemoryCatalog>,
    clock: Arc<ManualClock>,
    moment: Moment,
    overtaken: AtomicBool,
}

/// When the world moves on.
#[derive(Debug, PartialEq)]
pub(crate) enum Moment {
    /// While the put is under way (its machine was suspended), so that the publish finds out when it
    /// renews its reservation.
    DuringPut,
    /// When the bytes have been put.
    AfterPut,
    /// When a sweep is about to write its note: another one comes and goes.
    BeforeNote,
}

impl Overtaken {
    async fn overtake(&self) {
        if self.overtaken.swap(true, Ordering::SeqCst) {
            return;
        }
        self.clock.advance(Duration::from_secs(3600));
        let row = self.memory.blobs(BlobWanted::Abandoned, None, 10).await.unwrap().remove(0);
        let (role, term, holder) = (Role::SWEEPER, 1, Incarnation::random());
        let by = || ChangeSet::by(Principal::system().actor());
        self.memory.commit(by().with(FenceChange::Plant { role, term, holder })).await.unwrap();
        let doom = BlobChange::Doom { id: row.id, touched: row.touched };
        self.memory.commit(by().fenced(Fence { role, term, holder }).with(doom)).await.unwrap();
    }

    pub(crate) async fn stand(moment: Moment) -> Stand {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(MemoryCatalog::new(clock.clone()));
        let disk = Arc::new(MemoryStore::new());
        let (overtaken, clocks) = (AtomicBool::new(false), clock.clone());
        let store = Self { disk: disk.clone(), memory: memory.clone(), clock: clocks, moment, overtaken };
        Stand::on(clock, memory, disk, Arc::new(store)).await
    }
}

impl fmt::Display for Overtaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overtaken")
    }
}

#[async_trait]
impl BlobStore for Overtaken {
    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        if self.moment == Moment::DuringPut {
            self.overtake().await;
            // Not ready yet: the publish looks after its reservation.
            tokio::task::yield_now().await;
            return self.disk.put(key, artifact).await;
        }
        let put = self.disk.put(key, artifact).await?;
        if self.moment == Moment::AfterPut {
            self.overtake().await;
        }
        Ok(put)
    }

    fn abilities(&self) -> Abilities {
        self.disk.abilities()
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        self.disk.head(key).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        self.disk.get(key, range).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.disk.delete(key).await
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        self.disk.list()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.disk.note().await
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        if self.moment == Moment::BeforeNote && !self.overtaken.swap(true, Ordering::SeqCst) {
            let other = Stand::over(self.clock.clone(), self.memory.clone(), self.disk.clone()).await;
            other.registry.sweep(crate::stand::sweep_now()).await.expect("the other sweep ends well");
        }
        self.disk.set_note(note).await
    }
}

#[tokio::test]
async fn a_publish_whose_blob_was_swept_away_puts_it_again_under_a_new_key() {
    for moment in [Moment::AfterPut, Moment::DuringPut] {
        let stand = Overtaken::stand(moment).await;
        assert_eq!(stand.publish("apple 1").await.unwrap(), Published::New);
        assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1");
        // Long after, a deleter takes the key that was doomed; what was published has another.
        stand.clock.advance(Duration::from_secs(3600));
        let swept = stand.registry.sweep(crate::stand::sweep_now()).await.unwrap();
        assert_eq!(swept.deletes_stopped, None);
        let row = stand.memory.blob(&StoreName::default(), &Sha256::of(b"apple 1")).await.unwrap().unwrap();
        assert_eq!(stand.disk.head(&row.key).await.unwrap(), Some(7), "the doomed key was used again");
    }
}

#[tokio::test]
async fn the_same_contents_in_two_packages_lie_in_the_store_once() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    let heads = stand.blobs().await;
    stand.publish("apple 1").await.unwrap();
    assert_eq!((heads, stand.blobs().await), (1, 1));
    let row = stand.memory.blob(&StoreName::default(), &Sha256::of(b"apple 1")).await.unwrap().unwrap();
    assert_eq!(stand.disk.head(&row.key).await.unwrap(), Some(7));
}

#[tokio::test]
async fn a_database_that_is_away_means_busy() {
    let stand = Stand::new().await;
    stand.catalog.go_away();
    assert!(matches!(stand.publish("apple 1").await, Err(Problem::Busy { .. })));
    stand.catalog.come_back();
    assert_eq!(stand.publish("apple 1").await.unwrap(), Published::New);
}
