//! The suites that every store and every staging area must pass, on a real disk.

use crate::disk::{files, folder};
use proget_core::blob::{BlobStore, Staging};
use proget_core::conformance::{self, StagingArea};
use proget_core::ids::UploadId;
use proget_storage::{LocalStore, Scratch};
use std::path::Path;
use std::sync::Arc;

/// A root of its own for each case.
fn fresh(below: &Path) -> std::path::PathBuf {
    below.join(UploadId::random().to_string())
}

async fn store_at(root: &Path) -> Arc<dyn BlobStore> {
    Arc::new(LocalStore::open(root).await.unwrap())
}

async fn scratch_at(root: &Path) -> Arc<dyn Staging> {
    Arc::new(Scratch::open(root).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_store_keeps_every_promise_with_artifacts_from_memory() {
    let below = folder();
    conformance::blobs(|| async { store_at(&fresh(below.path())).await }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_store_keeps_every_promise_with_uploads_it_can_link() {
    let below = folder();
    conformance::blobs_from(|| async {
        let root = fresh(below.path());
        (store_at(&root).await, scratch_at(&root).await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_store_keeps_every_promise_with_uploads_on_another_disk() {
    let (below, elsewhere) = (folder(), tempfile::tempdir_in("/dev/shm").unwrap());
    conformance::blobs_from(|| async {
        (store_at(&fresh(below.path())).await, scratch_at(&fresh(elsewhere.path())).await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scratch_keeps_every_promise_of_a_staging_area() {
    let below = folder();
    conformance::staging(|| async {
        let root = fresh(below.path());
        StagingArea::new(scratch_at(&root).await, move || files(&root).len() as u64)
    })
    .await;
}
