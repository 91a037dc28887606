//! What can be said to a caller, apart from what is told to the log.
//!
//! `Problem` has no `Display`: each feed type renders it in the dialect of its own clients. The
//! one place where errors of the seams become problems is here; the cause goes to the log with a
//! reference number, and the caller gets the number and nothing else.

use crate::access::AuthError;
use crate::blob::{StoreError, StoreErrorKind};
use crate::catalog::{CatalogError, Conflict};
use crate::refusal::Refusal;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// What went wrong with a request, as far as its sender is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such thing, or the caller may not know of it. The text names what was asked for.
    NotFound(String),
    /// It is there already and is not the same.
    AlreadyExists(String),
    /// It is not as the caller believes: read again and repeat.
    Changed(String),
    /// What was sent is not acceptable.
    Refused(Refusal),
    /// It is not known who is calling, and this is not for everybody; or the credentials are not valid.
    Unauthenticated(String),
    /// It is known who is calling, and they may not.
    Forbidden(String),
    /// More bytes than the limit, which is given if it is known.
    TooLarge(Option<u64>),
    /// The sender stopped sending.
    TooSlow,
    /// A dependency is away or everything is busy; the same request may succeed after a while.
    Busy {
        /// What is away, in words that reveal nothing.
        what: &'static str,
        /// When to come back.
        retry_after: Duration,
    },
    /// This server does not do that.
    Unsupported(String),
    /// A defect or damage; the log has the cause under this number.
    Internal {
        /// To be told to an operator.
        reference: Uuid,
    },
}

/// How long callers are asked to wait when a dependency is away.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Problem {
    /// A dependency is away.
    #[must_use]
    pub fn busy(what: &'static str) -> Self {
        Self::Busy { what, retry_after: RETRY_AFTER }
    }

    /// Something that only an operator can understand; writes the chain of causes to the log.
    #[must_use]
    pub fn internal(doing: &str, error: &(dyn Error + 'static)) -> Self {
        let reference = Uuid::new_v4();
        tracing::error!(%reference, doing, cause = chain(error), "request failed");
        Self::Internal { reference }
    }
}

/// An error and all its causes in one line, each said once.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        // Writing into a String cannot fail.
        let _ = write!(text, ": {next}");
        cause = next.source();
    }
    text
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match &error {
            CatalogError::Unavailable { .. } | CatalogError::OutcomeUnknown { .. } => {
                tracing::warn!(cause = chain(&error), "the catalogue is away");
                Self::busy("the database")
            }
            CatalogError::Conflict(Conflict::NameTaken) => Self::AlreadyExists("that name is taken".into()),
            CatalogError::Conflict(Conflict::Absent | Conflict::VersionAbsent) => {
                Self::NotFound("it is no longer there".into())
            }
            CatalogError::Conflict(_) => Self::Changed("it was changed by somebody else meanwhile".into()),
            CatalogError::Fenced | CatalogError::Other { .. } => {
                Self::internal("using the catalogue", &error)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::TooLarge => Self::TooLarge(None),
            StoreErrorKind::Stalled => Self::TooSlow,
            StoreErrorKind::Interrupted => {
                Self::Refused(Refusal::new("body", "ended before all of it had arrived"))
            }
            StoreErrorKind::Unavailable | StoreErrorKind::Full | StoreErrorKind::Denied => {
                tracing::warn!(cause = chain(&error), "the package store is away, full or closed to us");
                Self::busy(match error.kind() {
                    StoreErrorKind::Full => "the package store, which is full",
                    // A disk that was remounted read-only, a share whose password has changed.
                    StoreErrorKind::Denied => "the package store, which denies access",
                    _ => "the package store",
                })
            }
            _ => Self::internal("using the package store", &error),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match &error {
            AuthError::Invalid | AuthError::Expired => Self::Unauthenticated(error.to_string()),
            AuthError::Busy => Self::Busy { what: "signing in", retry_after: Duration::from_secs(1) },
            AuthError::Unavailable { .. } => {
                tracing::warn!(cause = chain(&error), "credentials cannot be verified");
                Self::busy("signing in")
            }
        }
    }
}
