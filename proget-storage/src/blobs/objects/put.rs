//! Putting: a small blob in one request, a large one in parts that become visible together.
//!
//! A put goes on to its end when its caller leaves: an upload in parts that nobody completes or aborts
//! is seen by nobody and paid for by somebody.

use super::ObjectBlobs;
use super::patience::{COMPLETE, CONTROL, PART, failed_remote, within};
use bytes::Bytes;
use object_store::{Error, MultipartUpload, ObjectStoreExt as _, PutMode};
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::blob::{BlobKey, Put, StoreError, StoreErrorKind};
use std::io::Read as _;
use tokio::task::{JoinSet, spawn_blocking};

/// Up to this size a blob is one request; above, this is the size of a part. Every server takes parts of
/// 5 MiB and more, and R2 wants all of one size.
const PART_SIZE: u64 = 8 << 20;
/// S3 takes ten thousand.
const MOST_PARTS: u64 = 10_000;
/// Parts under way at once; with the one that is being read this bounds a put's memory.
const AT_ONCE: usize = 3;
/// How often a put begins anew because the blob it found was deleted the next moment.
const ATTEMPTS: usize = 3;

type Reader = Box<dyn ReadSeek + Send>;

impl ObjectBlobs {
    pub(super) async fn put_artifact(&self, key: BlobKey, artifact: Artifact) -> Result<Put, StoreError> {
        let store = self.clone();
        let put = tokio::spawn(async move { store.put_to_its_end(key, &artifact).await }).await;
        put.unwrap_or_else(|error| {
            Err(StoreError::new(StoreErrorKind::Other, format!("putting blob {key}")).because(error))
        })
    }

    async fn put_to_its_end(&self, key: BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        for _ in 0..ATTEMPTS {
            let in_one = artifact.size() <= PART_SIZE;
            if !(in_one && self.inner.conditional)
                && let Some(put) = self.found(key, artifact.size()).await?
            {
                return Ok(put);
            }
            if !in_one {
                return self.put_in_parts(key, artifact).await.map(|()| Put::Stored);
            }
            if self.put_in_one(key, artifact).await? {
                return Ok(Put::Stored);
            }
            if let Some(put) = self.found(key, artifact.size()).await? {
                return Ok(put);
            }
        }
        let why = "the blob was deleted again each time it was found; two stores may share one bucket";
        Err(StoreError::new(StoreErrorKind::Unavailable, format!("putting blob {key}")).because(why))
    }

    /// What is there already, if something is.
    async fn found(&self, key: BlobKey, expected: u64) -> Result<Option<Put>, StoreError> {
        match self.length(&key).await? {
            None => Ok(None),
            Some(found) if found == expected => Ok(Some(Put::AlreadyThere)),
            Some(found) => Err(wrong_length(key, found, expected)),
        }
    }

    /// Was it this call that put it there?
    async fn put_in_one(&self, key: BlobKey, artifact: &Artifact) -> Result<bool, StoreError> {
        let doing = format!("putting blob {key}");
        let (_, bytes) = next_part(&doing, opened(&doing, artifact).await?, PART_SIZE + 1).await?;
        if bytes.len() as u64 != artifact.size() {
            return Err(wrong_length(key, bytes.len() as u64, artifact.size()));
        }
        let mode = if self.inner.conditional { PutMode::Create } else { PutMode::Overwrite };
        let name = self.names().blob(&key);
        let put = self.bulk().put_opts(&name, bytes.into(), mode.into());
        match within(PART, &doing, put).await? {
            Ok(_) => Ok(true),
            // Perhaps by this very call, whose first answer was lost.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(failed_remote(doing, error)),
        }
    }

    async fn put_in_parts(&self, key: BlobKey, artifact: &Artifact) -> Result<(), StoreError> {
        let doing = format!("putting blob {key}");
        let name = self.names().blob(&key);
        let upload = within(CONTROL, &doing, self.bulk().put_multipart(&name)).await?;
        let mut upload = upload.map_err(|error| failed_remote(&doing, error))?;
        let outcome = match send(&doing, key, artifact, &mut *upload).await {
            Ok(()) => match within(COMPLETE, &doing, upload.complete()).await {
                Ok(completed) => completed.map(drop).map_err(|error| failed_remote(&doing, error)),
                Err(silent) => Err(silent),
            },
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // The reason is told by what failed before.
            let _ = within(CONTROL, &doing, upload.abort()).await;
        }
        outcome
    }
}

/// Sends all parts; if one fails, the others are let go.
async fn send(
    doing: &str,
    key: BlobKey,
    artifact: &Artifact,
    upload: &mut dyn MultipartUpload,
) -> Result<(), StoreError> {
    let size = part_size(artifact.size());
    let mut reader = opened(doing, artifact).await?;
    let mut under_way = JoinSet::new();
    let mut read = 0;
    loop {
        let (back, bytes) = next_part(doing, reader, size).await?;
        reader = back;
        read += bytes.len() as u64;
        if bytes.is_empty() || read > artifact.size() {
            break;
        }
        if under_way.len() == AT_ONCE {
            arrived(doing, under_way.join_next().await)?;
        }
        let (part, doing) = (upload.put_part(bytes.into()), doing.to_owned());
        under_way.spawn(async move {
            let sent = within(PART, &doing, part).await?;
            sent.map_err(|error| failed_remote(doing, error))
        });
    }
    while let Some(part) = under_way.join_next().await {
        arrived(doing, Some(part))?;
    }
    if read == artifact.size() { Ok(()) } else { Err(wrong_length(key, read, artifact.size())) }
}

fn arrived(
    doing: &str,
    part: Option<Result<Result<(), StoreError>, tokio::task::JoinError>>,
) -> Result<(), StoreError> {
    let broken_off = |error| StoreError::new(StoreErrorKind::Other, doing).because(error);
    part.map_or(Ok(()), |part| part.map_err(broken_off)?)
}

/// As small as the server's number of parts allows, in whole mebibytes.
fn part_size(size: u64) -> u64 {
    size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20).max(PART_SIZE)
}

async fn opened(doing: &str, artifact: &Artifact) -> Result<Reader, StoreError> {
    let artifact = artifact.clone();
    let opened = spawn_blocking(move || artifact.open()).await;
    let opened = opened.map_err(|error| StoreError::new(StoreErrorKind::Other, doing).because(error))?;
    opened.map_err(|error| crate::blobs::failed(doing, error))
}

/// The next bytes, as many as are wanted or left.
async fn next_part(doing: &str, mut reader: Reader, size: u64) -> Result<(Reader, Bytes), StoreError> {
    let read = spawn_blocking(move || {
        let mut bytes = Vec::new();
        reader.by_ref().take(size).read_to_end(&mut bytes).map(|_| (reader, Bytes::from(bytes)))
    });
    let read = read.await.map_err(|error| StoreError::new(StoreErrorKind::Other, doing).because(error))?;
    read.map_err(|error| crate::blobs::failed(doing, error))
}

fn wrong_length(key: BlobKey, found: u64, expected: u64) -> StoreError {
    let doing = format!("putting blob {key} of {expected} bytes, of which {found} were found");
    StoreError::new(StoreErrorKind::Corrupt, doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_only_when_there_would_be_too_many() {
        assert_eq!(part_size(9 << 20), PART_SIZE);
        assert_eq!(part_size(PART_SIZE * MOST_PARTS), PART_SIZE);
        let large = 500 << 30;
        assert!(large / part_size(large) < MOST_PARTS && part_size(large).is_multiple_of(1 << 20));
    }
}
