//! What can go wrong with bytes, in kinds that say what the caller can do.

use std::error::Error;
use std::fmt;

/// What the caller can do about a failed store operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store has looked and it is not there; never "could not look".
    NotFound,
    /// The stream exceeded the limit it was given.
    TooLarge,
    /// The sender went away or sent something that is not what was announced.
    Interrupted,
    /// The sender stopped sending.
    Stalled,
    /// The store cannot be reached or asks to wait: try again later.
    Unavailable,
    /// No room is left.
    Full,
    /// Credentials or permissions do not suffice.
    Denied,
    /// What is there is not what was put there.
    Corrupt,
    /// This store cannot do that.
    Unsupported,
    /// Nothing better is known.
    Other,
}

/// A failed store operation: what was being done, and why it failed.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    doing: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error while `doing` ("reading blob ab12…"), without a cause of its own.
    pub fn new(kind: StoreErrorKind, doing: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), source: None }
    }

    /// The same, with the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller can do.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// May the same call succeed later?
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable | StoreErrorKind::Full)
    }
}

/// Says what was being done and what went wrong; does not repeat the cause, which the log walks to.
impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::NotFound => "it is not there",
            StoreErrorKind::TooLarge => "it is larger than the limit",
            StoreErrorKind::Interrupted => "the sender broke off",
            StoreErrorKind::Stalled => "the sender stopped sending",
            StoreErrorKind::Unavailable => "the store cannot be reached",
            StoreErrorKind::Full => "the store is full",
            StoreErrorKind::Denied => "the store denies access",
            StoreErrorKind::Corrupt => "the bytes are not what was stored",
            StoreErrorKind::Unsupported => "the store cannot do that",
            StoreErrorKind::Other => "it failed",
        };
        write!(f, "{}: {what}", self.doing)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|cause| &**cause as _)
    }
}
