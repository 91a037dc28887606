//! Removing what killed processes left behind, and nothing else.
//!
//! A folder's owner counts as dead if its lock can be taken and the lock was made under this very
//! kernel. In all other cases – an owner on another machine, before the last boot, or on a share
//! without locks – nothing in the folder may have changed for a day as well, measured between two
//! times that the *store* gave: that of the newest file and that of one written just now. The
//! clock of this machine plays no part.

use super::folder::{LOCK, OwnedFolder, has_no_locks, this_boot};
use proget_core::blob::Leftovers;
use proget_core::ids::{Incarnation, UploadId};
use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How the names of files begin that are written only to learn the time.
const NOW: &str = "now-";

/// What a folder's lock says about its owner.
enum Owner {
    /// Holds the lock.
    Alive,
    /// Ran under this kernel and holds nothing any more. The lock is ours until this is dropped.
    Dead(#[expect(dead_code, reason = "kept open to keep the lock")] File),
    /// Cannot be told by the lock alone.
    Unknown(#[expect(dead_code, reason = "kept open to keep the lock")] Option<File>),
}

/// Sweeps the folders under the parent of `own`, which is left alone.
///
/// # Errors
/// Whatever the disk says; what had been removed by then stays removed.
pub(super) fn sweep(own: &Arc<OwnedFolder>, base: &Path, patience: Duration) -> io::Result<Leftovers> {
    let mut found = Leftovers::default();
    let mut now = None;
    let entries = match fs::read_dir(base) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(NOW) {
            // Only its age was wanted, and whoever wrote it has it open.
            unless_gone(fs::remove_file(&path))?;
            continue;
        }
        // A foreign folder is not ours to remove, whatever lies in it.
        let is_folder = entry.file_type()?.is_dir() && is_incarnation(&entry.file_name().to_string_lossy());
        if !is_folder || path == own.path() {
            continue;
        }
        let owner = match owner_of(&path)? {
            Owner::Alive => continue,
            owner => owner,
        };
        if matches!(owner, Owner::Unknown(_)) {
            let now = match now {
                Some(now) => now,
                None => *now.insert(time_of_the_store(base)?),
            };
            if newest_change(&path)?.is_none_or(|changed| changed + patience > now) {
                continue;
            }
        }
        remove_folder(&path, &mut found)?;
        drop(owner);
    }
    Ok(found)
}

fn is_incarnation(name: &str) -> bool {
    uuid::Uuid::try_parse(name).is_ok_and(|id| Incarnation(id).to_string() == name)
}

fn owner_of(folder: &Path) -> io::Result<Owner> {
    let path = folder.join(LOCK);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Owner::Unknown(None)),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Owner::Alive),
        Err(TryLockError::Error(error)) if has_no_locks(&error) => return Ok(Owner::Unknown(None)),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Read only now: an owner writes it while it holds the lock.
    let boot = fs::read_to_string(&path)?;
    let same = this_boot().is_some_and(|this| this == boot.trim());
    Ok(if same { Owner::Dead(lock) } else { Owner::Unknown(Some(lock)) })
}

/// The time by the clock of whatever keeps the files under `base`. Nothing is written into the
/// file: a share's client stamps what it has not sent yet with the time of this machine.
fn time_of_the_store(base: &Path) -> io::Result<SystemTime> {
    let path = base.join(format!("{NOW}{}", UploadId::random()));
    let time = File::create_new(&path)?.metadata()?.modified();
    unless_gone(fs::remove_file(&path))?;
    time
}

/// When something in the folder changed last; `None` if the folder went away meanwhile.
fn newest_change(folder: &Path) -> io::Result<Option<SystemTime>> {
    let Some(own) = unless_gone(fs::metadata(folder))? else { return Ok(None) };
    let mut newest = own.modified()?;
    let Some(entries) = unless_gone(fs::read_dir(folder))? else { return Ok(None) };
    for entry in entries {
        if let Some(metadata) = unless_gone(entry?.metadata())? {
            newest = newest.max(metadata.modified()?);
        }
    }
    Ok(Some(newest))
}

/// Removes the folder's files, the lock last, then the folder. Another sweep may do the same.
fn remove_folder(folder: &Path, found: &mut Leftovers) -> io::Result<()> {
    let Some(entries) = unless_gone(fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        let Some(metadata) = unless_gone(entry.metadata())?.filter(Metadata::is_file) else { continue };
        if unless_gone(fs::remove_file(entry.path()))?.is_some() {
            found.removed += 1;
            found.bytes += metadata.len();
        }
    }
    unless_gone(fs::remove_file(folder.join(LOCK)))?;
    match unless_gone(fs::remove_dir(folder)) {
        // Something that is not ours lies in there, or its owner came back: it stays.
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other.map(drop),
    }
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
