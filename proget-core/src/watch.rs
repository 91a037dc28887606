//! Watching the seams: wrappers that pass every call on and tell somebody how it went.
//!
//! What is done with that (counters, histograms) is the watcher's; this crate knows no metrics.

use crate::access::Secret;
use crate::artifact::Artifact;
use crate::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, LinkWish, Put, StoreError, StoreErrorKind};
use crate::catalog::roles::for_reading_roles;
use crate::catalog::*;
use crate::clock::Clock;
use crate::digest::Sha256;
use crate::feed::{Feed, FeedName, StoreName};
use crate::ids::{BlobId, ChangeId, FeedId, FileId, JobId, Stamp, UserId};
use crate::package::{FileRef, Fragment, NameKey, VersionKey};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod touched;

pub use touched::Touched;

/// Which seam was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seam {
    /// The catalogue.
    Catalog,
    /// A package store.
    Store,
}

/// How a call went, as far as counting is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It was answered, also with "there is no such thing".
    Well,
    /// It was refused for a reason that the caller deals with: a conflict.
    Refused,
    /// It was refused because it came from a holder of a role that has a successor.
    Fenced,
    /// Whoever was called is away.
    Away,
    /// It failed.
    Failed,
}

/// Is told how calls went.
///
/// # What an implementation must promise
/// - It returns at once and does not panic; it is called on every path, the hottest included.
pub trait Watcher: fmt::Debug + Send + Sync + 'static {
    /// A call has ended after so long.
    fn called(&self, seam: Seam, call: &'static str, went: Went, took: Duration);

    /// So many bytes were put into a store.
    fn stored(&self, bytes: u64);

    /// So many bytes were asked of a store.
    fn fetched(&self, bytes: u64);

    /// A commit that touched something others may be waiting for has ended well, or nobody can say that
    /// it did not. Commits that touched nothing of the kind are not told.
    fn committed(&self, touched: &Touched) {
        let _ = touched;
    }
}

/// What both wrappers share.
#[derive(Debug, Clone)]
struct Watch {
    watcher: Arc<dyn Watcher>,
    clock: Arc<dyn Clock>,
    seam: Seam,
}

impl Watch {
    fn ended(&self, call: &'static str, since: Instant, went: Went) {
        self.watcher.called(self.seam, call, went, self.clock.tick().saturating_duration_since(since));
    }

    async fn catalog<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<T, CatalogError> {
        let since = self.clock.tick();
        let outcome = work.await;
        let went = match &outcome {
            Ok(_) => Went::Well,
            Err(CatalogError::Conflict(_)) => Went::Refused,
            Err(CatalogError::Fenced) => Went::Fenced,
            Err(error) if error.is_retryable() => Went::Away,
            Err(_) => Went::Failed,
        };
        self.ended(call, since, went);
        outcome
    }

    async fn store<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let since = self.clock.tick();
        let outcome = work.await;
        let went = match &outcome {
            Ok(_) => Went::Well,
            Err(error) if error.kind() == StoreErrorKind::NotFound => Went::Refused,
            Err(error) if error.is_retryable() => Went::Away,
            Err(_) => Went::Failed,
        };
        self.ended(call, since, went);
        outcome
    }
}

/// A catalogue whose calls are watched.
#[derive(Debug)]
pub struct WatchedCatalog {
    inner: Arc<dyn Catalog>,
    watch: Watch,
}

impl WatchedCatalog {
    /// Passes everything on to `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Catalog>, watcher: Arc<dyn Watcher>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, watch: Watch { watcher, clock, seam: Seam::Catalog } }
    }
}

impl fmt::Display for WatchedCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

macro_rules! watched {
    ($($role:ident { $(fn $name:ident($($arg:ident: $of:ty),*) -> $gives:ty;)* })*) => {$(
        #[async_trait]
        impl $role for WatchedCatalog {
            $(async fn $name(&self, $($arg: $of),*) -> Result<$gives, CatalogError> {
                self.watch.catalog(stringify!($name), self.inner.$name($($arg),*)).await
            })*
        }
    )*};
}

for_reading_roles!(watched);

#[async_trait]
impl Stamps for WatchedCatalog {
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        self.watch.catalog("stamps", self.inner.stamps(of)).await
    }
}

#[async_trait]
impl Catalog for WatchedCatalog {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError> {
        let touched = Touched::by(&changes);
        let outcome = self.watch.catalog("commit", self.inner.commit(changes)).await;
        let refused = matches!(outcome, Err(CatalogError::Conflict(_) | CatalogError::Fenced));
        if !refused && touched != Touched::default() {
            self.watch.watcher.committed(&touched);
        }
        outcome
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }

    async fn ping(&self) -> Result<(), CatalogError> {
        self.watch.catalog("ping", self.inner.ping()).await
    }
}

/// A package store whose calls are watched.
#[derive(Debug)]
pub struct WatchedStore {
    inner: Arc<dyn BlobStore>,
    watch: Watch,
}

impl WatchedStore {
    /// Passes everything on to `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn BlobStore>, watcher: Arc<dyn Watcher>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, watch: Watch { watcher, clock, seam: Seam::Store } }
    }
}

impl fmt::Display for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl BlobStore for WatchedStore {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        let put = self.watch.store("put", self.inner.put(key, artifact)).await?;
        if put == Put::Stored {
            self.watch.watcher.stored(artifact.size());
        }
        Ok(put)
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        self.watch.store("head", self.inner.head(key)).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        let blob = self.watch.store("get", self.inner.get(key, range)).await?;
        self.watch.watcher.fetched(blob.range.end.saturating_sub(blob.range.start));
        Ok(blob)
    }

    async fn link(&self, key: &BlobKey, wish: LinkWish<'_>) -> Result<Option<Secret>, StoreError> {
        self.watch.store("link", self.inner.link(key, wish)).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.watch.store("delete", self.inner.delete(key)).await
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        self.inner.list()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.watch.store("note", self.inner.note()).await
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        self.watch.store("set_note", self.inner.set_note(note)).await
    }
}
