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

    /// Takes some counts out; they come back when the value is dropped, unless they were written.
    fn take_some(&self) -> Taken<'_> {
        let mut all = self.lock();
        let files: Vec<FileId> = all.keys().take(BATCH).copied().collect();
        let counts = files.into_iter().filter_map(|file| all.remove_entry(&file)).collect();
        Taken { from: self, counts }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<FileId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts on their way to the catalogue.
struct Taken<'a> {
    from: &'a Downloads,
    counts: Vec<(FileId, u64)>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut all = self.from.lock();
        for (file, count) in self.counts.drain(..) {
            *all.entry(file).or_default() += count;
        }
    }
}

/// So many counts go into one commit.
const BATCH: usize = 500;

impl Registry {
    /// Writes the counts since the last flush to the catalogue. What could not be written is kept, and
    /// so is what may have been written without an answer: rather a few too many than too few.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn flush_downloads(&self) -> Result<(), Problem> {
        // As many as there are now; what is counted meanwhile waits for the next flush.
        // (The lock is given back before the loop: taking some takes it again.)
        let batches = self.downloads.lock().len() / BATCH;
        for _ in 0..=batches {
            let mut taken = self.downloads.take_some();
            if taken.counts.is_empty() {
                break;
            }
            let change = PackageChange::CountDownloads(taken.counts.clone());
            self.fresh.commit(ChangeSet::by(system_actor()).with(change)).await?;
            taken.counts.clear();
        }
        Ok(())
    }
}
