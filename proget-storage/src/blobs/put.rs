//! Putting: the file is synced, then given its name without ever replacing another, then the folder
//! is synced. Only after that does `put` return.
//!
//! The name is given by a hard link, because the artifact must keep its own file until the publish
//! has committed. Where links do not work, a copy is renamed to its place, with the flag that
//! forbids replacing. Both leave exactly one winner among any number of processes.
//!
//! What surprised us: finding the blob already there is no excuse to skip the syncing. Another
//! process may have linked it a moment ago and not synced the folder yet; if we then let a row
//! point to it, and the power fails, the row points to nothing.

use super::error::{disk_error, failed, failed_object};
use super::folders::sync_folder;
use super::local::LocalStore;
use crate::staging::OwnedFile;
use object_store::{CopyMode, CopyOptions, ObjectStore as _};
use proget_core::artifact::Artifact;
use proget_core::blob::{BlobKey, Put, StoreError, StoreErrorKind};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

/// How a finished file gets its name without replacing another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publishing {
    /// By a hard link.
    Link,
    /// By renaming a copy, with `RENAME_NOREPLACE`.
    Rename,
}

/// How often a put begins anew because the blob it found was deleted the next moment.
const ATTEMPTS: usize = 3;
const COPY_BUFFER: usize = 256 << 10;

/// A synced file below the store's root that holds the artifact's bytes.
#[derive(Debug, Clone)]
enum Source {
    /// The artifact's own, in this root's scratch.
    Own,
    /// One made for this put; free to be renamed.
    Made(Arc<OwnedFile>),
}

/// What giving the name came to.
enum Named {
    Now,
    Occupied,
    /// This file cannot be linked to that place.
    Unlinkable,
}

impl LocalStore {
    pub(super) async fn put_artifact(&self, key: BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        let doing = || format!("putting blob {key}");
        for _ in 0..ATTEMPTS {
            let source = self.ready(key, artifact).await?;
            let named = match self.publishing() {
                Publishing::Link => self.link(key, artifact, &source).await?,
                Publishing::Rename => Named::Unlinkable,
            };
            let named = match named {
                Named::Unlinkable => self.rename_into_place(key, artifact, source).await?,
                other => other,
            };
            match named {
                Named::Now => return Ok(Put::Stored),
                Named::Occupied => {
                    if let Some(put) = self.found(key, artifact.size()).await? {
                        return Ok(put);
                    }
                }
                Named::Unlinkable => {
                    let message = "the file system gives this file no name without replacing another";
                    return Err(StoreError::new(StoreErrorKind::Unsupported, doing()).because(message));
                }
            }
        }
        let message = "the blob was deleted again each time it was found; two stores may share one directory";
        Err(StoreError::new(StoreErrorKind::Unavailable, doing()).because(message))
    }

    /// Prepares the folder, and a file below the root whose bytes are on the disk.
    ///
    /// A sync that fails is not tried again on the same file: the kernel may have dropped the
    /// pages and would report success. The caller gets the error and its upload ends.
    async fn ready(&self, key: BlobKey, artifact: &Artifact) -> Result<Source, StoreError> {
        let (store, artifact) = (self.clone(), artifact.clone());
        self.lane()
            .run("preparing a put", move || {
                let failed = |error| failed(format!("preparing blob {key}"), error);
                store.folders().ensure(store.layout(), &key).map_err(failed)?;
                let linkable = |path: &&Path| {
                    store.publishing() == Publishing::Link && store.layout().object(path).is_some()
                };
                match artifact.path().filter(linkable) {
                    Some(path) => {
                        let file = File::open(path).map_err(failed)?;
                        check_length(key, file.metadata().map_err(failed)?.len(), artifact.size())?;
                        file.sync_all().map_err(failed)?;
                        Ok(Source::Own)
                    }
                    None => store.bring(key, &artifact, Bring::LinkOrCopy).map(Source::Made),
                }
            })
            .await
    }

    /// Makes a synced file of this store's own from the artifact's bytes.
    fn bring(&self, key: BlobKey, artifact: &Artifact, how: Bring) -> Result<Arc<OwnedFile>, StoreError> {
        let failed = |error| failed(format!("copying blob {key} into the store"), error);
        let made = self.arriving().reserve();
        let linked = artifact.path().filter(|_| how == Bring::LinkOrCopy).is_some_and(|path| {
            // Any failure means: not on this file system, or not allowed. The copy will tell more.
            fs::hard_link(path, made.path()).is_ok()
        });
        let file = if linked { File::open(made.path()) } else { copy(artifact, &made) }.map_err(failed)?;
        check_length(key, file.metadata().map_err(failed)?.len(), artifact.size())?;
        file.sync_all().map_err(failed)?;
        Ok(Arc::new(made))
    }

    /// Links the file to its place; `object_store` syncs the folder after that.
    async fn link(&self, key: BlobKey, artifact: &Artifact, source: &Source) -> Result<Named, StoreError> {
        let from = match source {
            Source::Own => artifact.path(),
            Source::Made(file) => Some(file.path()),
        };
        let names = from
            .and_then(|from| self.layout().object(from))
            .zip(self.layout().object(&self.layout().blob(&key)));
        let Some((from, to)) = names else { return Ok(Named::Unlinkable) };
        let store = self.clone();
        let linked = async move {
            let create_only = CopyOptions::new().with_mode(CopyMode::Create);
            match store.disk().copy_opts(&from, &to, create_only).await {
                Ok(()) => Ok(Named::Now),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(Named::Occupied),
                Err(error) if disk_error(&error).is_some_and(is_link_impossible) => Ok(Named::Unlinkable),
                Err(error) => Err(failed_object(format!("linking blob {key} to its place"), error)),
            }
        };
        self.lane().attend("linking a blob to its place", linked).await
    }

    /// Renames a file of the store's own, made now if need be, and syncs the folder.
    async fn rename_into_place(
        &self,
        key: BlobKey,
        artifact: &Artifact,
        source: Source,
    ) -> Result<Named, StoreError> {
        let (store, artifact) = (self.clone(), artifact.clone());
        self.lane()
            .run("renaming a blob to its place", move || {
                let failed = |error| failed(format!("renaming blob {key} to its place"), error);
                // A file that has other names too cannot be renamed away from its owner; one that was
                // linked from elsewhere may not be linkable to its place, so the second time it is copied.
                let made = match source {
                    Source::Made(file) if store.publishing() == Publishing::Rename => file,
                    _ => store.bring(key, &artifact, Bring::Copy)?,
                };
                match rename_without_replacing(made.path(), &store.layout().blob(&key)) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Named::Occupied),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        store.folders().forget(&key);
                        return Err(failed(error));
                    }
                    Err(error) => return Err(failed(error)),
                }
                let [_, folder] = store.layout().folders(&key);
                sync_folder(&folder).map_err(failed)?;
                Ok(Named::Now)
            })
            .await
    }

    /// Judges a blob that was there before us; `None` if it has gone again.
    async fn found(&self, key: BlobKey, size: u64) -> Result<Option<Put>, StoreError> {
        let store = self.clone();
        self.lane()
            .run("looking at a blob that is there", move || {
                let Some(length) = store.length(&key)? else { return Ok(None) };
                check_length(key, length, size)?;
                let [_, folder] = store.layout().folders(&key);
                sync_folder(&folder)
                    .map_err(|error| failed(format!("syncing the folder of blob {key}"), error))?;
                Ok(Some(Put::AlreadyThere))
            })
            .await
    }
}

/// How a file from elsewhere comes below the root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bring {
    LinkOrCopy,
    Copy,
}

/// Copies in constant memory and gives the file, still to be synced.
fn copy(artifact: &Artifact, made: &OwnedFile) -> io::Result<File> {
    let mut from = artifact.open()?;
    let mut to = made.create()?;
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(to),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..read])?;
    }
}

fn check_length(key: BlobKey, found: u64, expected: u64) -> Result<(), StoreError> {
    if found == expected {
        return Ok(());
    }
    let doing = format!("putting blob {key} of {expected} bytes, of which {found} were found");
    Err(StoreError::new(StoreErrorKind::Corrupt, doing))
}

/// Renames; refused with `AlreadyExists` if something lies at `to`.
pub(super) fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Does the error say that these two places cannot be linked, rather than that something broke?
///
/// EINVAL is what some network shares answer, EPERM what FAT and the kernel's hard-link protection
/// answer, EMLINK a file with too many names already.
pub(super) fn is_link_impossible(error: &io::Error) -> bool {
    let impossible =
        [Errno::XDEV, Errno::PERM, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOSYS, Errno::INVAL, Errno::MLINK];
    error.raw_os_error().is_some_and(|raw| impossible.iter().any(|errno| errno.raw_os_error() == raw))
}

#[cfg(test)]
mod tests {
    //! File systems without hard links are rare where tests run, so here the other way of
    //! publishing is prescribed; everything after the choice is real.

    use super::*;
    use crate::Scratch;
    use crate::blobs::Lane;
    use proget_core::blob::{BlobStore as _, Staging as _};
    use proget_core::digest::{DigestSet, Sha256};

    async fn without_links(root: &Path) -> LocalStore {
        LocalStore::open_with(root.to_owned(), Some(Publishing::Rename), Lane::default()).await.unwrap()
    }

    #[tokio::test]
    async fn without_hard_links_bytes_are_copied_and_renamed_and_the_artifact_keeps_its_own() {
        let root = tempfile::tempdir().unwrap();
        let (store, scratch) = (without_links(root.path()).await, Scratch::open(root.path()).await.unwrap());
        let mut spool = scratch.begin(DigestSet::default()).await.unwrap();
        spool.write(vec![5; 600_000].into()).await.unwrap();
        let uploaded = spool.finish().await.unwrap();
        for artifact in [uploaded, Artifact::in_memory("small", DigestSet::default())] {
            let key = BlobKey::fresh(artifact.digests().sha256);
            assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::Stored);
            assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::AlreadyThere);
            assert!(artifact.open().is_ok(), "a lost race against a sweep means putting it again");
            let mut stored = Vec::new();
            File::open(store.layout().blob(&key)).unwrap().read_to_end(&mut stored).unwrap();
            assert_eq!(Sha256::of(&stored), key.digest);
            let other = Artifact::in_memory("other bytes", DigestSet::default());
            assert_eq!(store.put(&key, &other).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn without_hard_links_too_exactly_one_of_many_stores() {
        let root = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let artifact = Artifact::in_memory(vec![round; 20_000], DigestSet::default());
            let key = BlobKey::fresh(artifact.digests().sha256);
            let mut puts = Vec::new();
            for _ in 0..16 {
                let (store, artifact) = (without_links(root.path()).await, artifact.clone());
                puts.push(tokio::spawn(async move { store.put(&key, &artifact).await.unwrap() }));
            }
            let puts = futures::future::join_all(puts).await;
            let stored = puts.iter().filter(|put| matches!(put, Ok(Put::Stored))).count();
            assert_eq!(stored, 1, "round {round}: {puts:?}");
        }
    }

    #[test]
    fn only_what_no_retry_could_mend_counts_as_impossible_to_link() {
        let error = |errno: Errno| io::Error::from(errno);
        assert!(is_link_impossible(&error(Errno::XDEV)) && is_link_impossible(&error(Errno::PERM)));
        for errno in [Errno::ACCESS, Errno::EXIST, Errno::NOENT, Errno::NOSPC, Errno::IO, Errno::ROFS] {
            assert!(!is_link_impossible(&error(errno)), "{errno:?}");
        }
    }
}
