//! A sealed value and what it is for, as they are written.
//!
//! `v1.<fingerprint>.<nonce, ciphertext and tag in base64url>`. The purpose is not written in it: who
//! opens it says what it must be for, and a value that was moved to another place does not open there.

use super::key::Fingerprint;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::str::FromStr;

/// What a sealed value is for: a kind of value, and the row that it belongs to. A value sealed for one
/// purpose does not open for another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Purpose {
    what: &'static str,
    of: String,
}

impl Purpose {
    /// A kind of value, such as `connector-password`. It is part of every seal, so it must never change.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what, of: String::new() }
    }

    /// The same kind, of this row only.
    #[must_use]
    pub fn of(mut self, row: impl fmt::Display) -> Self {
        self.of = row.to_string();
        self
    }

    /// What a seal is bound to besides its content. Lengths stand before the parts, so that no two
    /// purposes look alike.
    pub(super) fn bound_to(&self, key: Fingerprint) -> Vec<u8> {
        let mut bound = b"proget/1/sealed".to_vec();
        for part in [self.what.as_bytes(), self.of.as_bytes()] {
            bound.extend((part.len() as u64).to_be_bytes());
            bound.extend(part);
        }
        bound.extend(key.as_bytes());
        bound
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if self.of.is_empty() { Ok(()) } else { write!(f, " of {}", self.of) }
    }
}

/// A value that only the holder of a key can read. Its text may be stored anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    key: Fingerprint,
    /// Nonce, ciphertext, tag.
    body: Vec<u8>,
}

pub(super) const NONCE: usize = 24;
const TAG: usize = 16;

impl Sealed {
    pub(super) fn new(key: Fingerprint, nonce: &[u8; NONCE], ciphertext: &[u8]) -> Self {
        Self { key, body: [nonce, ciphertext].concat() }
    }

    /// Which key it was sealed with: whoever exchanges keys looks for the values of the old one.
    #[must_use]
    pub fn key(&self) -> Fingerprint {
        self.key
    }

    pub(super) fn parts(&self) -> Option<(&[u8; NONCE], &[u8])> {
        self.body.split_first_chunk()
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}.{}", self.key, URL_SAFE_NO_PAD.encode(&self.body))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.key, self.body.len())
    }
}

/// Not a sealed value, or not one that this build understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no sealed value, or a newer build wrote it")]
pub struct MalformedSeal;

impl FromStr for Sealed {
    type Err = MalformedSeal;

    fn from_str(text: &str) -> Result<Self, MalformedSeal> {
        let rest = text.strip_prefix("v1.").ok_or(MalformedSeal)?;
        let (key, body) = rest.split_once('.').ok_or(MalformedSeal)?;
        let key: Fingerprint = key.parse().map_err(|_| MalformedSeal)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| MalformedSeal)?;
        if body.len() < NONCE + TAG { Err(MalformedSeal) } else { Ok(Self { key, body }) }
    }
}
