//! Reading: the first chunk in one step with opening, the others with one chunk read ahead.
//!
//! Chunks are read at explicit offsets, so there is no seek state, and a range costs nothing more
//! than its bytes. 256 KiB was measured to be best: half of it costs throughput, four times of it
//! falls out of the processor's caches. Memory per reader: the chunk being sent and the one ahead.

use super::error::failed;
use super::lane::Lane;
use super::local::LocalStore;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use proget_core::blob::{Blob, BlobKey, ByteStream, StoreError, StoreErrorKind};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

/// Bytes read at once; the first of them before `get` returns.
const CHUNK: u64 = 256 << 10;

impl LocalStore {
    pub(super) async fn read(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        let store = self.clone();
        self.lane()
            .run("opening a blob", move || {
                let (file, size) = store.open_blob(key)?;
                let range = range.unwrap_or(0..size);
                check_range(key, &range, size)?;
                // The first chunk is read here and now: another job would wake another thread.
                let rest = range.end.min(range.start + CHUNK)..range.end;
                let bytes = read_chunk(key, &file, range.start..rest.start)?;
                let first = stream::once(async move { Ok(bytes) });
                let body = if rest.is_empty() {
                    first.boxed()
                } else {
                    first.chain(chunks(key, file, rest, store.lane().clone())).boxed()
                };
                Ok(Blob { size, range, body })
            })
            .await
    }

    fn open_blob(&self, key: BlobKey) -> Result<(File, u64), StoreError> {
        let doing = || format!("reading blob {key}");
        let file = match File::open(self.layout().blob(&key)) {
            Ok(file) => file,
            Err(error) if is_absence(&error) => {
                self.check_presence(doing)?;
                return Err(StoreError::new(StoreErrorKind::NotFound, doing()));
            }
            Err(error) => return Err(failed(doing(), error)),
        };
        let found = file.metadata().map_err(|error| failed(doing(), error))?;
        if !found.is_file() {
            return Err(StoreError::new(StoreErrorKind::Corrupt, doing()).because("it is not a file"));
        }
        Ok((file, found.len()))
    }

    /// How many bytes lie under `key`, or `None` if the store has looked and nothing does.
    pub(super) fn length(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        let doing = || format!("looking for blob {key}");
        match fs::symlink_metadata(self.layout().blob(key)) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Err(StoreError::new(StoreErrorKind::Corrupt, doing()).because("it is not a file")),
            Err(error) if is_absence(&error) => self.check_presence(doing).map(|()| None),
            Err(error) => Err(failed(doing(), error)),
        }
    }

    /// A missing file proves something only while the store itself is there: under an unmounted
    /// disk everything is missing.
    pub(super) fn check_presence(&self, doing: impl Fn() -> String) -> Result<(), StoreError> {
        fs::metadata(self.layout().blobs())
            .map(drop)
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, doing()).because(error))
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn check_range(key: BlobKey, range: &Range<u64>, size: u64) -> Result<(), StoreError> {
    if range.start <= range.end && range.end <= size {
        return Ok(());
    }
    // The caller knows the size from the catalogue, so a part outside means that bytes are missing.
    let doing = format!("reading bytes {} to {} of blob {key}, which has {size}", range.start, range.end);
    Err(StoreError::new(StoreErrorKind::Corrupt, doing))
}

fn chunks(key: BlobKey, file: File, range: Range<u64>, lane: Lane) -> ByteStream {
    let file = Arc::new(file);
    let starts = (0..(range.end - range.start).div_ceil(CHUNK)).map(move |n| range.start + n * CHUNK);
    let end = range.end;
    stream::iter(starts)
        .map(move |start| {
            let (file, lane) = (Arc::clone(&file), lane.clone());
            let part = start..end.min(start + CHUNK);
            async move { lane.run("reading a blob", move || read_chunk(key, &file, part)).await }
        })
        .buffered(2)
        .boxed()
}

/// Reads exactly the range, which is short enough for one allocation. `pread` into spare capacity:
/// a buffer that is zeroed first would be written twice.
fn read_chunk(key: BlobKey, file: &File, range: Range<u64>) -> Result<Bytes, StoreError> {
    let doing = || format!("reading blob {key}");
    let wanted = usize::try_from(range.end - range.start)
        .map_err(|error| StoreError::new(StoreErrorKind::Other, doing()).because(error))?;
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        let offset = range.start + bytes.len() as u64;
        let left = wanted - bytes.len();
        let read = match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut bytes), offset) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.map_err(|error| failed(doing(), error.into()))?,
        };
        if read == 0 {
            let message = format!("the file ends {left} bytes early");
            return Err(StoreError::new(StoreErrorKind::Corrupt, doing()).because(message));
        }
    }
    bytes.truncate(wanted);
    Ok(bytes.into())
}
