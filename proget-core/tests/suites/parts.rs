//! Every memory part keeps the promises of its seam, and the smaller suites catch liars too.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use proget_core::access::{Credentials, Principal, Rights, Secret, Subject};
use proget_core::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, Put, StoreError, StoreErrorKind};
use proget_core::clock::{Clock, ManualClock, SystemClock};
use proget_core::conformance::{self, Callers, StagingArea};
use proget_core::memory::{MemoryAuthenticator, MemoryStaging, MemoryStore};
use proget_core::{Artifact, Authenticator};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn the_memory_store_keeps_every_promise() {
    conformance::blobs(|| async { Arc::new(MemoryStore::new()) as Arc<dyn BlobStore> }).await;
}

#[tokio::test]
async fn the_memory_staging_keeps_every_promise() {
    conformance::staging(|| async {
        let staging = Arc::new(MemoryStaging::new());
        let counted = Arc::clone(&staging);
        StagingArea::new(staging, move || counted.waiting())
    })
    .await;
}

#[test]
fn both_clocks_keep_every_promise() {
    let clocks: [Arc<dyn Clock>; 2] = [Arc::new(SystemClock), Arc::new(ManualClock::default())];
    clocks.iter().for_each(conformance::clock);
}

fn somebody(name: &str) -> Principal {
    Principal { name: name.into(), subject: Subject::Trusted, rights: Arc::new(Rights::default()) }
}

fn callers(authenticator: Arc<dyn Authenticator>) -> Callers {
    Callers {
        authenticator,
        user: Some(("Anna".into(), Secret::new("Opens Sesame"))),
        key: Some((Secret::new("key-0123456789abcdef"), "ci".into())),
        revoke: None,
    }
}

fn known() -> MemoryAuthenticator {
    MemoryAuthenticator::new()
        .with_user("bob", Secret::new("Opens Sesame too"), somebody("bob"))
        .with_user("anna", Secret::new("Opens Sesame"), somebody("Anna"))
        .with_key(Secret::new("key-0123456789abcdef"), somebody("ci"))
}

#[tokio::test]
async fn the_memory_authenticator_keeps_every_promise() {
    conformance::authenticator(|| async { callers(Arc::new(known())) }).await;
}

#[tokio::test]
async fn an_authenticator_that_lets_strangers_in_as_anonymous_is_caught() {
    #[derive(Debug)]
    struct Lenient(MemoryAuthenticator);

    #[async_trait]
    impl Authenticator for Lenient {
        async fn authenticate(
            &self,
            credentials: &Credentials,
        ) -> Result<Principal, proget_core::access::AuthError> {
            Ok(self.0.authenticate(credentials).await.unwrap_or_else(|_| Principal::anonymous()))
        }
    }

    let broken = conformance::authenticator_broken(|| async { callers(Arc::new(Lenient(known()))) }).await;
    let cases: Vec<&str> = broken.iter().map(|broken| broken.case).collect();
    assert!(cases.contains(&"nobody_is_anonymous_by_mistake"), "{cases:?}");
}

/// How a store lies.
#[derive(Debug, Clone, Copy)]
enum Lie {
    Overwrites,
    KeepsTheDeleted,
    SendsTheWholeForAPart,
    ListsTheNote,
    AnswersAbsentWithUnavailable,
}

#[derive(Debug)]
struct LyingStore(MemoryStore, Lie);

impl fmt::Display for LyingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a store that lies: {:?}", self.1)
    }
}

#[async_trait]
impl BlobStore for LyingStore {
    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        if matches!(self.1, Lie::Overwrites) {
            self.0.delete(key).await?;
        }
        self.0.put(key, artifact).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        self.0.head(key).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        match (self.1, range) {
            (Lie::SendsTheWholeForAPart, _) => self.0.get(key, None).await,
            (Lie::AnswersAbsentWithUnavailable, range) => self
                .0
                .get(key, range)
                .await
                .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error.to_string())),
            (_, range) => self.0.get(key, range).await,
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        match self.1 {
            Lie::KeepsTheDeleted => Ok(()),
            _ => self.0.delete(key).await,
        }
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        self.0.list()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.0.note().await
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        if matches!(self.1, Lie::ListsTheNote) {
            let artifact = Artifact::in_memory(note.clone(), proget_core::digest::DigestSet::default());
            self.0.put(&BlobKey::fresh(artifact.digests().sha256), &artifact).await?;
        }
        self.0.set_note(note).await
    }
}

#[tokio::test]
async fn a_store_that_breaks_a_promise_is_caught_by_the_case_about_it() {
    for (lie, case) in [
        (Lie::Overwrites, "other_bytes_under_a_key_are_refused_and_change_nothing"),
        (Lie::KeepsTheDeleted, "a_delete_removes_its_key_and_nothing_else"),
        (Lie::SendsTheWholeForAPart, "a_part_is_read_as_it_was_asked_for"),
        (Lie::ListsTheNote, "the_note_is_kept_and_is_no_blob"),
        (Lie::AnswersAbsentWithUnavailable, "what_is_not_there_is_not_found"),
    ] {
        let fresh = || async { Arc::new(LyingStore(MemoryStore::new(), lie)) as Arc<dyn BlobStore> };
        let broken = conformance::blobs_broken(fresh).await;
        assert!(broken.iter().any(|broken| broken.case == case), "{lie:?} is not caught: {broken:?}");
    }
}

#[tokio::test]
async fn a_staging_area_that_leaks_is_caught() {
    let fresh = || async {
        let staging = Arc::new(MemoryStaging::new());
        let counted = Arc::clone(&staging);
        // As if one file were never removed.
        let area = StagingArea::new(staging, move || counted.waiting() + 1);
        StagingArea { patience: Duration::from_millis(50), ..area }
    };
    let cases: Vec<&str> =
        conformance::staging_broken(fresh).await.iter().map(|broken| broken.case).collect();
    assert!(cases.contains(&"an_unfinished_upload_leaves_nothing"), "{cases:?}");
}
