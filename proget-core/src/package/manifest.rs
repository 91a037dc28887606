//! What inspecting an artifact found, and what its sender said about it.

use super::{FileName, PackageName, Version};
use crate::refusal::Refusal;
use bytes::Bytes;
use std::fmt;

/// The part that one version or file contributes to its format's index documents.
///
/// Made when the package is published, stored verbatim, understood only by its format: building
/// an index is joining fragments, never opening packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fragment(pub Bytes);

/// A movable name for a version of a package, such as npm's `latest`.
///
/// One to 128 bytes without control characters or slashes; a format may be stricter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(String);

impl TagName {
    /// Checks the rules above.
    ///
    /// # Errors
    /// A refusal that names the broken rule.
    pub fn new(text: impl Into<String>) -> Result<Self, Refusal> {
        let text = text.into();
        if text.is_empty() || text.len() > 128 || text.chars().any(|c| c.is_control() || c == '/') {
            return Err(Refusal::new("tag", "must have 1 to 128 bytes, no control characters and no '/'"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a publish moves a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagMode {
    /// Always.
    Move,
    /// Only if the package has no such tag yet.
    IfAbsent,
}

/// A tag that a publish sets on the version it publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The tag.
    pub tag: TagName,
    /// When.
    pub mode: TagMode,
}

/// What the sender of an artifact says about it; nothing in it is believed without looking.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// The name in the URL or document.
    pub name: Option<String>,
    /// The version in the URL or document.
    pub version: Option<String>,
    /// The file's name as the client sent it.
    pub file_name: Option<String>,
    /// The format's own document about the version (npm's version object), raw.
    pub document: Option<Bytes>,
    /// Tags the client wants on this version.
    pub tags: Vec<String>,
}

/// What inspecting an artifact found: everything the catalogue stores about it.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The file's name within the package.
    pub file: FileName,
    /// What the version contributes to index documents.
    pub version_fragment: Fragment,
    /// What the file contributes to index documents.
    pub file_fragment: Fragment,
    /// More about the version than indexes need (a README), for pages about it alone.
    pub detail: Fragment,
    /// More about the file than indexes need, for whoever asks for this file's alone (the metadata of a wheel).
    pub file_detail: Fragment,
    /// One line for lists and searches.
    pub summary: String,
    /// Words by which a search may find the package beside its name.
    pub keywords: Vec<String>,
    /// Tags to set on the version.
    pub tags: Vec<TagChange>,
}
