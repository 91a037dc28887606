//! Directories that survive a power cut.
//!
//! A directory entry is durable once the directory that *holds* it has been synced. Asking "did I
//! create it?" is not enough: another process may have created the folder a moment ago and not
//! synced it yet. So each process syncs the way down to a folder once, whoever made it, and then
//! remembers that; after the first puts this costs nothing. Directories that are prepared once, at
//! start, have [`create_durably`].

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

/// Creates a directory with all that is missing above it, and makes every new name durable.
///
/// A directory that is there has its own name made durable all the same: whoever created it may not
/// have come to that. For that one sync alone it is no error if the directory above cannot be opened
/// or synced by this user, or is of a kind that knows no syncing: that is how some directories are given.
///
/// # Errors
/// Whatever the disk says; also if something else than a directory has that name.
pub fn create_durably(path: &Path) -> io::Result<()> {
    create_with(path, &mut sync_folder)
}

fn create_with(path: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(&path)?;
    for created in &missing {
        sync(created)?;
    }
    if let Some(above) = missing.last().and_then(|created| created.parent()) {
        return sync(above);
    }
    match fs::canonicalize(&path)?.parent().map_or(Ok(()), sync) {
        Err(error) if is_out_of_reach(&error) => {
            tracing::debug!(path = %path.display(), %error, "the directory above cannot be synced");
            Ok(())
        }
        other => other,
    }
}

/// Does the error say that syncing is not for us to do, rather than that it failed?
fn is_out_of_reach(error: &io::Error) -> bool {
    use ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | InvalidInput | Unsupported)
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

/// What is opened in `folder` during `work`: the names of entries, and "" for the folder itself.
/// Making a directory or looking at it opens nothing, so that a folder was opened tells that it was
/// synced.
#[cfg(test)]
pub(crate) fn opened_in(folder: &Path, work: impl FnOnce()) -> BTreeSet<String> {
    use rustix::fs::inotify;
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let watch = inotify::init(flags).unwrap();
    inotify::add_watch(&watch, folder, inotify::WatchFlags::OPEN).unwrap();
    work();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    let mut names = BTreeSet::new();
    while let Ok(event) = events.next() {
        names.insert(event.file_name().unwrap_or_default().to_str().unwrap().to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::probe::prepare_root;
    use super::*;
    use proget_core::digest::Sha256;
    use std::fs::remove_dir_all;
    use std::path::PathBuf;

    #[test]
    fn every_new_level_and_the_one_above_are_synced_and_for_an_old_directory_the_one_above() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let deep = root.join("one/two/three");
        let synced = |path: &Path| {
            let mut synced = Vec::new();
            let mut note = |path: &Path| {
                assert!(path.is_dir());
                synced.push(path.to_owned());
                Ok(())
            };
            create_with(path, &mut note).unwrap();
            synced
        };
        let expected: Vec<PathBuf> = deep.ancestors().take(4).map(Path::to_owned).collect();
        assert_eq!(synced(&deep), expected);
        assert_eq!(synced(&deep), [root.join("one/two")]);
        assert_eq!(synced(&root.join("one/beside")), [root.join("one/beside"), root.join("one")]);
        fs::write(root.join("file"), "").unwrap();
        assert!(create_durably(&root.join("file")).is_err());
        create_durably(&deep).unwrap();
    }

    #[test]
    fn only_above_an_old_directory_a_sync_may_be_denied_and_none_may_fail() {
        let root = tempfile::tempdir().unwrap();
        let old = root.path().join("old");
        fs::create_dir(&old).unwrap();
        let create = |path: &Path, kind: ErrorKind| create_with(path, &mut |_| Err(kind.into()));
        create(&old, ErrorKind::PermissionDenied).unwrap();
        assert!(create(&old, ErrorKind::Other).is_err());
        assert!(create(&root.path().join("new"), ErrorKind::PermissionDenied).is_err());
    }

    #[test]
    fn a_root_that_is_there_has_its_name_synced_too() {
        let above = tempfile::tempdir().unwrap();
        let root = above.path().join("root");
        fs::create_dir(&root).unwrap();
        let opened = opened_in(above.path(), || {
            prepare_root(&root).unwrap();
        });
        assert!(opened.contains(""), "the directory above was not synced, only {opened:?} was opened");
    }

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
