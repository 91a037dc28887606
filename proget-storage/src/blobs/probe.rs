//! What is tried when a directory is opened, so that a bad disk is found before the first upload.
//!
//! What a file system can do is learnt by doing it, not by its name: the same NFS may or may not
//! have hard links, depending on the server behind it.

use super::error::{OpenError, acting_user};
use super::folders::{create_durably, make_folder, sync_folder};
use super::layout::Layout;
use super::put::{Publishing, is_link_impossible, rename_without_replacing};
use crate::staging::OwnedFolder;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

/// Sees to it that the root is there, also after a power cut, and learns its real path.
pub(crate) fn prepare_root(root: &Path) -> Result<Layout, OpenError> {
    let not_created = |source| OpenError::NotCreated { path: root.to_owned(), user: acting_user(), source };
    let absolute = std::path::absolute(root).map_err(not_created)?;
    match fs::metadata(&absolute) {
        Ok(found) if !found.is_dir() => return Err(OpenError::NotADirectory { path: root.to_owned() }),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(not_created(error)),
        _ => create_durably(&absolute).map_err(not_created)?,
    }
    Ok(Layout::new(fs::canonicalize(&absolute).map_err(not_created)?))
}

/// Creates a folder directly below something that is there; tells the operator if that fails.
pub(crate) fn prepare_folder(path: &Path) -> Result<(), OpenError> {
    make_folder(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::not_writable(path, "creating it", error)
        }
        _ => OpenError::NotCreated { path: path.to_owned(), user: acting_user(), source: error },
    })?;
    if path.is_dir() { Ok(()) } else { Err(OpenError::NotADirectory { path: path.to_owned() }) }
}

/// Creates the folders of a package store and makes them durable.
pub(super) fn prepare_blobs(layout: &Layout) -> Result<(), OpenError> {
    let blobs = layout.blobs();
    prepare_folder(&blobs)?;
    prepare_folder(&layout.arriving())?;
    for folder in [layout.root(), &blobs] {
        sync_folder(folder)
            .map_err(|error| OpenError::not_writable(folder, "syncing it to the disk", error))?;
    }
    Ok(())
}

/// Writes, syncs, links and removes a file in `folder`; tells how files can be published from there.
pub(super) fn probe_publishing(folder: &Arc<OwnedFolder>) -> Result<Publishing, OpenError> {
    let at = folder.path();
    let step = |doing| move |error| OpenError::not_writable(at, doing, error);
    let first = folder.reserve();
    let mut file = first.create().map_err(step("creating a file"))?;
    file.write_all(b"probe").map_err(step("writing a file"))?;
    file.sync_all().map_err(step("syncing a file to the disk"))?;
    sync_folder(at).map_err(step("syncing a directory to the disk"))?;

    let second = folder.reserve();
    match fs::hard_link(first.path(), second.path()) {
        // The second time it must be refused, or it would not protect what is there.
        Ok(()) => match fs::hard_link(first.path(), second.path()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Publishing::Link),
            Err(error) => return Err(step("linking a file")(error)),
            Ok(()) => {}
        },
        Err(error) if is_link_impossible(&error) => {}
        Err(error) => return Err(step("linking a file")(error)),
    }

    let no_publish = |source| OpenError::NoExclusivePublish { path: at.to_owned(), source };
    let third = folder.reserve();
    rename_without_replacing(first.path(), third.path()).map_err(no_publish)?;
    first.create().map_err(step("creating a file"))?;
    match rename_without_replacing(first.path(), third.path()) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Publishing::Rename),
        Err(error) => Err(no_publish(error)),
        Ok(()) => Err(no_publish(io::Error::other("a file was replaced although that was forbidden"))),
    }
}
