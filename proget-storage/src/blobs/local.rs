//! A package store in a directory: the seam's methods, each in a few lines over the files beside this one.

use super::error::{OpenError, failed, failed_object};
use super::folders::DurableFolders;
use super::lane::Lane;
use super::layout::Layout;
use super::medium::Medium;
use super::probe::{prepare_blobs, prepare_root, probe_publishing};
use super::put::Publishing;
use crate::staging::OwnedFolder;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStoreExt as _, path::Path as ObjectPath};
use proget_core::artifact::Artifact;
use proget_core::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, Put, StoreError, StoreErrorKind};
use proget_core::ids::Incarnation;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest note that is kept: a few hundred bytes are promised.
const LONGEST_NOTE: usize = 4096;

/// A package store in a directory of this machine, or of a mounted share.
///
/// Bytes lie in `<root>/blobs`, two folders deep, one file per digest and generation. A returned
/// put has synced the file and every folder above it. Several processes may use one directory.
///
/// # What depends on the file system
/// - Without hard links (FAT, some shares) each put copies the bytes once more.
/// - On `tmpfs` nothing is durable, and [`Abilities::durable`] says so.
/// - [`Abilities::shared`] is true on NFS, SMB, Ceph and their like, as the kernel names them.
#[derive(Debug, Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

/// When a blob went that was to be deleted.
enum Gone {
    Now,
    Before,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    disk: LocalFileSystem,
    folders: DurableFolders,
    arriving: Arc<OwnedFolder>,
    publishing: Publishing,
    abilities: Abilities,
    lane: Lane,
}

impl LocalStore {
    /// Opens the store in `root`, creating what is missing and trying what will be needed: writing,
    /// syncing, and publishing without replacing. Needs a Tokio runtime with a timer, then and later.
    ///
    /// # Errors
    /// If the directory cannot be used; the sentence names path and user, and what to do.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_with(root.into(), None, Lane::default()).await
    }

    /// The same with the way of publishing prescribed instead of probed, and another lane; for tests.
    pub(super) async fn open_with(
        root: PathBuf,
        prescribed: Option<Publishing>,
        lane: Lane,
    ) -> Result<Self, OpenError> {
        let named = root.clone();
        tokio::task::spawn_blocking(move || Self::open_now(&root, prescribed, lane))
            .await
            .map_err(|source| OpenError::BrokenOff { path: named, source })?
    }

    fn open_now(root: &Path, prescribed: Option<Publishing>, lane: Lane) -> Result<Self, OpenError> {
        let layout = prepare_root(root)?;
        prepare_blobs(&layout)?;
        let arriving = OwnedFolder::create(&layout.arriving(), Incarnation::random(), lane.clone())
            .map_err(|error| OpenError::not_writable(&layout.arriving(), "creating a folder", error))?;
        let probed = probe_publishing(&arriving)?;
        let publishing = prescribed.unwrap_or(probed);
        let medium = Medium::of(&layout.blobs());
        let disk = LocalFileSystem::new_with_prefix(layout.root())
            .map_err(|error| OpenError::MalformedAddress {
                address: layout.root().display().to_string(),
                reason: error.to_string(),
            })?
            .with_fsync(true);
        let abilities = Abilities { shared: medium == Medium::Share, durable: medium != Medium::Memory };
        tracing::debug!(root = %layout.root().display(), ?publishing, ?medium, "package store opened");
        let inner =
            Inner { layout, disk, folders: DurableFolders::default(), arriving, publishing, abilities, lane };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The directory, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.inner.layout.root()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    pub(super) fn disk(&self) -> &LocalFileSystem {
        &self.inner.disk
    }

    pub(super) fn folders(&self) -> &DurableFolders {
        &self.inner.folders
    }

    pub(super) fn arriving(&self) -> &Arc<OwnedFolder> {
        &self.inner.arriving
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.inner.lane
    }

    pub(super) fn publishing(&self) -> Publishing {
        self.inner.publishing
    }

    fn object(&self, path: &Path) -> Result<ObjectPath, StoreError> {
        // Paths that the layout builds lie below the root, so this is never met.
        let outside = || StoreError::new(StoreErrorKind::Other, format!("naming {}", path.display()));
        self.layout().object(path).ok_or_else(outside)
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file://{}", self.root().display())
    }
}

#[async_trait]
impl BlobStore for LocalStore {
    fn abilities(&self) -> Abilities {
        self.inner.abilities
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        self.put_artifact(*key, artifact).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        let (store, key) = (self.clone(), *key);
        self.lane().run("looking for a blob", move || store.length(&key)).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        self.read(*key, range).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        const DOING: &str = "deleting a blob";
        let place = self.object(&self.layout().blob(key))?;
        let (store, key) = (self.clone(), *key);
        let deleted = async move {
            match store.disk().delete(&place).await {
                Ok(()) => Ok(Gone::Now),
                Err(object_store::Error::NotFound { .. }) => Ok(Gone::Before),
                Err(error) => Err(failed_object(format!("deleting blob {key}"), error)),
            }
        };
        match self.lane().attend(DOING, deleted).await? {
            Gone::Now => Ok(()),
            Gone::Before => {
                let store = self.clone();
                self.lane().run(DOING, move || store.check_presence(|| format!("deleting blob {key}"))).await
            }
        }
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        self.heads()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        const DOING: &str = "reading the store's note";
        let store = self.clone();
        self.lane()
            .run(DOING, move || match fs::read(store.layout().witness()) {
                Ok(note) => Ok(Some(note.into())),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    store.check_presence(|| DOING.to_owned()).map(|()| None)
                }
                Err(error) => Err(failed(DOING, error)),
            })
            .await
    }

    /// Written beside, synced, and renamed over the old one, so that a reader finds one or the other.
    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        const DOING: &str = "writing the store's note";
        if note.len() > LONGEST_NOTE {
            let doing = format!("{DOING}, which may have {LONGEST_NOTE} bytes at most");
            return Err(StoreError::new(StoreErrorKind::TooLarge, doing));
        }
        let made = self.arriving().reserve();
        let from = self.object(made.path())?;
        let made = self
            .lane()
            .run(DOING, move || {
                let written = made.create().and_then(|mut file| {
                    file.write_all(&note)?;
                    file.sync_all()
                });
                written.map(|()| made).map_err(|error| failed(DOING, error))
            })
            .await?;
        let to = self.object(&self.layout().witness())?;
        let store = self.clone();
        let renamed = async move {
            let renamed = store.disk().rename(&from, &to).await.map_err(|error| failed_object(DOING, error));
            drop(made);
            renamed
        };
        self.lane().attend(DOING, renamed).await
    }
}
