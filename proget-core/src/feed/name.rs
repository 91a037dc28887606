//! Names of feeds, formats and stores, with the rules that keep them safe in paths and URLs.

use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A feed's name as its users write it; two that differ only in case are the same feed.
///
/// One to eighty characters: letters, digits, `.`, `_`, `-`; begins with a letter or digit and
/// does not end with a dot, so that it is safe in URLs, file names and shells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeedName {
    written: String,
    key: String,
}

impl FeedName {
    /// Checks the rules above.
    ///
    /// # Errors
    /// A refusal that names the broken rule.
    pub fn new(written: impl Into<String>) -> Result<Self, Refusal> {
        let written = written.into();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if written.is_empty() || written.len() > 80 {
            return Err(Refusal::new("feed name", "must have 1 to 80 characters"));
        }
        if !written.chars().all(plain) {
            return Err(Refusal::new("feed name", "may contain only letters, digits, '.', '_' and '-'"));
        }
        if !written.starts_with(|c: char| c.is_ascii_alphanumeric()) || written.ends_with('.') {
            return Err(Refusal::new(
                "feed name",
                "must begin with a letter or digit and must not end with a dot",
            ));
        }
        let key = written.to_ascii_lowercase();
        Ok(Self { written, key })
    }

    /// As its creator wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// As it is compared and stored uniquely: lower case.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl TryFrom<String> for FeedName {
    type Error = Refusal;

    fn try_from(written: String) -> Result<Self, Refusal> {
        Self::new(written)
    }
}

impl From<FeedName> for String {
    fn from(name: FeedName) -> Self {
        name.written
    }
}

macro_rules! short_names {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// One that is written in the code. A bad one does not compile if this makes a constant.
            ///
            /// # Panics
            /// If the text breaks the rules of [`new`](Self::new).
            #[must_use]
            pub const fn from_static(text: &'static str) -> Self {
                assert!(is_short_name(text.as_bytes()), "1 to 40 lower-case letters, digits and '-'");
                Self(Cow::Borrowed(text))
            }

            /// One to forty characters: lower-case letters, digits and `-`.
            ///
            /// # Errors
            /// A refusal that names the broken rule.
            pub fn new(text: impl Into<String>) -> Result<Self, Refusal> {
                let text = text.into();
                if !is_short_name(text.as_bytes()) {
                    return Err(Refusal::new(
                        $what,
                        "must have 1 to 40 characters: lower-case letters, digits and '-'",
                    ));
                }
                Ok(Self(Cow::Owned(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refusal;

            fn try_from(text: String) -> Result<Self, Refusal> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into_owned()
            }
        }
    )*};
}

const fn is_short_name(mut text: &[u8]) -> bool {
    if text.is_empty() || text.len() > 40 {
        return false;
    }
    while let [first, rest @ ..] = text {
        if !(first.is_ascii_lowercase() || first.is_ascii_digit() || *first == b'-') {
            return false;
        }
        text = rest;
    }
    true
}

short_names! {
    /// A format's identifier (`npm`): in URLs, settings and rows; never changes.
    FormatId, "format";
    /// What a package store is called in rows (`default`); a row never resolves its store through a feed's present setting.
    StoreName, "store name";
}

impl Default for StoreName {
    /// The instance-wide store.
    fn default() -> Self {
        Self::from_static("default")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_name_keeps_its_spelling_and_compares_without_case() {
        let name = FeedName::new("Internal.Npm-1").unwrap();
        assert_eq!((name.as_str(), name.key()), ("Internal.Npm-1", "internal.npm-1"));
    }

    #[test]
    fn names_that_could_leave_their_path_are_refused() {
        for bad in ["", ".", "..", "a/b", "a b", "-a", "a.", "ä", "a%2f", &"x".repeat(81)] {
            assert!(FeedName::new(bad).is_err(), "{bad:?}");
        }
        assert!(FormatId::new("Npm").is_err() && StoreName::new("a.b").is_err());
    }
}
