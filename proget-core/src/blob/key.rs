//! The physical key of a blob: digest and generation.

use crate::digest::Sha256;
use crate::ids::Generation;
use std::fmt;
use std::str::FromStr;

/// Where one stay of some bytes lies in a store.
///
/// The digest says what the bytes are; the random generation makes the key new each time the
/// bytes come back after having been condemned. A deleter that wakes up late with an old key can
/// therefore hurt nothing that lives. Written `<64 hex digits>-<32 hex digits>`; ordered by digest, then generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey {
    /// What the bytes are.
    pub digest: Sha256,
    /// Which stay.
    pub generation: Generation,
}

impl BlobKey {
    /// A key for `digest` that has never been used.
    #[must_use]
    pub fn fresh(digest: Sha256) -> Self {
        Self { digest, generation: Generation::random() }
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.digest, self.generation)
    }
}

/// The text is not a blob key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a blob key: 64 hex digits, '-', 32 hex digits are expected")]
pub struct MalformedKey;

impl FromStr for BlobKey {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let (digest, generation) = text.split_once('-').ok_or(MalformedKey)?;
        if generation.len() != 32 {
            return Err(MalformedKey);
        }
        Ok(Self {
            digest: digest.parse().map_err(|_| MalformedKey)?,
            generation: Generation(generation.parse().map_err(|_| MalformedKey)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_refuses_what_is_not_one() {
        let key = BlobKey::fresh(Sha256::of(b"x"));
        assert_eq!(key.to_string().parse(), Ok(key));
        let text = key.to_string();
        for bad in ["", "-", &text[1..], &text[..text.len() - 1], &format!("{text}0"), "..-.."] {
            assert!(bad.parse::<BlobKey>().is_err(), "{bad:?}");
        }
    }
}
