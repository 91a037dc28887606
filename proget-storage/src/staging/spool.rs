//! One upload: hashed and written in one pass, on a blocking thread, with two buffers at most.
//!
//! While one buffer is hashed and written, the other fills; when that is full too, `write` waits.
//! That is the back-pressure. Chunks are copied into the buffer, not kept: a few bytes of a network
//! read may hold a far larger allocation alive, and the copy costs little beside the hashing.

use super::folder::OwnedFile;
use crate::blobs::{Lane, Running, failed};
use async_trait::async_trait;
use bytes::Bytes;
use proget_core::artifact::{Artifact, ArtifactSource, ReadSeek};
use proget_core::blob::{Spool, StoreError, StoreErrorKind};
use proget_core::digest::{DigestSet, Hasher};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

/// Bytes that are hashed and written at once; twice as many are in memory at most.
pub(super) const BUFFER: usize = 512 << 10;

const RECEIVING: &str = "receiving an upload";

/// The half that works on a blocking thread and is handed to and fro.
#[derive(Debug)]
struct Writer {
    /// Shared with the spool, so that the file goes only after the last write to it has ended.
    place: Arc<OwnedFile>,
    /// Created with the first bytes: an upload that is refused before costs the disk nothing.
    file: Option<File>,
    hasher: Hasher,
}

impl Writer {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.place.create()?),
        };
        self.hasher.update(bytes);
        file.write_all(bytes)
    }
}

/// What comes back from a blocking thread: the writer, and the buffer to be filled again.
type Written = (Writer, Vec<u8>);

/// An upload into a file of the scratch directory.
#[derive(Debug)]
pub(super) struct FileSpool {
    /// Here unless it works, or has failed.
    writer: Option<Writer>,
    /// There while it works.
    working: Option<Running<Written>>,
    lane: Lane,
    filling: Vec<u8>,
    spare: Vec<u8>,
    size: u64,
    /// True while a `write` is under way: a caller that dropped that future has torn the upload.
    torn: bool,
}

impl FileSpool {
    pub(super) fn new(place: OwnedFile, wanted: DigestSet, lane: Lane) -> Self {
        let writer = Writer { place: Arc::new(place), file: None, hasher: Hasher::new(wanted) };
        Self {
            writer: Some(writer),
            working: None,
            lane,
            filling: Vec::new(),
            spare: Vec::new(),
            size: 0,
            torn: false,
        }
    }

    /// Waits for the write under way, if any, and gives the writer.
    async fn writer(&mut self) -> Result<Writer, StoreError> {
        if let Some(working) = &mut self.working {
            let result = working.end().await;
            self.working = None;
            let (writer, buffer) = result?;
            self.spare = buffer;
            return Ok(writer);
        }
        self.writer.take().ok_or_else(|| {
            StoreError::new(StoreErrorKind::Interrupted, "receiving an upload that has failed before")
        })
    }

    /// Grows by doubling, so that small uploads take little, but never beyond the buffer's size.
    fn make_room(&mut self, more: usize) {
        let needed = self.filling.len() + more;
        if needed > self.filling.capacity() {
            let capacity = needed.max(self.filling.capacity() * 2).min(BUFFER);
            self.filling.reserve_exact(capacity - self.filling.len());
        }
    }

    /// Hands the full buffer over and goes on with the other.
    async fn flush(&mut self) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut full = std::mem::replace(&mut self.filling, std::mem::take(&mut self.spare));
        self.working = Some(self.lane.start(RECEIVING, move || {
            writer.take(&full).map_err(|error| failed(RECEIVING, error))?;
            full.clear();
            Ok((writer, full))
        }));
        Ok(())
    }
}

#[async_trait]
impl Spool for FileSpool {
    async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.torn, true) {
            return Err(StoreError::new(StoreErrorKind::Interrupted, "receiving an upload with a part lost"));
        }
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(BUFFER - self.filling.len()));
            self.make_room(now.len());
            self.filling.extend_from_slice(now);
            self.size += now.len() as u64;
            rest = later;
            if self.filling.len() == BUFFER {
                self.flush().await?;
            }
        }
        self.torn = false;
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }

    async fn finish(mut self: Box<Self>) -> Result<Artifact, StoreError> {
        if self.torn {
            return Err(StoreError::new(StoreErrorKind::Interrupted, "finishing an upload with a part lost"));
        }
        let mut writer = self.writer().await?;
        let last = std::mem::take(&mut self.filling);
        self.lane
            .run(RECEIVING, move || {
                writer.take(&last).map_err(|error| failed(RECEIVING, error))?;
                let (digests, size) = writer.hasher.finish();
                Ok(Artifact::new(digests, size, Arc::new(SpooledFile(writer.place))))
            })
            .await
    }
}

/// An artifact's bytes in a scratch file; the last clone of the artifact takes the file with it.
#[derive(Debug)]
struct SpooledFile(Arc<OwnedFile>);

impl ArtifactSource for SpooledFile {
    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(Box::new(File::open(self.0.path())?))
    }

    fn path(&self) -> Option<&Path> {
        Some(self.0.path())
    }
}
