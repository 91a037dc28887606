//! The staging area on this node's disk.

use super::folder::OwnedFolder;
use super::spool::FileSpool;
use super::sweep::sweep;
use crate::blobs::{Lane, Layout, OpenError, failed, prepare_folder, prepare_root};
use async_trait::async_trait;
use proget_core::blob::{Leftovers, Spool, Staging, StoreError};
use proget_core::digest::DigestSet;
use proget_core::ids::Incarnation;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a folder whose owner cannot be asked must have been still: 24 hours.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Uploads on their way in, under `<root>/scratch`.
///
/// Give it the root of the [`LocalStore`](crate::LocalStore) into which the uploads go: accepting
/// one is then a hard link and no copy. Any other directory works too, at the price of a copy.
///
/// Several processes may use one root. Each has a folder of its own and locks it; [`sweep`]
/// removes the folders of processes that were killed. On one machine the lock alone decides. For
/// a root on a network share, where locks of other machines may be invisible (NFS mounted with
/// `nolock` or `local_lock`, SMB mounted with `nobrl`), a folder made by another machine must also
/// have been still for 24 hours by the share's own clock; an upload that waits longer than that on
/// such a share may be lost, and its client is told so.
///
/// [`sweep`]: Staging::sweep
#[derive(Debug, Clone)]
pub struct Scratch {
    layout: Layout,
    own: Arc<OwnedFolder>,
    patience: Duration,
}

impl Scratch {
    /// Opens the scratch directory of `root`, creating both if need be, for a process that has no
    /// incarnation of its own.
    ///
    /// # Errors
    /// If the directory cannot be created or written; the sentence says what to do.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_as(root, Incarnation::random()).await
    }

    /// The same for a node: its incarnation names its folder, so that leftovers tell whose they are.
    ///
    /// # Errors
    /// As for [`open`](Self::open); also if this incarnation has opened this root before.
    pub async fn open_as(root: impl Into<PathBuf>, incarnation: Incarnation) -> Result<Self, OpenError> {
        let root = root.into();
        let named = root.clone();
        let work = move || {
            let layout = prepare_root(&root)?;
            prepare_folder(&layout.scratch())?;
            let own = OwnedFolder::create(&layout.scratch(), incarnation, Lane::default())
                .map_err(|error| OpenError::not_writable(&layout.scratch(), "creating a folder", error))?;
            Ok(Self { layout, own, patience: PATIENCE })
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|source| OpenError::BrokenOff { path: named, source })?
    }

    /// Changes how long a folder must have been still whose owner cannot be asked; 24 hours unless set.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl fmt::Display for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scratch directory {}", self.layout.scratch().display())
    }
}

#[async_trait]
impl Staging for Scratch {
    async fn begin(&self, wanted: DigestSet) -> Result<Box<dyn Spool>, StoreError> {
        Ok(Box::new(FileSpool::new(self.own.reserve(), wanted, self.own.lane().clone())))
    }

    /// Also sweeps what a killed process was just copying into the store of the same root.
    async fn sweep(&self) -> Result<Leftovers, StoreError> {
        const DOING: &str = "sweeping left-over uploads";
        let scratch = self.clone();
        self.own
            .lane()
            .run(DOING, move || {
                let mut found = Leftovers::default();
                for base in [scratch.layout.scratch(), scratch.layout.arriving()] {
                    let here =
                        sweep(&scratch.own, &base, scratch.patience).map_err(|error| failed(DOING, error))?;
                    found.removed += here.removed;
                    found.bytes += here.bytes;
                }
                Ok(found)
            })
            .await
    }
}
