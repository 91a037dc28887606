//! Bytes at rest, in memory.

use crate::artifact::Artifact;
use crate::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, Put, StoreError, StoreErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryFutureExt as _};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// Bodies come in pieces of this size, so that readers meet boundaries as they do elsewhere.
const CHUNK: u64 = 64 << 10;

/// A store in memory: neither durable nor shared, and gone with its last owner.
#[derive(Debug, Default)]
pub struct MemoryStore {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    blobs: BTreeMap<BlobKey, Bytes>,
    note: Option<Bytes>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts other bytes in the place of a blob's, as a failing disk would; for tests of
    /// verification. Says whether the blob was there.
    pub fn damage(&self, key: &BlobKey, bytes: impl Into<Bytes>) -> bool {
        self.held().blobs.get_mut(key).map(|there| *there = bytes.into()).is_some()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        super::lock(&self.held)
    }
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

#[async_trait]
impl BlobStore for MemoryStore {
    fn abilities(&self) -> Abilities {
        Abilities { shared: false, durable: false }
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        let mut bytes = Vec::new();
        artifact.open().and_then(|mut source| source.read_to_end(&mut bytes)).map_err(|error| {
            StoreError::new(StoreErrorKind::Other, format!("reading the artifact for blob {key}"))
                .because(error)
        })?;
        if bytes.len() as u64 != artifact.size() {
            let doing = format!("putting blob {key}, whose artifact has {} bytes now", bytes.len());
            return Err(StoreError::new(StoreErrorKind::Corrupt, doing));
        }
        let mut held = self.held();
        match held.blobs.get(key) {
            None => {
                held.blobs.insert(*key, bytes.into());
                Ok(Put::Stored)
            }
            Some(there) if there.len() == bytes.len() => Ok(Put::AlreadyThere),
            Some(there) => {
                let doing = format!("putting blob {key}, under which {} other bytes lie", there.len());
                Err(StoreError::new(StoreErrorKind::Corrupt, doing))
            }
        }
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        Ok(self.held().blobs.get(key).map(|bytes| bytes.len() as u64))
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        let found = self.held().blobs.get(key).cloned();
        let bytes =
            found.ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, format!("reading blob {key}")))?;
        let size = bytes.len() as u64;
        let range = range.map_or(0..size, |wanted| wanted.start.min(size)..wanted.end.min(size));
        let end = range.end;
        let starts = (range.start..end).step_by(CHUNK as usize);
        let chunks: Vec<_> =
            starts.map(|at| Ok(bytes.slice(index(at)..index(end.min(at + CHUNK))))).collect();
        Ok(Blob { size, range, body: stream::iter(chunks).boxed() })
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.held().blobs.remove(key);
        Ok(())
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        // What is there when the stream is first asked, not when it is made.
        let heads = || async {
            let head =
                |(key, bytes): (&BlobKey, &Bytes)| Ok(BlobHead { key: *key, size: bytes.len() as u64 });
            Ok(stream::iter(self.held().blobs.iter().map(head).collect::<Vec<_>>()))
        };
        heads().try_flatten_stream().boxed()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        Ok(self.held().note.clone())
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        self.held().note = Some(note);
        Ok(())
    }
}

/// A place within bytes that are in memory, so it fits.
fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
