//! What can go wrong with the catalogue, in kinds that say what the caller can do.

use std::error::Error;

/// Why a commit was refused although the catalogue works: somebody else was there first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conflict {
    /// The feed is gone or its settings are not those that were judged: judge again.
    FeedChanged,
    /// The caller's credential is gone or changed: authenticate and judge again.
    CredentialChanged,
    /// A file of that name exists in the package: compare the bytes.
    FileExists,
    /// The package is not as it was read: read and decide again.
    PackageChanged,
    /// The version does not exist.
    VersionAbsent,
    /// The blob row is gone, or names another key: reserve and put again.
    BlobGone,
    /// Somebody touched the blob since it was looked at, it is reserved or it is referenced: leave it alone.
    BlobTouched,
    /// A feed, user or key of that name exists.
    NameTaken,
    /// What was to be changed does not exist.
    Absent,
    /// The term to be planted is not above the present one.
    TermTooLow,
    /// The instance row, or one of its settings, is not as it was read.
    InstanceChanged,
    /// The mode does not let this node run the Service: do no background work.
    NotServing,
    /// Somebody else has claimed the job, or it is not to be claimed now.
    JobTaken,
    /// The claim is not held any more: drop the work.
    ClaimLost,
    /// The occurrence has its row.
    Occurred,
}

/// A failed catalogue operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Nothing has happened; the reason says what to look at again.
    #[error("the catalogue is not as expected: {0:?}")]
    Conflict(Conflict),
    /// Nothing has happened: somebody with a newer term holds this duty now.
    #[error("this node no longer holds the duty: a newer term has been planted")]
    Fenced,
    /// The catalogue cannot be reached, or asks to wait; nothing has happened.
    #[error("{doing}: the database cannot be reached")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The commit may or may not have happened; the caller must say "busy", and a retry finds out.
    #[error("{doing}: the database did not answer the commit, so its outcome is unknown")]
    OutcomeUnknown {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Something else; a defect or a damaged database.
    #[error("{doing}: the database refused")]
    Other {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl CatalogError {
    /// May the same call succeed later, unchanged?
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::OutcomeUnknown { .. })
    }
}

impl From<Conflict> for CatalogError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}
