//! The store over any `object_store`, without a server: one that lives in memory and can be spoilt.
//! The real servers are in the workspace's `tests`, ring `stores`.

use crate::disk::{all, in_memory, pattern};
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, UploadPart,
};
use proget_core::blob::{BlobKey, BlobStore, Put, StoreErrorKind};
use proget_core::conformance;
use proget_storage::{ObjectBlobs, OpenError};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is wrong with a server.
#[derive(Debug, Default)]
struct Spoilt {
    inner: InMemory,
    /// Takes a condition on writing and does not look at it.
    ignores_conditions: bool,
    /// Says that it deletes, and does not.
    keeps_everything: bool,
    /// Refuses every part of an upload after the first.
    breaks_uploads: AtomicBool,
    aborted: Arc<AtomicUsize>,
}

impl fmt::Display for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a spoilt store")
    }
}

fn broken() -> Error {
    Error::Generic { store: "spoilt", source: "the connection broke".into() }
}

#[async_trait]
impl ObjectStore for Spoilt {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> object_store::Result<PutResult> {
        if self.ignores_conditions {
            options.mode = PutMode::Overwrite;
        }
        self.inner.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(at, options).await?;
        if !self.breaks_uploads.load(Ordering::SeqCst) {
            return Ok(inner);
        }
        Ok(Box::new(BreakingUpload { inner, parts: 0, aborted: self.aborted.clone() }))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        if self.keeps_everything { locations } else { self.inner.delete_stream(locations) }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct BreakingUpload {
    inner: Box<dyn MultipartUpload>,
    parts: usize,
    aborted: Arc<AtomicUsize>,
}

#[async_trait]
impl MultipartUpload for BreakingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts += 1;
        if self.parts > 1 { Box::pin(async { Err(broken()) }) } else { self.inner.put_part(data) }
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        self.inner.complete().await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.aborted.fetch_add(1, Ordering::SeqCst);
        self.inner.abort().await
    }
}

async fn over(store: Arc<dyn ObjectStore>) -> Result<ObjectBlobs, OpenError> {
    ObjectBlobs::open(store, Path::from("some/prefix"), "memory://").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_over_object_store_keeps_every_promise() {
    conformance::blobs(|| async {
        let store = over(Arc::new(InMemory::new())).await.unwrap();
        assert!(store.honours_conditions());
        Arc::new(store) as Arc<dyn BlobStore>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ignores_conditions_is_found_out_and_every_promise_is_kept_all_the_same() {
    conformance::blobs(|| async {
        let spoilt = Spoilt { ignores_conditions: true, ..Spoilt::default() };
        let store = over(Arc::new(spoilt)).await.unwrap();
        assert!(!store.honours_conditions(), "it was not found out");
        Arc::new(store) as Arc<dyn BlobStore>
    })
    .await;
}

#[tokio::test]
async fn a_large_blob_that_breaks_is_aborted_invisible_and_put_again() {
    let spoilt = Arc::new(Spoilt { breaks_uploads: AtomicBool::new(true), ..Spoilt::default() });
    let store = over(spoilt.clone()).await.unwrap();
    let (key, artifact) = in_memory(&pattern(20 << 20));
    let error = store.put(&key, &artifact).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert_eq!(spoilt.aborted.load(Ordering::SeqCst), 1, "nobody pays for parts that nobody sees");
    assert_eq!(store.head(&key).await.unwrap(), None);
    spoilt.breaks_uploads.store(false, Ordering::SeqCst);
    assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::Stored);
    assert_eq!(all(store.get(&key, None).await.unwrap()).await.unwrap(), pattern(20 << 20));
}

#[tokio::test]
async fn a_put_whose_caller_leaves_is_put_all_the_same() {
    let store = over(Arc::new(InMemory::new())).await.unwrap();
    let (key, artifact) = in_memory(&pattern(12 << 20));
    {
        let mut put = Box::pin(store.put(&key, &artifact));
        assert!(futures::poll!(&mut put).is_pending());
    }
    let there = async {
        while store.head(&key).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), there).await.expect("it is put");
}

#[tokio::test]
async fn without_the_mark_nothing_is_called_missing() {
    let memory = Arc::new(InMemory::new());
    let store = over(memory.clone()).await.unwrap();
    let (key, artifact) = in_memory(&pattern(100));
    store.put(&key, &artifact).await.unwrap();
    for object in ["some/prefix/blobs/store".into(), format!("some/prefix/blobs/{}", below(&key))] {
        memory.delete(&Path::from(object)).await.unwrap();
    }
    assert_eq!(store.head(&key).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.get(&key, None).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.note().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.set_note("note".into()).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.list().next().await.unwrap().unwrap_err().kind(), StoreErrorKind::Unavailable);
    // Opened anew by an operator who wants it so, it is an empty store.
    let again = over(memory).await.unwrap();
    assert_eq!(again.head(&key).await.unwrap(), None);
}

fn below(key: &BlobKey) -> String {
    let digest = key.digest.to_string();
    format!("{}/{}/{key}", &digest[..2], &digest[2..4])
}

#[tokio::test]
async fn opening_leaves_the_mark_and_nothing_else() {
    let memory = Arc::new(InMemory::new());
    over(memory.clone()).await.unwrap();
    over(memory.clone()).await.unwrap();
    let all: Vec<String> = memory.list(None).map(|found| found.unwrap().location.to_string()).collect().await;
    assert_eq!(all, ["some/prefix/blobs/store"]);
}

#[tokio::test]
async fn a_part_outside_of_a_blob_means_that_bytes_are_missing() {
    let store = over(Arc::new(InMemory::new())).await.unwrap();
    let (key, artifact) = in_memory(&pattern(1000));
    store.put(&key, &artifact).await.unwrap();
    for part in [0..1001, 999..1001, 1000..1001, 5000..5001, 5000..5000] {
        let error = store.get(&key, Some(part.clone())).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{part:?}: {error}");
    }
    for nothing in [0..0, 1000..1000] {
        let blob = store.get(&key, Some(nothing.clone())).await.unwrap();
        assert_eq!((blob.size, blob.range.clone()), (1000, nothing));
        assert!(all(blob).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_only_says_that_it_deletes_is_refused() {
    let spoilt = Arc::new(Spoilt { keeps_everything: true, ..Spoilt::default() });
    let error = over(spoilt).await.unwrap_err();
    let OpenError::Unusable { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("deleting"), "{source}");
}
