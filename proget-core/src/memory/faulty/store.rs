//! A package store in trouble.

use crate::access::Secret;
use crate::artifact::Artifact;
use crate::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, LinkWish, Put, StoreError, StoreErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// A store whose next calls can be made to fail.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn BlobStore>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    next: VecDeque<StoreErrorKind>,
    next_delete: Option<StoreErrorKind>,
    all: Option<StoreErrorKind>,
}

impl FaultyStore {
    /// A store without faults as yet.
    #[must_use]
    pub fn new(inner: Arc<dyn BlobStore>) -> Self {
        Self { inner, faults: Mutex::default() }
    }

    /// The next call fails like this; several wait their turn.
    pub fn fail_next(&self, kind: StoreErrorKind) {
        crate::memory::lock(&self.faults).next.push_back(kind);
    }

    /// The next delete fails like this.
    pub fn fail_next_delete(&self, kind: StoreErrorKind) {
        crate::memory::lock(&self.faults).next_delete = Some(kind);
    }

    /// From now on every call fails with `Unavailable`.
    pub fn go_away(&self) {
        crate::memory::lock(&self.faults).all = Some(StoreErrorKind::Unavailable);
    }

    /// Calls reach the store again.
    pub fn come_back(&self) {
        crate::memory::lock(&self.faults).all = None;
    }

    fn reach(&self, doing: &str) -> Result<(), StoreError> {
        let mut faults = crate::memory::lock(&self.faults);
        match faults.next.pop_front().or(faults.all) {
            Some(kind) => Err(StoreError::new(kind, format!("{doing} in a store with faults"))),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with faults", self.inner)
    }
}

#[async_trait]
impl BlobStore for FaultyStore {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        self.reach("putting a blob")?;
        self.inner.put(key, artifact).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        self.reach("looking for a blob")?;
        self.inner.head(key).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        self.reach("reading a blob")?;
        self.inner.get(key, range).await
    }

    async fn link(&self, key: &BlobKey, wish: LinkWish<'_>) -> Result<Option<Secret>, StoreError> {
        self.reach("linking a blob")?;
        self.inner.link(key, wish).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        let doing = "deleting a blob";
        self.reach(doing)?;
        if let Some(kind) = crate::memory::lock(&self.faults).next_delete.take() {
            return Err(StoreError::new(kind, format!("{doing} in a store with faults")));
        }
        self.inner.delete(key).await
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        match self.reach("listing blobs") {
            Ok(()) => self.inner.list(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.reach("reading the note")?;
        self.inner.note().await
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        self.reach("writing the note")?;
        self.inner.set_note(note).await
    }
}
