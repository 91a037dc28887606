//! Bytes that arrive, in memory.

use crate::artifact::{Artifact, ArtifactSource, ReadSeek};
use crate::blob::{Leftovers, Spool, Staging, StoreError};
use crate::digest::{DigestSet, Hasher};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A staging area in memory, for tests and small documents.
///
/// It holds uploads whole, so it does *not* keep the promise of bounded memory: a server never
/// uses it. Uploads die with the process, so there is never anything to sweep.
#[derive(Debug, Default)]
pub struct MemoryStaging {
    waiting: Arc<AtomicU64>,
}

impl MemoryStaging {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many uploads and artifacts take up space at this moment.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::SeqCst)
    }
}

impl fmt::Display for MemoryStaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

#[async_trait]
impl Staging for MemoryStaging {
    async fn begin(&self, wanted: DigestSet) -> Result<Box<dyn Spool>, StoreError> {
        let place = Place::taken_in(&self.waiting);
        Ok(Box::new(MemorySpool { hasher: Hasher::new(wanted), bytes: BytesMut::new(), place }))
    }

    async fn sweep(&self) -> Result<Leftovers, StoreError> {
        Ok(Leftovers::default())
    }
}

/// The space that one upload takes up; given back on drop.
#[derive(Debug)]
struct Place(Arc<AtomicU64>);

impl Place {
    fn taken_in(waiting: &Arc<AtomicU64>) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct MemorySpool {
    hasher: Hasher,
    bytes: BytesMut,
    place: Place,
}

#[async_trait]
impl Spool for MemorySpool {
    async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        self.hasher.update(&chunk);
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.hasher.size()
    }

    async fn finish(self: Box<Self>) -> Result<Artifact, StoreError> {
        let (digests, size) = self.hasher.finish();
        let source = MemorySource { bytes: self.bytes.freeze(), _place: self.place };
        Ok(Artifact::new(digests, size, Arc::new(source)))
    }
}

#[derive(Debug)]
struct MemorySource {
    bytes: Bytes,
    _place: Place,
}

impl ArtifactSource for MemorySource {
    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(Box::new(Cursor::new(self.bytes.clone())))
    }
}
