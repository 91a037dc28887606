//! Where the socket is, and a way round the shortness of socket addresses: a path of more than
//! about a hundred bytes cannot be bound or connected to, so a longer one is named through an open
//! handle of its directory.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// Longest path that fits into a socket address, with room for its end (`sun_path` has 108 bytes).
const LONGEST: usize = 100;

/// The control socket of a data directory.
pub(super) fn socket_in(data_dir: &Path) -> PathBuf {
    data_dir.join("proget.sock")
}

/// A name of a path that is short enough, for as long as this is held.
pub(super) struct Short {
    path: PathBuf,
    _directory: Option<File>,
}

impl Short {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

pub(super) fn short(path: &Path) -> io::Result<Short> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.as_os_str().len() > LONGEST => {
            let directory = File::open(parent)?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
            Ok(Short { path, _directory: Some(directory) })
        }
        _ => Ok(Short { path: path.to_owned(), _directory: None }),
    }
}
