//! A package's name: as its author wrote it, and as it is compared.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A package's name in the form in which its format compares names.
///
/// Stored in a unique column with binary collation. Only a format makes one (through
/// [`PackageName`]), so a key that exists has passed that format's rules. Clones share the text,
/// because every request makes several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameKey(Arc<str>);

impl NameKey {
    /// Longest key the catalogue stores, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// For reading back what the catalogue stored; formats use [`PackageName::new`].
    #[must_use]
    pub fn stored(key: String) -> Self {
        Self(key.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A package's name, written and compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackageName {
    written: String,
    key: NameKey,
}

impl PackageName {
    /// What a format decided: how the name is written, and how it is compared.
    ///
    /// The format has checked both; the catalogue adds only its limit of [`NameKey::MAX_BYTES`],
    /// which a format must refuse earlier with words of its own.
    #[must_use]
    pub fn new(written: impl Into<String>, key: impl Into<Arc<str>>) -> Self {
        Self { written: written.into(), key: NameKey(key.into()) }
    }

    /// As its author wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// As it is compared.
    #[must_use]
    pub fn key(&self) -> &NameKey {
        &self.key
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
