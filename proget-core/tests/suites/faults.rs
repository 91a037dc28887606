//! Trouble on demand comes when it is asked for and goes again.

use proget_core::blob::{BlobKey, BlobStore, StoreErrorKind};
use proget_core::catalog::{Action, Conflict, Feeds as _, Journal as _, JournalEntry};
use proget_core::conformance::{self, Tasks, sample};
use proget_core::digest::DigestSet;
use proget_core::memory::faulty::{FaultyCatalog, FaultyStore};
use proget_core::memory::{MemoryCatalog, MemoryStore};
use proget_core::{Artifact, Catalog, CatalogError};
use std::sync::Arc;

fn catalog() -> FaultyCatalog {
    FaultyCatalog::new(Arc::new(MemoryCatalog::default()))
}

#[tokio::test]
async fn without_faults_a_faulty_catalogue_keeps_every_promise() {
    conformance::catalog(|| async { Arc::new(catalog()) as Arc<dyn Catalog> }, Tasks::Joined).await;
}

#[tokio::test]
async fn a_catalogue_goes_away_and_comes_back() {
    let catalog = catalog();
    catalog.go_away();
    assert!(matches!(catalog.feeds().await, Err(CatalogError::Unavailable { .. })));
    assert!(matches!(catalog.commit(sample::set()).await, Err(CatalogError::Unavailable { .. })));
    assert!(catalog.ping().await.is_err());
    catalog.come_back();
    assert!(catalog.feeds().await.is_ok() && catalog.commit(sample::set()).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_found_in_the_journal_and_a_refused_commit_is_not() {
    let catalog = catalog();
    let entry = JournalEntry { action: Action::Tagged, feed: None, subject: "something".into() };
    catalog.refuse_next(Conflict::BlobGone);
    catalog.lose_next_answer();
    let (refused, lost) = (sample::set().record(entry.clone()), sample::set().record(entry));
    let outcome = catalog.commit(refused.clone()).await;
    assert!(matches!(outcome, Err(CatalogError::Conflict(Conflict::BlobGone))));
    assert!(matches!(catalog.commit(lost.clone()).await, Err(CatalogError::OutcomeUnknown { .. })));
    assert_eq!(catalog.entry(refused.id).await.unwrap(), None);
    assert!(catalog.entry(lost.id).await.unwrap().is_some());
    assert!(catalog.commit(sample::set()).await.is_ok());
}

#[tokio::test]
async fn a_store_fails_as_it_is_told_and_then_works_again() {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()));
    let artifact = Artifact::in_memory("bytes", DigestSet::default());
    let key = BlobKey::fresh(artifact.digests().sha256);
    store.fail_next(StoreErrorKind::Full);
    store.fail_next(StoreErrorKind::Denied);
    assert_eq!(store.put(&key, &artifact).await.unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(store.head(&key).await.unwrap_err().kind(), StoreErrorKind::Denied);
    assert!(store.put(&key, &artifact).await.is_ok());
    store.go_away();
    assert_eq!(store.get(&key, None).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    store.come_back();
    assert!(store.get(&key, None).await.is_ok());
}

#[tokio::test]
async fn a_faulty_store_without_faults_keeps_every_promise() {
    conformance::blobs(|| async {
        Arc::new(FaultyStore::new(Arc::new(MemoryStore::new()))) as Arc<dyn BlobStore>
    })
    .await;
}
