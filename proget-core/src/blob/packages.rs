//! What the rest of the code holds: stores by name, one staging area, limits, and the memory of
//! small blobs. A struct, because nobody needs a second one.

use super::hot::HotBlobs;
use super::{
    Blob, BlobKey, BlobStore, ByteStream, LinkWish, Put, Spool, Staging, StoreError, StoreErrorKind,
};
use crate::access::Secret;
use crate::artifact::Artifact;
use crate::digest::DigestSet;
use crate::feed::StoreName;
use bytes::Bytes;
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Limits on what is taken in and kept in memory.
#[derive(Debug, Clone, Copy)]
pub struct IntakeLimits {
    /// Largest artifact in bytes; 0 means no limit but the disk's. Default 0.
    pub artifact_bytes: u64,
    /// Blobs up to this size, but at most a quarter of `hot_bytes`, are kept in memory once read.
    /// Default 128 KiB.
    pub hot_blob_bytes: u64,
    /// Memory for such blobs altogether. Default 16 MiB.
    pub hot_bytes: u64,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self { artifact_bytes: 0, hot_blob_bytes: 128 << 10, hot_bytes: 16 << 20 }
    }
}

/// Stores, staging and limits in one place.
#[derive(Debug, Clone)]
pub struct PackageStore {
    stores: Arc<BTreeMap<StoreName, Arc<dyn BlobStore>>>,
    staging: Arc<dyn Staging>,
    limits: IntakeLimits,
    hot: HotBlobs,
}

impl PackageStore {
    /// One store under the default name.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, staging: Arc<dyn Staging>, limits: IntakeLimits) -> Self {
        Self::with_stores(BTreeMap::from([(StoreName::default(), store)]), staging, limits)
    }

    /// Several stores by name.
    #[must_use]
    pub fn with_stores(
        stores: BTreeMap<StoreName, Arc<dyn BlobStore>>,
        staging: Arc<dyn Staging>,
        limits: IntakeLimits,
    ) -> Self {
        let hot = HotBlobs::new(limits.hot_blob_bytes, limits.hot_bytes);
        Self { stores: Arc::new(stores), staging, limits, hot }
    }

    /// The same, with each store behind a wrapper of the caller's making.
    #[must_use]
    pub fn wrapped(mut self, wrap: impl Fn(Arc<dyn BlobStore>) -> Arc<dyn BlobStore>) -> Self {
        let stores = self.stores.iter().map(|(name, store)| (name.clone(), wrap(store.clone())));
        self.stores = Arc::new(stores.collect());
        self
    }

    /// The store of that name.
    ///
    /// # Errors
    /// `Unsupported` if this node was not given such a store.
    pub fn store(&self, name: &StoreName) -> Result<&Arc<dyn BlobStore>, StoreError> {
        self.stores.get(name).ok_or_else(|| {
            StoreError::new(StoreErrorKind::Unsupported, format!("looking for the package store '{name}'"))
        })
    }

    /// All stores with their names.
    pub fn stores(&self) -> impl Iterator<Item = (&StoreName, &Arc<dyn BlobStore>)> {
        self.stores.iter()
    }

    /// Where uploads wait.
    #[must_use]
    pub fn staging(&self) -> &Arc<dyn Staging> {
        &self.staging
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> IntakeLimits {
        self.limits
    }

    /// Begins an upload that stops at the limit.
    ///
    /// # Errors
    /// Whatever the staging area says.
    pub async fn begin(&self, wanted: DigestSet) -> Result<Box<dyn Spool>, StoreError> {
        tracing::trace!(target: "proget::publish", step = "receiving");
        let inner = self.staging.begin(wanted).await?;
        Ok(match self.limits.artifact_bytes {
            0 => inner,
            limit => Box::new(Limited { inner, limit }),
        })
    }

    /// Receives a whole stream.
    ///
    /// # Errors
    /// The stream's own error, `TooLarge`, or whatever the staging area says; nothing is left then.
    pub async fn receive(&self, mut body: ByteStream, wanted: DigestSet) -> Result<Artifact, StoreError> {
        let mut spool = self.begin(wanted).await?;
        while let Some(chunk) = body.next().await {
            spool.write(chunk?).await?;
        }
        spool.finish().await
    }

    /// Puts an artifact into a store.
    ///
    /// # Errors
    /// Whatever the store says; `Corrupt` if other bytes lie under the key.
    pub async fn put(
        &self,
        store: &StoreName,
        key: &BlobKey,
        artifact: &Artifact,
    ) -> Result<Put, StoreError> {
        self.store(store)?.put(key, artifact).await
    }

    /// Reads a blob or a part of it; small ones come from memory the second time.
    ///
    /// # Errors
    /// Whatever the store says; `Corrupt` if the blob has not the `size` that the catalogue knows.
    pub async fn get(
        &self,
        store: &StoreName,
        key: &BlobKey,
        size: u64,
        range: Option<Range<u64>>,
    ) -> Result<Blob, StoreError> {
        let store = self.store(store)?;
        if self.hot.takes(size) {
            return Ok(part_of(self.hot.read(&**store, key, size).await?, range));
        }
        let blob = store.get(key, range).await?;
        check_size(key, size, blob.size)?;
        Ok(blob)
    }

    /// A link to a blob in its store, if that store has such a thing and the blob is not among the small ones
    /// that come from memory, which is faster than any detour.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn link(
        &self,
        store: &StoreName,
        key: &BlobKey,
        size: u64,
        wish: LinkWish<'_>,
    ) -> Result<Option<Secret>, StoreError> {
        if self.hot.takes(size) { Ok(None) } else { self.store(store)?.link(key, wish).await }
    }
}

/// Has a blob as many bytes as the catalogue knows?
pub(super) fn check_size(key: &BlobKey, expected: u64, found: u64) -> Result<(), StoreError> {
    if expected == found {
        return Ok(());
    }
    let doing = format!("reading blob {key}, which has {found} bytes instead of {expected}");
    Err(StoreError::new(StoreErrorKind::Corrupt, doing))
}

/// The part of bytes in memory that `range` names, cut to what is there.
fn part_of(bytes: Bytes, range: Option<Range<u64>>) -> Blob {
    let size = bytes.len() as u64;
    let range = range.map_or(0..size, |wanted| wanted.start.min(size)..wanted.end.min(size));
    let within = |at: u64| usize::try_from(at).unwrap_or(bytes.len());
    let part = bytes.slice(within(range.start)..within(range.end.max(range.start)));
    Blob { size, range, body: futures::stream::once(async move { Ok(part) }).boxed() }
}

/// Stops an upload at a limit, once for all staging areas.
#[derive(Debug)]
struct Limited {
    inner: Box<dyn Spool>,
    limit: u64,
}

#[async_trait::async_trait]
impl Spool for Limited {
    async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        if self.inner.size() + chunk.len() as u64 > self.limit {
            let doing = format!("receiving an upload of more than {} bytes", self.limit);
            return Err(StoreError::new(StoreErrorKind::TooLarge, doing));
        }
        self.inner.write(chunk).await
    }

    fn size(&self) -> u64 {
        self.inner.size()
    }

    async fn finish(self: Box<Self>) -> Result<Artifact, StoreError> {
        self.inner.finish().await
    }
}
