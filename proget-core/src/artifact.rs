//! Bytes that have been received, measured and hashed, but not yet accepted.

use crate::digest::{DigestSet, Digests};
use bytes::Bytes;
use std::fmt;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;

/// Something that can be read from any place.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// Where an artifact's bytes lie until they are accepted.
///
/// # What an implementation must promise
/// - Each `open` starts at the beginning and sees the same bytes.
/// - Dropping the source gives the space back, also after an error.
pub trait ArtifactSource: fmt::Debug + Send + Sync + 'static {
    /// Opens the bytes for reading; may block.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>>;

    /// The file in which the bytes lie, if they do: a store on the same file system can link it
    /// instead of copying.
    fn path(&self) -> Option<&Path> {
        None
    }
}

impl ArtifactSource for Bytes {
    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(Box::new(Cursor::new(self.clone())))
    }
}

/// Bytes received, measured and hashed, but not yet accepted. Kept until the publish has
/// committed, because a lost race against a sweep means putting them again.
#[derive(Debug, Clone)]
pub struct Artifact {
    digests: Digests,
    size: u64,
    source: Arc<dyn ArtifactSource>,
}

impl Artifact {
    /// What a staging area measured while it received `source`.
    #[must_use]
    pub fn new(digests: Digests, size: u64, source: Arc<dyn ArtifactSource>) -> Self {
        Self { digests, size, source }
    }

    /// An artifact of bytes in memory; for small documents and tests.
    #[must_use]
    pub fn in_memory(bytes: impl Into<Bytes>, wanted: DigestSet) -> Self {
        let bytes = bytes.into();
        Self { digests: Digests::of(&bytes, wanted), size: bytes.len() as u64, source: Arc::new(bytes) }
    }

    /// What the bytes were measured to be.
    #[must_use]
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// How many bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Opens the bytes for reading from the start; may block.
    ///
    /// # Errors
    /// Whatever the medium says.
    pub fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        self.source.open()
    }

    /// The file in which the bytes lie, if they do.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.source.path()
    }
}
