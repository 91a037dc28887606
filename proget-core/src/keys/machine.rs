//! The machine key: two keys for login sessions that an operator may give instead of the derived ones,
//! for those who carry them over or must keep them apart from the encryption key.
//!
//! The texts may be those of an old web server's machine key; the algorithms are not. What is done
//! with them is HMAC-SHA-256 and an AEAD, never SHA-1, so cookies made elsewhere do not hold here.

use super::derive::{Label, SessionKeys, derive};
use super::hex;
use super::key::{Fingerprint, KeyError, random};
use super::secret::SecretBytes;
use crate::access::Secret;
use std::str::FromStr;

/// Shows that sessions were made here: 32 to 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationKey(SecretBytes);

impl FromStr for ValidationKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lengths = "64 to 128 hexadecimal digits (32 to 64 bytes)";
        hex::decode(text, lengths, |bytes| (32..=64).contains(&bytes)).map(Self)
    }
}

/// Hides what sessions say: 16, 24 or 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecryptionKey(SecretBytes);

impl FromStr for DecryptionKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lengths = "32, 48 or 64 hexadecimal digits (16, 24 or 32 bytes)";
        hex::decode(text, lengths, |bytes| matches!(bytes, 16 | 24 | 32)).map(Self)
    }
}

/// Both keys were the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("validation key and decryption key are the same; each needs one of its own")]
pub struct SameKeys;

/// A machine key: the same on every server that answers requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineKey {
    validation: ValidationKey,
    decryption: DecryptionKey,
}

impl MachineKey {
    /// From its two parts.
    ///
    /// # Errors
    /// If they are the same.
    pub fn new(validation: ValidationKey, decryption: DecryptionKey) -> Result<Self, SameKeys> {
        if validation.0 == decryption.0 { Err(SameKeys) } else { Ok(Self { validation, decryption }) }
    }

    /// A new one from the system's random source: 64 bytes and 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self { validation: ValidationKey(drawn(64)?), decryption: DecryptionKey(drawn(32)?) })
    }

    /// The session keys that follow from it.
    #[must_use]
    pub fn session_keys(&self) -> SessionKeys {
        SessionKeys {
            validation: derive(self.validation.0.reveal(), Label::SESSION_VALIDATION),
            encryption: derive(self.decryption.0.reveal(), Label::SESSION_ENCRYPTION),
        }
    }

    /// What both parts together are called. May be shown, and compared between servers.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let keys = self.session_keys();
        let both = SecretBytes::new([*keys.validation.reveal(), *keys.encryption.reveal()].concat());
        Fingerprint::of(both.reveal(), Label::MACHINE_FINGERPRINT)
    }

    /// The texts of its parts, to be put into configurations: validation key, decryption key.
    #[must_use]
    pub fn texts(&self) -> (Secret, Secret) {
        (hex::encode(self.validation.0.reveal()), hex::encode(self.decryption.0.reveal()))
    }
}

fn drawn(count: usize) -> Result<SecretBytes, KeyError> {
    let mut bytes = vec![0; count];
    random(&mut bytes)?;
    Ok(SecretBytes::new(bytes))
}
