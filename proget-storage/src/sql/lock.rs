//! The owner's lock on a SQLite file, and the identity that lies in it.
//!
//! A file beside the database (`<database>.lock`) is locked by the operating system for as long
//! as the catalogue is open, so a second server is refused and a killed one leaves nothing behind
//! that must be cleared up. In it lies a random identity. It is not in the database, so a copy of
//! the database, or one restored from a backup, has another: the sweep then stops deleting until
//! an operator confirms. Whoever deletes the file while no server runs gets the same question.

use super::error::OpenError;
use crate::blobs::create_durably;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Held for as long as the database is ours.
#[derive(Debug)]
pub(super) struct OwnerLock {
    /// Kept open: closing it gives the lock back.
    _file: File,
    pub(super) identity: Uuid,
}

impl OwnerLock {
    /// Takes the lock, or says that somebody else has it. Creates the directory if need be.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: database.to_owned(), source };
        if let Some(directory) = database.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            create_durably(directory).map_err(failed)?;
        }
        // SQLite follows symbolic links, so the lock must: one file has one owner under all its names.
        let real = match database.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => database.to_owned(),
            other => other.map_err(failed)?,
        };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(beside(&real));
        let mut file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: database.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let identity = read_or_write_identity(&mut file).map_err(failed)?;
        Ok(Self { _file: file, identity })
    }
}

fn read_or_write_identity(file: &mut File) -> io::Result<Uuid> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if let Ok(identity) = text.trim().parse() {
        return Ok(identity);
    }
    let identity = Uuid::new_v4();
    file.rewind()?;
    file.set_len(0)?;
    writeln!(file, "{}", identity.simple())?;
    file.sync_all()?;
    Ok(identity)
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::opened_in;

    #[test]
    fn a_directory_made_for_the_database_is_synced_and_so_is_the_one_above() {
        let above = tempfile::tempdir().unwrap();
        let opened = opened_in(above.path(), || {
            OwnerLock::take(&above.path().join("new/below/catalogue.db")).unwrap();
        });
        assert!(opened.contains("") && opened.contains("new"), "only {opened:?} was opened");
    }
}
