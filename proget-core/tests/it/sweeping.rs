//! What sweeping takes and what it leaves alone.

use crate::publishing::{Moment, Overtaken};
use crate::stand::{Impatient, Plain, Stand, sweep_now};
use bytes::Bytes;
use proget_core::Problem;
use proget_core::artifact::Artifact;
use proget_core::blob::{BlobKey, BlobStore as _, IntakeLimits, PackageStore};
use proget_core::catalog::{Action, Journal as _, PageRequest};
use proget_core::digest::{DigestSet, Sha256};
use proget_core::feed::StoreName;
use proget_core::registry::{FreshCatalog, Registry, SweepReport};
use std::sync::Arc;
use std::time::Duration;

const DELAY: Duration = Duration::from_secs(600);

impl Stand {
    async fn sweep(&self) -> SweepReport {
        let report = self.registry.sweep(sweep_now()).await.expect("the sweep comes to its end");
        assert_eq!(report.deletes_stopped, None);
        report
    }
}

#[tokio::test]
async fn what_is_referred_to_is_never_swept() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    for _ in 0..4 {
        stand.clock.advance(DELAY * 2);
        assert_eq!(stand.sweep().await, SweepReport::default());
    }
    assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1");
}

#[tokio::test]
async fn an_unreferenced_blob_dies_in_steps_and_its_bytes_last() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.remove("apple", 1).await.unwrap();
    assert_eq!(stand.sweep().await, SweepReport::default(), "the publish's reservation still runs");
    stand.clock.advance(DELAY * 2);
    assert_eq!(stand.sweep().await.condemned, 1);
    assert_eq!(stand.sweep().await.doomed, 1);
    assert_eq!(stand.blobs().await, 1, "bytes were deleted before the delay was over");
    stand.clock.advance(DELAY);
    let report = stand.sweep().await;
    assert_eq!((report.deleted, stand.blobs().await), (1, 0));
}

#[tokio::test]
async fn a_push_that_meets_a_condemned_blob_revives_it_and_one_that_meets_a_doomed_one_gets_a_new_key() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.remove("apple", 1).await.unwrap();
    stand.clock.advance(DELAY * 2);
    assert_eq!(stand.sweep().await.condemned, 1);
    stand.publish("apple 1").await.unwrap();
    assert_eq!(stand.sweep().await.doomed, 0, "a revived blob was doomed");

    stand.remove("apple", 1).await.unwrap();
    stand.clock.advance(DELAY * 2);
    stand.sweep().await;
    assert_eq!(stand.sweep().await.doomed, 1);
    stand.publish("apple 1").await.unwrap();
    assert_eq!(stand.blobs().await, 2, "the doomed key was used again");
    stand.clock.advance(DELAY * 2);
    assert_eq!(stand.sweep().await.deleted, 1);
    assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1");
}

#[tokio::test]
async fn the_journal_says_why_a_blob_was_doomed_and_when_its_bytes_were_deleted() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.remove("apple", 1).await.unwrap();
    for _ in 0..3 {
        stand.clock.advance(DELAY * 2);
        stand.sweep().await;
    }
    assert_eq!(stand.blobs().await, 0);
    let page = stand.memory.journal(&PageRequest::first(10)).await.unwrap();
    let told: Vec<_> = page.rows.iter().map(|row| (row.entry.action, row.entry.subject.as_str())).collect();
    let key = Sha256::of(b"apple 1").to_string();
    let [(Action::BlobDeleted, deleted), (Action::BlobDoomed, doomed), ..] = told[..] else {
        panic!("the journal says {told:?}");
    };
    assert!(deleted.starts_with(&format!("blob {key}-")), "{deleted}");
    assert!(doomed.contains("no file refers to it (term 2 of the sweeper)"), "{doomed}");
    assert_eq!(page.rows[0].actor, "SYSTEM");
}

#[tokio::test]
async fn an_upload_that_died_before_its_commit_is_swept_when_its_reservation_is_over() {
    let stand = Stand::new().await;
    stand.publish("pear 1").await.unwrap();
    // Reserved and put, but the commit never comes: the database goes away in between.
    stand.catalog.refuse_next(proget_core::catalog::Conflict::NameTaken);
    let key = BlobKey::fresh(Sha256::of(b"orphan"));
    stand.disk.put(&key, &Artifact::in_memory("orphan", DigestSet::default())).await.unwrap();
    assert!(stand.publish("apple 1").await.is_err());
    let first = stand.sweep().await;
    assert_eq!(first.strays, 1, "bytes that nothing names are doomed");
    stand.clock.advance(DELAY * 2);
    stand.sweep().await;
    stand.clock.advance(DELAY * 2);
    stand.sweep().await;
    assert_eq!(stand.blobs().await, 1, "only the published pear remains");
    assert_eq!(stand.download("pear", 1).await.unwrap(), b"pear 1");
}

#[tokio::test]
async fn a_sweep_of_a_restored_catalogue_deletes_nothing_until_an_operator_confirms() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.sweep().await;
    // The store has gone on while the catalogue was set back: their notes differ.
    let note = stand.disk.note().await.unwrap().unwrap();
    stand.sweep().await;
    stand.disk.set_note(note).await.unwrap();
    let stray = BlobKey::fresh(Sha256::of(b"newer"));
    stand.disk.put(&stray, &Artifact::in_memory("newer", DigestSet::default())).await.unwrap();
    let report = stand.registry.sweep(sweep_now()).await.unwrap();
    assert!(report.deletes_stopped.is_some());
    assert_eq!(report.strays, 0);
    let again = stand.registry.sweep(sweep_now()).await.unwrap();
    assert!(again.deletes_stopped.is_some(), "deletes started again by themselves");
    stand.registry.confirm_deletes().await.unwrap();
    assert_eq!(stand.sweep().await.strays, 1);
}

#[tokio::test]
async fn a_store_of_another_installation_stops_deletes() {
    let (one, other) = (Stand::new().await, Stand::new().await);
    one.sweep().await;
    other.disk.set_note(one.disk.note().await.unwrap().unwrap()).await.unwrap();
    let report = other.registry.sweep(sweep_now()).await.unwrap();
    assert!(report.deletes_stopped.unwrap().contains("another installation"));
    other.disk.set_note(Bytes::from_static(b"{")).await.unwrap();
    assert!(other.registry.sweep(sweep_now()).await.unwrap().deletes_stopped.is_some());
}

#[tokio::test]
async fn of_two_sweepers_the_later_one_takes_over_and_the_earlier_one_is_fenced() {
    let a = Stand::new().await;
    let b = Stand::over(a.clock.clone(), a.memory.clone(), a.disk.clone()).await;
    a.sweep().await;
    b.sweep().await;
    a.sweep().await;
    // Both can sweep, one after the other: each planted its own fence. At once, one is told "busy".
    let (first, second) = futures::join!(a.registry.sweep(sweep_now()), b.registry.sweep(sweep_now()));
    for outcome in [first, second] {
        assert!(matches!(outcome, Ok(_) | Err(Problem::Busy { .. })), "{outcome:?}");
    }
}

/// A directory that was configured twice would be swept as one store and as the other: all that lies
/// there under the first name is a stray under the second.
#[tokio::test]
async fn one_directory_under_the_names_of_two_stores_stops_deletes() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    let stores = ["default", "second"]
        .map(|name| (StoreName::new(name).unwrap(), stand.disk.clone() as Arc<dyn proget_core::BlobStore>));
    let packages = PackageStore::with_stores(stores.into(), stand.staging.clone(), IntakeLimits::default());
    let fresh = FreshCatalog::new(stand.catalog.clone(), Arc::new(Impatient));
    let twice = Registry::new(fresh, packages, vec![&Plain], Arc::new(Impatient));
    let report = twice.sweep(sweep_now()).await.unwrap();
    assert!(report.deletes_stopped.is_some_and(|why| why.contains("two names")));
    assert_eq!(report.strays, 0);
}

#[tokio::test]
async fn a_sweep_that_was_overtaken_leaves_no_note_that_looks_like_a_restored_store() {
    let slow = Overtaken::stand(Moment::BeforeNote).await;
    let other = Stand::over(slow.clock.clone(), slow.memory.clone(), slow.disk.clone()).await;
    other.sweep().await;
    let overtaken = slow.registry.sweep(sweep_now()).await;
    assert!(matches!(overtaken, Err(Problem::Busy { .. })), "{overtaken:?}");
    // Asserts that deletes go on.
    other.sweep().await;
}

#[tokio::test]
async fn one_blob_that_cannot_be_deleted_does_not_keep_the_others() {
    let stand = Stand::new().await;
    for text in ["apple 1", "pear 1"] {
        stand.publish(text).await.unwrap();
    }
    stand.remove("apple", 1).await.unwrap();
    stand.remove("pear", 1).await.unwrap();
    stand.clock.advance(DELAY * 2);
    stand.sweep().await;
    stand.sweep().await;
    stand.clock.advance(DELAY * 2);
    // The listing of staging and the witness come first; the store refuses only from the first delete on.
    stand.store.fail_next_delete(proget_core::blob::StoreErrorKind::Denied);
    assert_eq!(stand.sweep().await.deleted, 1);
    assert_eq!(stand.sweep().await.deleted, 1, "the refused one is tried again");
    assert_eq!(stand.blobs().await, 0);
}
