//! A catalogue in trouble.

use crate::blob::BlobKey;
use crate::catalog::roles::for_reading_roles;
use crate::catalog::*;
use crate::digest::Sha256;
use crate::feed::{Feed, FeedName, StoreName};
use crate::ids::{BlobId, ChangeId, FeedId, FileId, JobId, Stamp, UserId};
use crate::package::{FileRef, Fragment, NameKey, VersionKey};
use async_trait::async_trait;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a commit does instead of committing: it gets the catalogue behind and the set.
pub type Tampering = Box<
    dyn Fn(Arc<dyn Catalog>, ChangeSet) -> BoxFuture<'static, Result<Committed, CatalogError>> + Send + Sync,
>;

/// What a read of stamps does instead of reading them: it gets the catalogue behind and the questions.
pub type StampTampering = Box<
    dyn Fn(Arc<dyn Catalog>, Vec<StampOf>) -> BoxFuture<'static, Result<Vec<Option<Stamp>>, CatalogError>>
        + Send
        + Sync,
>;

enum NextCommit {
    /// Refuses without doing anything.
    Refuse(Conflict),
    /// Commits and does not say so.
    LoseAnswer,
}

/// A catalogue that can go away, refuse, lose answers, or commit something else than it was told.
pub struct FaultyCatalog {
    inner: Arc<dyn Catalog>,
    away: AtomicBool,
    next: Mutex<VecDeque<NextCommit>>,
    tampering: Option<Tampering>,
    stamp_tampering: Option<StampTampering>,
    conceited: bool,
    stamps: futures::lock::Mutex<()>,
    stamp_reads: AtomicU64,
}

impl FaultyCatalog {
    /// A catalogue without faults as yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Catalog>) -> Self {
        Self {
            inner,
            away: AtomicBool::new(false),
            next: Mutex::default(),
            tampering: None,
            stamp_tampering: None,
            conceited: false,
            stamps: futures::lock::Mutex::new(()),
            stamp_reads: AtomicU64::new(0),
        }
    }

    /// One that commits in this way instead: the liars by which a suite is tested.
    #[must_use]
    pub fn tampered(inner: Arc<dyn Catalog>, tampering: Tampering) -> Self {
        Self { tampering: Some(tampering), ..Self::new(inner) }
    }

    /// One that answers for stamps in this way instead: with the check switched off, whoever reads
    /// through it must be caught showing what is old.
    #[must_use]
    pub fn with_stamps_by(inner: Arc<dyn Catalog>, tampering: StampTampering) -> Self {
        Self { stamp_tampering: Some(tampering), ..Self::new(inner) }
    }

    /// One that claims that nobody but this process can change it, whether that is so or not.
    #[must_use]
    pub fn conceited(inner: Arc<dyn Catalog>) -> Self {
        Self { conceited: true, ..Self::new(inner) }
    }

    /// From now on every call fails with `Unavailable`.
    pub fn go_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }

    /// Calls reach the catalogue again.
    pub fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }

    /// The next commit is refused and does nothing; several wait their turn.
    pub fn refuse_next(&self, conflict: Conflict) {
        crate::memory::lock(&self.next).push_back(NextCommit::Refuse(conflict));
    }

    /// The next commit happens, and its answer is lost.
    pub fn lose_next_answer(&self) {
        crate::memory::lock(&self.next).push_back(NextCommit::LoseAnswer);
    }

    /// While this is held, reads of stamps have begun but do not come to their end.
    pub async fn hold_stamp_reads(&self) -> futures::lock::MutexGuard<'_, ()> {
        self.stamps.lock().await
    }

    /// How many reads of stamps have begun.
    pub fn stamp_reads(&self) -> u64 {
        self.stamp_reads.load(Ordering::SeqCst)
    }

    fn reach(&self) -> Result<&dyn Catalog, CatalogError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(CatalogError::Unavailable { doing: "using a catalogue with faults", source: None });
        }
        Ok(self.inner.as_ref())
    }
}

impl fmt::Debug for FaultyCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyCatalog").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Display for FaultyCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with faults", self.inner)
    }
}

#[async_trait]
impl Catalog for FaultyCatalog {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError> {
        self.reach()?;
        let next = crate::memory::lock(&self.next).pop_front();
        if let Some(NextCommit::Refuse(conflict)) = next {
            return Err(conflict.into());
        }
        let committed = match &self.tampering {
            Some(tampering) => tampering(Arc::clone(&self.inner), changes).await,
            None => self.inner.commit(changes).await,
        }?;
        match next {
            Some(NextCommit::LoseAnswer) => Err(CatalogError::OutcomeUnknown {
                doing: "committing to a catalogue with faults",
                source: None,
            }),
            _ => Ok(committed),
        }
    }

    fn is_exclusive(&self) -> bool {
        self.conceited || self.inner.is_exclusive()
    }

    async fn ping(&self) -> Result<(), CatalogError> {
        self.reach()?.ping().await
    }
}

/// Writes a reading role whose methods reach the catalogue behind, or do not.
macro_rules! passed_on {
    ($($role:ident { $(fn $name:ident($($arg:ident: $of:ty),*) -> $gives:ty;)* })*) => {$(
        #[async_trait]
        impl $role for FaultyCatalog {
            $(async fn $name(&self, $($arg: $of),*) -> Result<$gives, CatalogError> {
                self.reach()?.$name($($arg),*).await
            })*
        }
    )*};
}

for_reading_roles!(passed_on);

#[async_trait]
impl Stamps for FaultyCatalog {
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        self.stamp_reads.fetch_add(1, Ordering::SeqCst);
        // The snapshot is taken at the beginning, so a held read answers with what was, as a slow database does.
        let inner = self.reach()?;
        let answer = match &self.stamp_tampering {
            Some(tampering) => tampering(Arc::clone(&self.inner), of.to_vec()).await,
            None => inner.stamps(of).await,
        };
        drop(self.stamps.lock().await);
        answer
    }
}
