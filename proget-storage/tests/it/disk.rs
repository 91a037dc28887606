//! What the tests share: a directory on a real disk, and short ways to put, read and look.

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use proget_core::artifact::Artifact;
use proget_core::blob::{Blob, BlobKey, Staging, StoreError};
use proget_core::digest::{DigestSet, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Bytes that differ from place to place, so that a chunk in the wrong place is noticed.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at / 251 + at) as u8).collect()
}

pub(crate) fn in_memory(bytes: &Bytes) -> (BlobKey, Artifact) {
    let key = BlobKey::fresh(Sha256::of(bytes));
    (key, Artifact::in_memory(bytes.clone(), DigestSet::default()))
}

/// Receives `bytes` in chunks of an odd size.
pub(crate) async fn spooled(staging: &dyn Staging, bytes: &Bytes) -> Result<(BlobKey, Artifact), StoreError> {
    let mut spool = staging.begin(DigestSet::default()).await?;
    for start in (0..bytes.len()).step_by(70_001) {
        spool.write(bytes.slice(start..bytes.len().min(start + 70_001))).await?;
    }
    let artifact = spool.finish().await?;
    Ok((BlobKey::fresh(artifact.digests().sha256), artifact))
}

pub(crate) async fn all(blob: Blob) -> Result<Bytes, StoreError> {
    let gather = |mut all: BytesMut, chunk: Bytes| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    };
    Ok(blob.body.try_fold(BytesMut::new(), gather).await?.freeze())
}

/// Every file below `root` but lock files, sorted.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder may vanish while we look: its owner ends.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false if entry.file_name() == "lock" => {}
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// Waits until `level` holds; files are unlinked on another thread.
pub(crate) fn wait_for(what: &str, level: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !level() {
        assert!(Instant::now() < deadline, "waited 20 s for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
