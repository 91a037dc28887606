//! A bounded memory of small blobs, so that a small file costs no job for another thread.
//!
//! Opening and reading a file is blocking work, and for a small file the two threads that wake each
//! other for it cost several times what its bytes cost. Blobs never change, because their keys name
//! their content, so there is nothing to invalidate. Whether a file exists and who may have it is
//! not decided here: callers ask the catalogue before each read. A blob that was swept away may
//! therefore stay for a while: no row leads to its key any more, and keys are never used again.
//!
//! What asks whether bytes are really *there* (verifying, sweeping) goes to the store itself.

use super::packages::check_size;
use super::{BlobKey, BlobStore, StoreError};
use crate::digest::Sha256;
use bytes::Bytes;
use futures::TryStreamExt as _;
use quick_cache::{Weighter, sync::Cache};
use std::sync::Arc;

/// What an entry costs beside its bytes: key, links, a place in a table, the bytes' own header.
const OVERHEAD: u64 = 256;

/// How reading a blob for the memory went.
#[derive(Debug, Clone)]
enum Outcome {
    /// These are its bytes, and they match its digest.
    Intact(Bytes),
    /// There is nothing to remember. Only told to those who wait, and forgotten at once.
    Unfit,
}

#[derive(Debug, Clone)]
struct ByLength;

impl Weighter<BlobKey, Outcome> for ByLength {
    fn weight(&self, _: &BlobKey, outcome: &Outcome) -> u64 {
        match outcome {
            Outcome::Intact(bytes) => bytes.len() as u64 + OVERHEAD,
            Outcome::Unfit => OVERHEAD,
        }
    }
}

/// The memory. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct HotBlobs {
    largest: u64,
    held: Arc<Cache<BlobKey, Outcome, ByLength>>,
}

impl HotBlobs {
    /// A memory of `all` bytes for blobs of at most `largest` bytes, or a quarter of it.
    pub(super) fn new(largest: u64, all: u64) -> Self {
        let largest = largest.min(all / 4);
        // The cache is divided into as many parts as there are processors, but each is made for 32
        // of the expected entries. Expecting few makes parts into which the largest blob fits
        // sixteen times, however many processors there are.
        let expected = usize::try_from(2 * all / largest.max(1)).unwrap_or(usize::MAX);
        Self { largest, held: Arc::new(Cache::with_weighter(expected.min(1 << 16), all, ByLength)) }
    }

    /// Is a blob of that size small?
    pub(super) fn takes(&self, size: u64) -> bool {
        size <= self.largest
    }

    /// All bytes of a small blob; of many who miss it at once, one reads and the others wait.
    ///
    /// The bytes are remembered only if they match the digest. If they do not, they are handed out
    /// as any damaged blob is, and the log tells.
    ///
    /// # Errors
    /// Whatever the store says; `Corrupt` if the blob has not `size` bytes.
    pub(super) async fn read(
        &self,
        store: &dyn BlobStore,
        key: &BlobKey,
        size: u64,
    ) -> Result<Bytes, StoreError> {
        let place = match self.held.get_value_or_guard_async(key).await {
            Ok(Outcome::Intact(bytes)) => return Ok(bytes),
            // All who waited read for themselves at once. One after the other, each would wait for
            // a store that hangs as long as all before it together.
            Ok(Outcome::Unfit) => return read_whole(store, key, size).await,
            Err(place) => place,
        };
        // The others wait for the store here, never for a client: nothing is sent before the end.
        let bytes = read_whole(store, key, size).await;
        let outcome = match &bytes {
            Ok(bytes) if Sha256::of(bytes) == key.digest => Outcome::Intact(bytes.clone()),
            Ok(_) => {
                let advice = "`proget verify` names the files that are affected";
                tracing::error!(%store, blob = %key, advice, "a blob does not match its digest");
                Outcome::Unfit
            }
            Err(_) => Outcome::Unfit,
        };
        // Fails only if the entry was removed meanwhile: then it is not remembered.
        let _ = place.insert(outcome);
        self.held.remove_if(key, |held| matches!(held, Outcome::Unfit));
        bytes
    }
}

/// Into one buffer of exactly that size, for what a store sends may be a small part of a large buffer.
async fn read_whole(store: &dyn BlobStore, key: &BlobKey, size: u64) -> Result<Bytes, StoreError> {
    let mut blob = store.get(key, None).await?;
    check_size(key, size, blob.size)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    while let Some(chunk) = blob.body.try_next().await? {
        check_size(key, size, size.max(bytes.len() as u64 + chunk.len() as u64))?;
        bytes.extend_from_slice(&chunk);
    }
    check_size(key, size, bytes.len() as u64)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
