//! Errors of disks in the words of the seam, and the errors of opening a store.
//!
//! The surprise is in `NotFound`: for a reader it may mean "this blob is not there" or "the disk has
//! been unmounted and nothing is there". Only the caller can tell the two apart (see `read`), so
//! here a missing path counts as a store that cannot be reached.

use proget_core::blob::{StoreError, StoreErrorKind};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// A package store or a scratch directory could not be opened; each sentence is for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address has a scheme that this program does not speak.
    #[error(
        "package store address with scheme '{scheme}': supported are directories, written \
         file:///srv/packages or as a plain path, and buckets: s3:// and az://"
    )]
    UnsupportedScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The address cannot be read.
    #[error("package store address {address:?}: {reason}; write file:///srv/packages or a plain path")]
    MalformedAddress {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address of a bucket cannot be read.
    #[error("package store address with scheme '{scheme}': {reason}; write {example}")]
    MalformedBucket {
        /// What stands before the colon.
        scheme: &'static str,
        /// What is wrong with it.
        reason: String,
        /// How one looks.
        example: &'static str,
    },
    /// The credentials for a bucket cannot be read.
    #[error("cannot reach the package store {name}: {reason}")]
    Credentials {
        /// Which store.
        name: String,
        /// What is wrong with them.
        reason: String,
    },
    /// What is set for a bucket does not suffice to reach it.
    #[error("cannot reach the package store {name}: its address and credentials do not suffice: {reason}")]
    NoClient {
        /// Which store.
        name: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// A bucket cannot be used.
    #[error(
        "cannot use the package store {name}; check its address, and that these credentials may read, write, \
         list and delete there"
    )]
    Unusable {
        /// Which store.
        name: String,
        /// What was tried, and what failed.
        source: StoreError,
    },
    /// The directory is not there and cannot be created.
    #[error("cannot create the directory {} as user {user}; create it, or give that user the right", path.display())]
    NotCreated {
        /// Which directory.
        path: PathBuf,
        /// Who tried.
        user: String,
        /// Why not.
        source: io::Error,
    },
    /// There is something under this path, but not a directory.
    #[error("{} is not a directory; name a directory, or remove what is there", path.display())]
    NotADirectory {
        /// Which path.
        path: PathBuf,
    },
    /// Files cannot be written, synced or removed there.
    #[error(
        "cannot keep files in the directory {} as user {user}: {doing} failed; let that user write there, \
         or name another directory", path.display()
    )]
    NotWritable {
        /// Which directory.
        path: PathBuf,
        /// Who tried.
        user: String,
        /// The step that failed.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file system offers no way to publish a file without ever overwriting another.
    #[error(
        "the file system of {} offers neither hard links nor renaming without replacing, one of which is \
         needed so that no package is ever overwritten; use another file system", path.display()
    )]
    NoExclusivePublish {
        /// Which directory.
        path: PathBuf,
        /// What the second of the two attempts said.
        source: io::Error,
    },
    /// The worker that looks at the disk did not come back.
    #[error("looking at the directory {} was broken off", path.display())]
    BrokenOff {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: tokio::task::JoinError,
    },
}

/// What the caller can do about an error of the disk.
pub(crate) fn kind_of(cause: &io::Error) -> StoreErrorKind {
    use io::ErrorKind as Io;
    let table_full = [rustix::io::Errno::MFILE.raw_os_error(), rustix::io::Errno::NFILE.raw_os_error()];
    match cause.kind() {
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => StoreErrorKind::Full,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => StoreErrorKind::Denied,
        Io::UnexpectedEof => StoreErrorKind::Corrupt,
        Io::Unsupported => StoreErrorKind::Unsupported,
        Io::NotFound
        | Io::TimedOut
        | Io::Interrupted
        | Io::ResourceBusy
        | Io::NotConnected
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown
        | Io::StaleNetworkFileHandle => StoreErrorKind::Unavailable,
        _ if cause.raw_os_error().is_some_and(|raw| table_full.contains(&raw)) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Other,
    }
}

/// A failed operation on the disk.
pub(crate) fn failed(doing: impl Into<String>, cause: io::Error) -> StoreError {
    StoreError::new(kind_of(&cause), doing).because(cause)
}

/// A failed operation of `object_store`, whose kinds are coarser than those of the disk under it.
pub(crate) fn failed_object(doing: impl Into<String>, cause: object_store::Error) -> StoreError {
    let kind = disk_error(&cause).map_or(StoreErrorKind::Other, kind_of);
    StoreError::new(kind, doing).because(cause)
}

/// The disk's own error at the end of the chain, if there is one.
pub(crate) fn disk_error(error: &object_store::Error) -> Option<&io::Error> {
    let mut link: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = link {
        if let Some(found) = current.downcast_ref::<io::Error>() {
            return Some(found);
        }
        link = current.source();
    }
    None
}

/// The user this process acts as, as an operator would name it.
pub(crate) fn acting_user() -> String {
    let id = rustix::process::geteuid().as_raw();
    let names = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = names.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    named.map_or_else(|| id.to_string(), |name| format!("{name} ({id})"))
}

impl OpenError {
    pub(crate) fn not_writable(path: &std::path::Path, doing: &'static str, source: io::Error) -> Self {
        Self::NotWritable { path: path.to_owned(), user: acting_user(), doing, source }
    }
}
