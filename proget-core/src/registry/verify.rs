//! Verifying: every blob that the catalogue names is read whole and held against its digest.

use super::Registry;
use super::sweep::BATCH;
use crate::blob::{StoreError, StoreErrorKind};
use crate::catalog::{BlobRow, BlobState, BlobWanted};
use crate::digest::{DigestSet, Hasher};
use crate::problem::{Problem, chain};
use futures::StreamExt as _;

/// What is wrong with one blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The blob's key.
    pub key: String,
    /// The store it should lie in.
    pub store: String,
    /// What is wrong with it.
    pub what: String,
    /// Files that refer to it, as `feed/package/file`; at most twenty.
    pub files: Vec<String>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Blobs looked at.
    pub blobs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong.
    pub damage: Vec<Damage>,
}

impl Registry {
    /// Reads every published blob and compares its digest. `progress` is told blobs and bytes so far.
    ///
    /// Blobs that are only arriving are left out: their bytes may rightly not be there yet.
    ///
    /// # Errors
    /// `Busy` if the catalogue or a store is away: what could not be looked at is not damaged.
    pub async fn verify(
        &self,
        mut progress: impl FnMut(&VerifyReport) + Send,
    ) -> Result<VerifyReport, Problem> {
        let (mut report, mut after) = (VerifyReport::default(), None);
        loop {
            let rows = self.fresh.read().blobs(BlobWanted::All, after, BATCH).await?;
            let Some(last) = rows.last() else { return Ok(report) };
            after = Some(last.id);
            for row in rows.iter().filter(|row| row.state != BlobState::Arriving) {
                let outcome = self.read_or_stop(row).await?;
                report.blobs += 1;
                match outcome {
                    Ok(bytes) => report.bytes += bytes,
                    Err(error) => report.damage.extend(self.damage(row, &error).await?),
                }
                progress(&report);
            }
        }
    }

    /// Reads a blob; if it could not be read although its store is there, once more. What is wrong then is the
    /// blob's own: a bad sector, say. If the store is not there, nothing is known of any blob.
    async fn read_or_stop(&self, row: &BlobRow) -> Result<Result<u64, StoreError>, Problem> {
        let outcome = self.read_whole(row).await;
        if !outcome.as_ref().is_err_and(StoreError::is_retryable) {
            return Ok(outcome);
        }
        self.packages.store(&row.store)?.note().await?;
        Ok(self.read_whole(row).await)
    }

    async fn read_whole(&self, row: &BlobRow) -> Result<u64, StoreError> {
        let mut blob = self.packages.store(&row.store)?.get(&row.key, None).await?;
        let mut hasher = Hasher::new(DigestSet::default());
        while let Some(chunk) = blob.body.next().await {
            hasher.update(&chunk?);
        }
        let (digests, size) = hasher.finish();
        if size != row.size || digests.sha256 != row.key.digest {
            let doing = format!("verifying blob {}: {size} bytes with SHA-256 {}", row.key, digests.sha256);
            return Err(StoreError::new(StoreErrorKind::Corrupt, doing));
        }
        Ok(size)
    }

    /// What to report, unless the blob was swept away while it was being read.
    async fn damage(&self, row: &BlobRow, error: &StoreError) -> Result<Option<Damage>, Problem> {
        let now = self.fresh.read().blob(&row.store, &row.key.digest).await?;
        if now.is_none_or(|now| now.key != row.key) {
            return Ok(None);
        }
        Ok(Some(Damage {
            key: row.key.to_string(),
            store: row.store.to_string(),
            what: chain(error),
            files: self.fresh.read().users_of(row.id, 20).await?,
        }))
    }
}
