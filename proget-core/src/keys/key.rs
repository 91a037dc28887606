//! One encryption key, and the fingerprint by which people and servers talk about it.

use super::derive::{Label, derive};
use super::hex;
use super::secret::SecretKey;
use crate::access::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a key is called: eight bytes that follow from it and from which it cannot be found. May be
/// shown, logged and compared between servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    pub(super) fn of(secret: &[u8], label: Label) -> Self {
        let long = derive(secret, label);
        let mut short = [0; 8];
        short.copy_from_slice(&long.reveal()[..8]);
        Self(short)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// Sixteen lower-case hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not sixteen hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's fingerprint has sixteen hexadecimal digits")]
pub struct MalformedFingerprint;

impl FromStr for Fingerprint {
    type Err = MalformedFingerprint;

    fn from_str(text: &str) -> Result<Self, MalformedFingerprint> {
        if text.len() != 16 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(MalformedFingerprint);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| MalformedFingerprint)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = MalformedFingerprint;

    fn try_from(text: String) -> Result<Self, MalformedFingerprint> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// Why a text is no key. Never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has the wrong number of digits.
    #[error("it has {digits} characters; expected {lengths}")]
    Length {
        /// Characters found.
        digits: usize,
        /// What was expected, in words.
        lengths: &'static str,
    },
    /// Something in it is no hexadecimal digit.
    #[error("its character {at} is none of the hexadecimal digits 0-9 and a-f")]
    NotHexadecimal {
        /// Which character, counted from one.
        at: usize,
    },
    /// All its bytes are equal.
    #[error("all its bytes are the same: it is a placeholder and no key")]
    Placeholder,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

/// An encryption key: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    bytes: SecretKey,
    fingerprint: Fingerprint,
}

impl EncryptionKey {
    /// A new one from the system's random source.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::of(SecretKey::filled(|bytes| random(bytes))?))
    }

    fn of(bytes: SecretKey) -> Self {
        let fingerprint = Fingerprint::of(bytes.reveal(), Label::FINGERPRINT);
        Self { bytes, fingerprint }
    }

    /// What it is called.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its text, to be put into configurations: 64 hexadecimal digits, also if it was given as 32.
    #[must_use]
    pub fn text(&self) -> Secret {
        hex::encode(self.bytes.reveal())
    }

    pub(super) fn derive(&self, label: Label) -> SecretKey {
        derive(self.bytes.reveal(), label)
    }
}

/// 64 hexadecimal digits; or 32, as ProGet writes its keys: those 16 bytes are stretched to 32.
impl FromStr for EncryptionKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lengths = "64 hexadecimal digits (32 bytes), or the 32 digits of a ProGet key";
        let bytes = hex::decode(text, lengths, |bytes| matches!(bytes, 16 | 32))?;
        let key = match <&[u8; 32]>::try_from(bytes.reveal()) {
            Ok(whole) => SecretKey::filled(|key| {
                key.copy_from_slice(whole);
                Ok::<_, KeyError>(())
            })?,
            Err(_) => derive(bytes.reveal(), Label::STRETCH),
        };
        Ok(Self::of(key))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.fingerprint)
    }
}

pub(super) fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::Random(error.to_string()))
}
