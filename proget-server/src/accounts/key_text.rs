//! The text of an API key: made by us, or chosen by an administrator. Shown once, kept hashed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proget_core::Refusal;
use proget_core::access::Secret;
use proget_core::catalog::KeyHash;
use std::fmt;

/// The text of an API key.
///
/// Keys are hashed with plain SHA-256, so their strength is their length: a chosen text must be
/// long, and should be random.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(Secret);

impl KeyText {
    /// Shortest text that may be chosen, in bytes.
    pub const MIN_BYTES: usize = 16;

    /// Longest text that may be chosen, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// A new one: `pg_` and 43 characters from 256 random bits.
    ///
    /// # Errors
    /// If the operating system has no random numbers to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(Secret::new(format!("pg_{}", URL_SAFE_NO_PAD.encode(bytes)))))
    }

    /// A chosen one, taken as given.
    ///
    /// # Errors
    /// A refusal of texts that are too short or too long, and of characters that cannot travel in
    /// every place where clients put keys.
    pub fn chosen(text: &str) -> Result<Self, Refusal> {
        let refuse = |rule: &'static str| Err(Refusal::new("key", rule));
        if text.len() < Self::MIN_BYTES || text.len() > Self::MAX_BYTES {
            return refuse("must have 16 to 255 characters");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(':') {
            return refuse("must consist of visible ASCII characters without a colon");
        }
        Ok(Self(Secret::new(text)))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.0.reveal())
    }

    /// Its first characters, by which people tell keys apart: too few to be of use to anybody else.
    #[must_use]
    pub fn hint(&self) -> String {
        let shown = if self.reveal().starts_with("pg_") { 7 } else { 4 };
        self.reveal().chars().take(shown).collect()
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_long_travels_everywhere_and_is_never_made_twice() {
        let (one, other) = (KeyText::random().unwrap(), KeyText::random().unwrap());
        assert_eq!(one.reveal().len(), 46);
        assert!(KeyText::chosen(one.reveal()).is_ok());
        assert_ne!(one, other);
        assert_eq!(one.hint().len(), 7);
        assert_eq!(format!("{one:?}"), "KeyText(…)");
    }

    #[test]
    fn chosen_keys_that_are_weak_or_cannot_travel_are_refused() {
        for bad in [
            "",
            "short",
            "with:colon-0123456789",
            "with blank 0123456789",
            "ümlaut-0123456789",
            &"x".repeat(256),
        ] {
            assert!(KeyText::chosen(bad).is_err(), "{bad:?}");
        }
        assert_eq!(KeyText::chosen("0123456789abcdef").unwrap().hint(), "0123");
    }
}
