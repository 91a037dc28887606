//! Files of packages: their names, and how a request points at one.

use super::NameKey;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of one file of a package, unique within it.
///
/// Compared as written. One to 255 bytes, no control characters, and no path that could leave
/// its folder: no empty, `.` or `..` segment, no backslash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// Checks the rules above.
    ///
    /// # Errors
    /// A refusal that names the broken rule.
    pub fn new(text: impl Into<String>) -> Result<Self, Refusal> {
        let text = text.into();
        if text.is_empty() || text.len() > 255 {
            return Err(Refusal::new("file name", "must have 1 to 255 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(Refusal::new("file name", "must not contain control characters or backslashes"));
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(Refusal::new("file name", "must not contain empty, '.' or '..' path segments"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileName {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        Self::new(text)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

/// What a download asks for: one file of one package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileRef {
    /// The package.
    pub package: NameKey,
    /// Its file.
    pub file: FileName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_that_escape_their_folder_are_refused() {
        for bad in ["", "..", "a/../b", "/a", "a/", "a//b", "a\\b", "a\0b", "a\nb"] {
            assert!(FileName::new(bad).is_err(), "{bad:?}");
        }
        assert!(FileName::new("left-pad-1.3.0.tgz").is_ok() && FileName::new("org/acme/a-1.jar").is_ok());
    }
}
