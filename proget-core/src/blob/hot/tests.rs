//! The memory by itself, over a store that counts its readers and can keep them waiting.

use super::*;
use crate::artifact::Artifact;
use crate::blob::{Abilities, Blob, BlobHead, Put, StoreErrorKind};
use crate::digest::DigestSet;
use crate::memory::MemoryStore;
use async_trait::async_trait;
use futures::future::join_all;
use futures::stream::BoxStream;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Counts reads, lets each through when told to, and may refuse it then.
#[derive(Debug)]
struct Gated {
    inner: MemoryStore,
    gate: Semaphore,
    reads: AtomicUsize,
    away: AtomicBool,
}

impl Gated {
    fn open() -> Self {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        let (reads, away) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { inner: MemoryStore::new(), gate, reads, away }
    }

    fn closed() -> Self {
        Self { gate: Semaphore::new(0), ..Self::open() }
    }

    async fn keep(&self, bytes: Vec<u8>) -> BlobKey {
        let key = BlobKey::fresh(Sha256::of(&bytes));
        self.inner.put(&key, &Artifact::in_memory(bytes, DigestSet::default())).await.unwrap();
        key
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

impl fmt::Display for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory behind a gate")
    }
}

#[async_trait]
impl BlobStore for Gated {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }
    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        self.inner.put(key, artifact).await
    }
    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        self.inner.head(key).await
    }
    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "reading behind a gate"));
        }
        self.inner.get(key, range).await
    }
    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        self.inner.list()
    }
    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.inner.note().await
    }
    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        self.inner.set_note(note).await
    }
}

/// Starts so many readers of one blob, each a task of its own, and lets all of them come as far as
/// they can without the gate.
async fn readers(
    many: usize,
    hot: &HotBlobs,
    store: &Arc<Gated>,
    key: BlobKey,
    size: u64,
) -> Vec<tokio::task::JoinHandle<Result<Bytes, StoreError>>> {
    let started = (0..many).map(|_| {
        let (hot, store) = (hot.clone(), Arc::clone(store));
        tokio::spawn(async move { hot.read(&*store, &key, size).await })
    });
    let started: Vec<_> = started.collect();
    // One thread runs all tasks in turn: after each has had its turns, all are where they must wait.
    for _ in 0..many * 4 {
        tokio::task::yield_now().await;
    }
    started
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn of_many_who_miss_at_once_one_reads() {
    let (hot, store) = (HotBlobs::new(1 << 10, 1 << 20), Arc::new(Gated::closed()));
    let key = store.keep(vec![7; 1000]).await;
    let waiting = readers(20, &hot, &store, key, 1000).await;
    assert_eq!(store.reads(), 1);
    store.gate.add_permits(1);
    let all = tokio::time::timeout(MINUTE, join_all(waiting)).await.expect("one read is enough for all");
    assert!(all.into_iter().all(|bytes| bytes.unwrap().unwrap() == vec![7; 1000]));
    assert_eq!(store.reads(), 1);
}

#[tokio::test]
async fn when_the_one_who_reads_goes_away_another_reads_for_those_who_wait() {
    let (hot, store) = (HotBlobs::new(1 << 10, 1 << 20), Arc::new(Gated::closed()));
    let key = store.keep(vec![7; 1000]).await;
    let mut waiting = readers(5, &hot, &store, key, 1000).await;
    waiting.remove(0).abort();
    store.gate.add_permits(1);
    let all = tokio::time::timeout(MINUTE, join_all(waiting)).await.expect("another takes over");
    assert!(all.into_iter().all(|bytes| bytes.unwrap().is_ok()));
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn when_a_read_fails_those_who_waited_read_at_once_and_not_one_after_the_other() {
    let (hot, store) = (HotBlobs::new(1 << 10, 1 << 20), Arc::new(Gated::closed()));
    let key = store.keep(vec![7; 1000]).await;
    let waiting = readers(20, &hot, &store, key, 1000).await;
    store.away.store(true, Ordering::SeqCst);
    store.gate.add_permits(1);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.reads(), 20, "the others are not all at the store");
    store.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    let all = tokio::time::timeout(MINUTE, join_all(waiting)).await.unwrap();
    assert!(all.into_iter().all(|read| read.unwrap().unwrap_err().kind() == StoreErrorKind::Unavailable));
    store.away.store(false, Ordering::SeqCst);
    assert_eq!(hot.read(&*store, &key, 1000).await.unwrap(), vec![7; 1000], "a failure was remembered");
}

#[tokio::test]
async fn bytes_that_do_not_match_their_digest_are_handed_out_and_not_remembered() {
    let (hot, store) = (HotBlobs::new(1 << 10, 1 << 20), Gated::open());
    let key = store.keep(vec![7; 1000]).await;
    store.inner.damage(&key, vec![8; 1000]);
    for reads in 1..=3 {
        assert_eq!(hot.read(&store, &key, 1000).await.unwrap(), vec![8; 1000]);
        assert_eq!((store.reads(), hot.held.len()), (reads, 0));
    }
    store.inner.damage(&key, vec![8; 999]);
    assert_eq!(hot.read(&store, &key, 1000).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    store.inner.damage(&key, vec![7; 1000]);
    for _ in 0..2 {
        assert_eq!(hot.read(&store, &key, 1000).await.unwrap(), vec![7; 1000]);
    }
    assert_eq!(store.reads(), 5, "the repaired blob is read once more and then remembered");
}

#[tokio::test]
async fn the_memory_never_holds_more_than_its_bound() {
    const ALL: u64 = 1 << 20;
    let (hot, store) = (HotBlobs::new(64 << 10, ALL), Gated::open());
    let mut fullest = 0;
    for number in 0..300_u32 {
        let size = [100, 5_000, 64 << 10][number as usize % 3];
        let mut bytes = vec![0; size];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let key = store.keep(bytes).await;
        hot.read(&store, &key, size as u64).await.unwrap();
        assert!(hot.held.weight() <= ALL, "{} bytes are held", hot.held.weight());
        fullest = fullest.max(hot.held.weight());
    }
    assert!(fullest > ALL / 2, "a memory of {ALL} bytes never held more than {fullest}");
}

#[tokio::test]
async fn the_largest_small_blob_is_remembered_whatever_the_limits_are() {
    for (largest, all) in [(128 << 10, 16 << 20), (1 << 20, 1 << 20), (64 << 10, 1 << 30), (1000, 5000)] {
        let (hot, store) = (HotBlobs::new(largest, all), Gated::open());
        assert!(hot.takes(hot.largest) && !hot.takes(hot.largest + 1));
        let key = store.keep(vec![1; usize::try_from(hot.largest).unwrap()]).await;
        for _ in 0..2 {
            hot.read(&store, &key, hot.largest).await.unwrap();
        }
        assert_eq!(store.reads(), 1, "{largest} of {all} bytes, in parts of {}", hot.held.shard_capacity());
        assert!(hot.held.shard_capacity() >= all.min(8 * hot.largest), "parts are too small");
    }
    assert!(!HotBlobs::new(128 << 10, 0).takes(1), "a memory of nothing takes something");
}
