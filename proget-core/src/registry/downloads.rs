//! Counting downloads: added up in memory, flushed by a chore, never in the path of a request.
//! A killed process loses what it had not flushed; counts are for people.

use super::{Registry, system_actor};
use crate::catalog::{ChangeSet, PackageChange};
use crate::ids::FileId;
use crate::problem::Problem;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Downloads since the last flush.
#[derive(Debug, Default)]
pub(super) struct Downloads(Mutex<HashMap<FileId, u64>>);

impl Downloads {
    pub(super) fn count(&self, file: FileId) {
        *self.lock().entry(file).or_default() += 1;
    }

    pub(super) fn pending(&self, file: FileId) -> u64 {
        self.lock().get(&file).copied().unwrap_or(0)
    }

    fn take(&self) -> Vec<(FileId, u64)> {
        self.lock().drain().collect()
    }

    fn give_back(&self, counts: Vec<(FileId, u64)>) {
        let mut all = self.lock();
        for (file, count) in counts {
            *all.entry(file).or_default() += count;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<FileId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many counts go into one commit.
const BATCH: usize = 500;

impl Registry {
    /// Writes the counts since the last flush to the catalogue; what could not be written is kept.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn flush_downloads(&self) -> Result<(), Problem> {
        let mut counts = self.downloads.take();
        while !counts.is_empty() {
            let batch = counts.split_off(counts.len().saturating_sub(BATCH));
            let change = PackageChange::CountDownloads(batch.clone());
            if let Err(error) = self.fresh.commit(ChangeSet::by(system_actor()).with(change)).await {
                counts.extend(batch);
                self.downloads.give_back(counts);
                return Err(error.into());
            }
        }
        Ok(())
    }
}
