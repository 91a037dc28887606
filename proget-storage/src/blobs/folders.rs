//! Directories that survive a power cut.
//!
//! A directory entry is durable once the directory that *holds* it has been synced. Asking "did I
//! create it?" is not enough: another process may have created the folder a moment ago and not
//! synced it yet. So each process syncs the way down to a folder once, whoever made it, and then
//! remembers that; after the first puts this costs nothing.

use super::layout::{Layout, folder_names};
use proget_core::blob::BlobKey;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Makes the entries of a directory durable. Opens and closes it: directories are seldom synced
/// twice in a row.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Creates a directory unless it is there; its parent must be there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The blob folders whose way from `blobs/` down this process has synced; at most 65,536 names.
#[derive(Debug, Default)]
pub(crate) struct DurableFolders {
    known: Mutex<BTreeSet<[String; 2]>>,
}

impl DurableFolders {
    /// Sees to it that the folder of `key` is there and will still be there after a power cut.
    ///
    /// Never creates `blobs/` itself: if that is missing, the disk has been unmounted, and what
    /// is written now would vanish under the next mount.
    pub(crate) fn ensure(&self, layout: &Layout, key: &BlobKey) -> io::Result<()> {
        let names = folder_names(key);
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&names) {
            return Ok(());
        }
        let [outer, inner] = layout.folders(key);
        make_folder(&outer)?;
        make_folder(&inner)?;
        sync_folder(&layout.blobs())?;
        sync_folder(&outer)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(names);
        Ok(())
    }

    /// Forgets a folder that turned out to be missing.
    pub(crate) fn forget(&self, key: &BlobKey) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&folder_names(key));
    }
}
