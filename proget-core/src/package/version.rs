//! A package's version: written, compared, ordered.
//!
//! Order is made portable by a key: each format maps a version to bytes whose plain order *is*
//! the version order, so `ORDER BY` works in every database and none of them knows formats.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A version in the form in which its format compares versions for equality.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionKey(String);

impl VersionKey {
    /// Longest key the catalogue stores, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// For reading back what the catalogue stored; formats use [`Version::new`].
    #[must_use]
    pub fn stored(key: String) -> Self {
        Self(key)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes whose plain order is the version order of their format.
///
/// # What a format must promise
/// For any two versions of one package, comparing their keys byte by byte gives what the
/// format's own comparison gives; versions that the format holds for the same share a
/// [`VersionKey`], whatever their order keys. The format suite checks this on generated pairs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey(pub Vec<u8>);

impl OrderKey {
    /// Longest key the catalogue stores, in bytes.
    pub const MAX_BYTES: usize = 700;
}

/// A package's version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    written: String,
    key: VersionKey,
    order: OrderKey,
    prerelease: bool,
}

impl Version {
    /// What a format decided about a version it has parsed.
    #[must_use]
    pub fn new(
        written: impl Into<String>,
        key: impl Into<String>,
        order: OrderKey,
        stability: Stability,
    ) -> Self {
        Self {
            written: written.into(),
            key: VersionKey(key.into()),
            order,
            prerelease: stability == Stability::Prerelease,
        }
    }

    /// As its author wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// As it is compared for equality.
    #[must_use]
    pub fn key(&self) -> &VersionKey {
        &self.key
    }

    /// As it is ordered.
    #[must_use]
    pub fn order(&self) -> &OrderKey {
        &self.order
    }

    /// Does its format call it a prerelease?
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        self.prerelease
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Whether a format calls a version a prerelease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Meant for everybody.
    Stable,
    /// Chosen only by those who ask for it.
    Prerelease,
}
