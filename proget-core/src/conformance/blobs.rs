//! The suite of [`BlobStore`].

use super::case::{self, Broken, Case, cases};
use crate::artifact::Artifact;
use crate::blob::{BlobHead, BlobKey, BlobStore, Put, Staging, StoreErrorKind};
use crate::digest::DigestSet;
use crate::memory::MemoryStaging;
use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::sync::Arc;

const CASES: &[Case<Bench>] = cases![
    what_was_put_is_read_back,
    an_empty_blob_is_a_blob,
    a_part_is_read_as_it_was_asked_for,
    putting_again_stores_nothing_new,
    other_bytes_under_a_key_are_refused_and_change_nothing,
    what_is_not_there_is_not_found,
    a_delete_removes_its_key_and_nothing_else,
    an_artifact_and_its_blob_live_apart,
    a_list_names_every_blob_and_nothing_else,
    a_list_goes_on_over_many_blobs,
    the_same_key_is_put_by_many_at_once,
    a_blob_is_seen_whole_or_not_at_all,
    the_note_is_kept_and_is_no_blob,
    a_store_names_itself,
];

/// Tries every promise of a store, each on a fresh and empty one, with artifacts from memory.
///
/// # Panics
/// With the names of all broken promises.
pub async fn blobs<F: Future<Output = Arc<dyn BlobStore>>>(fresh: impl Fn() -> F) {
    case::must_be_empty("package store", &blobs_broken(fresh).await);
}

/// The same with artifacts from a staging area of your own: a store that links or moves what lies
/// on its own file system must keep its promises that way too.
///
/// # Panics
/// With the names of all broken promises.
pub async fn blobs_from<F>(fresh: impl Fn() -> F)
where
    F: Future<Output = (Arc<dyn BlobStore>, Arc<dyn Staging>)>,
{
    let bench = || async {
        let (store, staging) = fresh().await;
        Bench { store, staging }
    };
    case::must_be_empty("package store", &case::run(&[CASES], bench).await);
}

/// The promises that a store breaks.
pub async fn blobs_broken<F: Future<Output = Arc<dyn BlobStore>>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    let bench = || async { Bench { store: fresh().await, staging: Arc::new(MemoryStaging::new()) } };
    case::run(&[CASES], bench).await
}

#[derive(Clone)]
struct Bench {
    store: Arc<dyn BlobStore>,
    staging: Arc<dyn Staging>,
}

impl Bench {
    async fn artifact(&self, bytes: &[u8]) -> Artifact {
        let mut spool = self.staging.begin(DigestSet::default()).await.unwrap();
        for chunk in bytes.chunks(100_000) {
            spool.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        spool.finish().await.unwrap()
    }

    async fn put(&self, key: &BlobKey, bytes: &[u8]) -> Put {
        let artifact = self.artifact(bytes).await;
        self.store.put(key, &artifact).await.unwrap_or_else(|error| panic!("a good put fails: {error}"))
    }

    async fn stored(&self, bytes: &[u8]) -> BlobKey {
        let key = key_of(bytes);
        assert_eq!(self.put(&key, bytes).await, Put::Stored);
        key
    }

    async fn read(&self, key: &BlobKey, range: Option<Range<u64>>) -> (u64, Range<u64>, Bytes) {
        let blob =
            self.store.get(key, range).await.unwrap_or_else(|error| panic!("a good get fails: {error}"));
        let body: BytesMut = blob.body.try_collect::<Vec<Bytes>>().await.unwrap().concat().as_slice().into();
        (blob.size, blob.range, body.freeze())
    }

    async fn list(&self) -> BTreeMap<BlobKey, u64> {
        let heads: Vec<BlobHead> = self.store.list().try_collect().await.unwrap();
        heads.into_iter().map(|head| (head.key, head.size)).collect()
    }
}

fn key_of(bytes: &[u8]) -> BlobKey {
    BlobKey::fresh(crate::digest::Sha256::of(bytes))
}

/// Bytes without a pattern of a length that a chunk or page could have.
fn noise(length: usize) -> Vec<u8> {
    let mut dice = super::Dice::seeded(length as u64);
    (0..length).map(|_| dice.roll() as u8).collect()
}

async fn what_was_put_is_read_back(bench: Bench) {
    for length in [1, 4096, 65_536, 65_537, 300_000, 1_500_007] {
        let bytes = noise(length);
        let key = bench.stored(&bytes).await;
        let (size, range, body) = bench.read(&key, None).await;
        assert_eq!((size, range), (length as u64, 0..length as u64));
        assert!(body == bytes, "{length} bytes do not come back as they were put");
        assert_eq!(bench.store.head(&key).await.unwrap(), Some(length as u64));
    }
}

async fn an_empty_blob_is_a_blob(bench: Bench) {
    let key = bench.stored(b"").await;
    assert_eq!(bench.read(&key, None).await, (0, 0..0, Bytes::new()));
    assert_eq!(bench.store.head(&key).await.unwrap(), Some(0));
    assert_eq!(bench.put(&key, b"").await, Put::AlreadyThere);
    assert_eq!(bench.list().await, BTreeMap::from([(key, 0)]));
}

async fn a_part_is_read_as_it_was_asked_for(bench: Bench) {
    let bytes = noise(1_000_003);
    let key = bench.stored(&bytes).await;
    let end = bytes.len() as u64;
    for range in [0..1, 0..end, end - 1..end, 65_535..65_537, 7..262_151, 262_144..524_288, 500_000..end] {
        let (size, sent, body) = bench.read(&key, Some(range.clone())).await;
        assert_eq!((size, sent), (end, range.clone()), "the whole size and the part are told");
        let expected = &bytes[range.start as usize..range.end as usize];
        assert!(body == expected, "the part {range:?} is not that part");
    }
}

async fn putting_again_stores_nothing_new(bench: Bench) {
    let key = bench.stored(b"same").await;
    for _ in 0..3 {
        assert_eq!(bench.put(&key, b"same").await, Put::AlreadyThere);
    }
    assert_eq!(bench.read(&key, None).await.2, "same");
}

async fn other_bytes_under_a_key_are_refused_and_change_nothing(bench: Bench) {
    let key = bench.stored(b"first").await;
    for other in [&b"longer than first"[..], b"", b"4444"] {
        let artifact = bench.artifact(other).await;
        let error = bench.store.put(&key, &artifact).await.expect_err("another length must be refused");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert_eq!(bench.read(&key, None).await.2, "first", "what is there is never overwritten");
    }
}

async fn what_is_not_there_is_not_found(bench: Bench) {
    bench.stored(b"bytes").await;
    // The same digest in another generation is another key.
    let absent = key_of(b"bytes");
    assert_eq!(bench.store.head(&absent).await.unwrap(), None);
    for range in [None, Some(0..1)] {
        let error = bench.store.get(&absent, range).await.expect_err("an absent key must not be found");
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
    }
}

async fn a_delete_removes_its_key_and_nothing_else(bench: Bench) {
    let (one, two) = (bench.stored(b"bytes").await, bench.stored(b"bytes").await);
    let other = bench.stored(b"other").await;
    for _ in 0..2 {
        // The second time there is nothing to delete, and that is success.
        bench.store.delete(&one).await.unwrap();
        assert_eq!(bench.store.head(&one).await.unwrap(), None);
    }
    assert_eq!(bench.read(&two, None).await.2, "bytes", "the other generation stays");
    assert_eq!(bench.list().await, BTreeMap::from([(two, 5), (other, 5)]));
}

async fn an_artifact_and_its_blob_live_apart(bench: Bench) {
    let bytes = noise(400_000);
    let artifact = bench.artifact(&bytes).await;
    let keys = [key_of(&bytes), key_of(&bytes)];
    for key in &keys {
        assert_eq!(bench.store.put(key, &artifact).await.unwrap(), Put::Stored, "one artifact, two keys");
    }
    bench.store.delete(&keys[0]).await.unwrap();
    let mut again = Vec::new();
    artifact.open().unwrap().read_to_end(&mut again).unwrap();
    assert!(again == bytes, "the artifact survives puts and deletes: a lost race means putting it again");
    drop(artifact);
    assert!(bench.read(&keys[1], None).await.2 == bytes, "the blob survives its artifact");
}

async fn a_list_names_every_blob_and_nothing_else(bench: Bench) {
    assert_eq!(bench.list().await, BTreeMap::new());
    let mut expected = BTreeMap::new();
    for length in 0..20 {
        let bytes = noise(length);
        expected.insert(bench.stored(&bytes).await, length as u64);
    }
    // An upload under way is no blob.
    let waiting = bench.artifact(b"waiting").await;
    assert_eq!(bench.list().await, expected);
    drop(waiting);
    let gone = *expected.keys().next().unwrap();
    bench.store.delete(&gone).await.unwrap();
    expected.remove(&gone);
    assert_eq!(bench.list().await, expected);
}

async fn a_list_goes_on_over_many_blobs(bench: Bench) {
    let mut keys = Vec::new();
    for number in 0..300_u32 {
        keys.push(bench.stored(&number.to_be_bytes()).await);
    }
    let mut listing = bench.store.list();
    let mut seen = Vec::new();
    while let Some(head) = listing.next().await {
        seen.push(head.unwrap().key);
        if seen.len() == 3 {
            // Deleting while a list is read must not end it.
            let still_to_come = keys.iter().position(|key| !seen.contains(key)).unwrap();
            bench.store.delete(&keys.swap_remove(still_to_come)).await.unwrap();
        }
    }
    drop(listing);
    for key in &keys {
        assert!(seen.contains(key), "a blob that was there all the time is not listed");
    }
}

async fn the_same_key_is_put_by_many_at_once(bench: Bench) {
    let bytes = noise(300_000);
    let key = key_of(&bytes);
    let puts = join_all((0..16).map(|_| bench.put(&key, &bytes))).await;
    assert!(puts.contains(&Put::Stored), "somebody stored it: {puts:?}");
    assert!(bench.read(&key, None).await.2 == bytes);
    assert_eq!(bench.list().await, BTreeMap::from([(key, bytes.len() as u64)]));
}

async fn a_blob_is_seen_whole_or_not_at_all(bench: Bench) {
    let bytes = noise(3_000_000);
    let key = key_of(&bytes);
    let artifact = bench.artifact(&bytes).await;
    let mut put = std::pin::pin!(bench.store.put(&key, &artifact));
    loop {
        // Look whenever the put waits for its medium.
        match futures::future::select(&mut put, std::future::ready(())).await {
            futures::future::Either::Left((stored, _)) => break assert_eq!(stored.unwrap(), Put::Stored),
            futures::future::Either::Right(_) => {}
        }
        match bench.store.head(&key).await.unwrap() {
            None => {}
            Some(size) => assert_eq!(size, bytes.len() as u64, "half a blob is seen"),
        }
    }
    assert_eq!(bench.store.head(&key).await.unwrap(), Some(bytes.len() as u64));
}

async fn the_note_is_kept_and_is_no_blob(bench: Bench) {
    assert_eq!(bench.store.note().await.unwrap(), None);
    for note in [&b"first"[..], b"{\"second\":\"longer than the first\"}", b"3", &[b'x'; 500]] {
        bench.store.set_note(Bytes::copy_from_slice(note)).await.unwrap();
        assert_eq!(bench.store.note().await.unwrap().as_deref(), Some(note));
    }
    assert_eq!(bench.list().await, BTreeMap::new(), "the note is not listed");
}

async fn a_store_names_itself(bench: Bench) {
    assert!(!bench.store.to_string().is_empty(), "operators know it by a name");
    assert_eq!(bench.store.abilities(), bench.store.abilities());
}
