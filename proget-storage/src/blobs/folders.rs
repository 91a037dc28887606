//! Directories that survive a power cut.
//!
//! A directory entry is durable once the directory that *holds* it has been synced. Asking "did I
//! create it?" is not enough: another process may have created the folder a moment ago and not
//! synced it yet. So each process syncs the way down to a folder once, whoever made it, and then
//! remembers that; after the first puts this costs nothing.

use super::layout::Layout;
use proget_core::blob::BlobKey;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The blob folders whose entry above them this process has synced.
#[derive(Debug, Default)]
pub(crate) struct DurableFolders {
    known: Mutex<Known>,
}

/// By the digest's first bytes, which are the folders' names; full paths would take megabytes.
#[derive(Debug, Default)]
struct Known {
    outer: BTreeSet<u8>,
    inner: BTreeSet<[u8; 2]>,
}

impl DurableFolders {
    /// Sees to it that the folder of `key` is there and will still be there after a power cut.
    ///
    /// Never creates `blobs/` itself: if that is missing, the disk has been unmounted, and what
    /// is written now would vanish under the next mount.
    pub(crate) fn ensure(&self, layout: &Layout, key: &BlobKey) -> io::Result<()> {
        match self.make(layout, key) {
            // Somebody has tidied up empty folders.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.forget(key);
                self.make(layout, key)
            }
            other => other,
        }
    }

    fn make(&self, layout: &Layout, key: &BlobKey) -> io::Result<()> {
        let [first, second, ..] = key.digest.0;
        if self.known().inner.contains(&[first, second]) {
            return Ok(());
        }
        let [outer, inner] = layout.folders(key);
        if !self.known().outer.contains(&first) {
            make_folder(&outer)?;
            sync_folder(&layout.blobs())?;
            self.known().outer.insert(first);
        }
        make_folder(&inner)?;
        sync_folder(&outer)?;
        self.known().inner.insert([first, second]);
        Ok(())
    }

    /// Forgets the folders of a key, one of which turned out to be missing.
    pub(crate) fn forget(&self, key: &BlobKey) {
        let [first, second, ..] = key.digest.0;
        let mut known = self.known();
        known.outer.remove(&first);
        known.inner.remove(&[first, second]);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::digest::Sha256;
    use std::fs::remove_dir_all;

    #[test]
    fn folders_that_were_tidied_away_are_made_again_but_a_missing_store_is_not() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path().to_owned());
        let (folders, key) = (DurableFolders::default(), BlobKey::fresh(Sha256::of(b"x")));
        let [outer, inner] = layout.folders(&key);
        make_folder(&layout.blobs()).unwrap();
        folders.ensure(&layout, &key).unwrap();
        assert!(inner.is_dir());

        let near = BlobKey::fresh(Sha256(
            [&key.digest.0[..1], &[!key.digest.0[1]; 31]].concat()[..].try_into().unwrap(),
        ));
        remove_dir_all(&outer).unwrap();
        folders.ensure(&layout, &near).unwrap();
        assert!(layout.folders(&near)[1].is_dir(), "the outer folder was known and is gone");

        remove_dir_all(layout.blobs()).unwrap();
        let far = BlobKey::fresh(Sha256::of(b"far"));
        assert_eq!(folders.ensure(&layout, &far).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!layout.blobs().exists());
    }
}
