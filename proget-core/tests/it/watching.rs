//! The watched seams tell what happened, and change nothing about it.

use crate::stand::Stand;
use proget_core::blob::{BlobStore, StoreErrorKind};
use proget_core::catalog::{Catalog, Conflict, Feeds as _, Fence, Role};
use proget_core::clock::{Clock, SystemClock};
use proget_core::ids::Incarnation;
use proget_core::memory::MemoryStore;
use proget_core::watch::{Seam, WatchedCatalog, WatchedStore, Watcher, Went};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Default)]
struct Heard {
    calls: Mutex<Vec<(Seam, &'static str, Went)>>,
    bytes: Mutex<(u64, u64)>,
}

impl Watcher for Heard {
    fn called(&self, seam: Seam, call: &'static str, went: Went, _: Duration) {
        self.calls.lock().unwrap().push((seam, call, went));
    }

    fn stored(&self, bytes: u64) {
        self.bytes.lock().unwrap().0 += bytes;
    }

    fn fetched(&self, bytes: u64) {
        self.bytes.lock().unwrap().1 += bytes;
    }
}

#[tokio::test]
async fn a_watched_catalogue_tells_answers_refusals_and_absence_apart() {
    let stand = Stand::new().await;
    let heard = Arc::new(Heard::default());
    let clock = Arc::new(SystemClock) as Arc<dyn Clock>;
    let watched = WatchedCatalog::new(stand.catalog.clone(), heard.clone(), clock);
    assert_eq!(watched.feeds().await.unwrap().len(), 1);
    stand.catalog.refuse_next(Conflict::FileExists);
    let nothing = || proget_core::ChangeSet::by(proget_core::Principal::system().actor());
    assert!(watched.commit(nothing()).await.is_err());
    let nobodys = Fence { role: Role::SWEEPER, term: 7, holder: Incarnation::random() };
    assert!(watched.commit(nothing().fenced(nobodys)).await.is_err());
    stand.catalog.go_away();
    assert!(watched.ping().await.is_err());
    assert_eq!(
        *heard.calls.lock().unwrap(),
        [
            (Seam::Catalog, "feeds", Went::Well),
            (Seam::Catalog, "commit", Went::Refused),
            (Seam::Catalog, "commit", Went::Fenced),
            (Seam::Catalog, "ping", Went::Away)
        ]
    );
}

#[tokio::test]
async fn a_watched_store_counts_what_goes_in_once_and_what_goes_out_as_often_as_it_is_asked_for() {
    let heard = Arc::new(Heard::default());
    let disk = Arc::new(MemoryStore::new());
    let store = WatchedStore::new(disk, heard.clone(), Arc::new(SystemClock));
    let artifact = proget_core::Artifact::in_memory("ten bytes!", Default::default());
    let key = proget_core::blob::BlobKey::fresh(artifact.digests().sha256);
    assert_eq!(store.get(&key, None).await.unwrap_err().kind(), StoreErrorKind::NotFound);
    store.put(&key, &artifact).await.unwrap();
    store.put(&key, &artifact).await.unwrap();
    store.get(&key, None).await.unwrap();
    store.get(&key, Some(2..5)).await.unwrap();
    assert_eq!(*heard.bytes.lock().unwrap(), (10, 13));
    assert_eq!(heard.calls.lock().unwrap()[0], (Seam::Store, "get", Went::Refused));
}
