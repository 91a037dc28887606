//! A folder that belongs to one running process, and files in it that vanish when dropped.
//!
//! The folder holds a file `lock`, locked as long as the process lives: the kernel gives a lock back
//! however a process ends, so a lock that can be taken is proof of death – on the same machine. In
//! the lock file stands which boot of which machine that is, because on some network shares locks
//! are not seen by other machines.

use crate::blobs::Lane;
use proget_core::ids::{Incarnation, UploadId};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the lock file; no upload id looks like it.
pub(super) const LOCK: &str = "lock";

/// Tells this boot of this machine from all others; `None` where the kernel does not say.
pub(super) fn this_boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A folder `<base>/<incarnation>` that no living process but this one uses.
#[derive(Debug)]
pub(crate) struct OwnedFolder {
    path: PathBuf,
    /// Kept open, because closing it gives the lock back.
    lock: File,
    /// That of the directory around it, in which its files are unlinked too.
    lane: Lane,
}

impl OwnedFolder {
    /// Creates the folder under `base`, which must be there, and locks it.
    ///
    /// # Errors
    /// Whatever the disk says; `AlreadyExists` if a folder of this incarnation is there.
    pub(crate) fn create(base: &Path, incarnation: Incarnation, lane: Lane) -> io::Result<Arc<Self>> {
        let path = base.join(incarnation.to_string());
        fs::create_dir(&path)?;
        let mut lock = OpenOptions::new().write(true).create_new(true).open(path.join(LOCK))?;
        match lock.lock() {
            // Only with the lock held do we claim the folder: a sweep that reads an empty lock file
            // in between goes by age instead.
            Ok(()) => lock.write_all(this_boot().unwrap_or_default().as_bytes())?,
            Err(error) if has_no_locks(&error) => {
                tracing::warn!(folder = %path.display(), "no file locks here: leftovers are swept by age only");
            }
            Err(error) => return Err(error),
        }
        Ok(Arc::new(Self { path, lock, lane }))
    }

    /// A name for a new file; nothing is on the disk before [`OwnedFile::create`].
    pub(crate) fn reserve(self: &Arc<Self>) -> OwnedFile {
        let path = self.path.join(UploadId::random().to_string());
        OwnedFile { unlink: Some(Unlink { path, folder: Arc::clone(self) }) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// In which all work on its files is done.
    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }
}

/// An orderly end leaves nothing; after any other end the next sweep finds the folder.
impl Drop for OwnedFolder {
    fn drop(&mut self) {
        let gone = fs::remove_file(self.path.join(LOCK)).and_then(|()| fs::remove_dir(&self.path));
        if let Err(error) = gone
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.path.display(), %error, "could not remove a scratch folder");
        }
        // Given back last, so that nobody takes the folder for a dead one while it is emptied.
        let _ = self.lock.unlock();
    }
}

/// Does this file system know no locks at all?
pub(super) fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported
        || error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error())
}

/// A file that is unlinked when this is dropped, whether or not it was ever created.
#[derive(Debug)]
pub(crate) struct OwnedFile {
    /// Always there until the drop takes it.
    unlink: Option<Unlink>,
}

impl OwnedFile {
    /// Creates the file for writing.
    ///
    /// # Errors
    /// Whatever the disk says; never opens a file that is there.
    pub(crate) fn create(&self) -> io::Result<File> {
        let create = || OpenOptions::new().write(true).create_new(true).open(self.path());
        match (create(), self.path().parent()) {
            // A sweep by age on a share without locks may have taken an idle folder away.
            (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir(folder)?;
                create()
            }
            (other, _) => other,
        }
    }

    /// Where the file lies.
    pub(crate) fn path(&self) -> &Path {
        self.unlink.as_ref().map_or(Path::new(""), |unlink| &unlink.path)
    }
}

/// Unlinking a large file can take long, so inside a runtime it is left to a blocking thread. If
/// the runtime is going down it drops the closure unrun, and with it `Unlink`, whose own drop does
/// the work on the spot: either way the file goes.
impl Drop for OwnedFile {
    fn drop(&mut self) {
        let Some(unlink) = self.unlink.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let lane = unlink.folder.lane.clone();
            lane.tidy(&runtime, move || drop(unlink));
        }
    }
}

#[derive(Debug)]
struct Unlink {
    path: PathBuf,
    /// The folder must outlive its files, or it could not be removed.
    folder: Arc<OwnedFolder>,
}

impl Drop for Unlink {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(file = %self.path.display(), %error, "could not remove a scratch file");
        }
    }
}
