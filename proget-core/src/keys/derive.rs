//! Sub-keys: what one key becomes for each use, so that no two uses share key material.
//!
//! HKDF-SHA-256 without a salt (the keys are random already); the label is the `info` of
//! [RFC 5869](https://www.rfc-editor.org/rfc/rfc5869). The labels are for ever: another label is
//! another key, and what was sealed or signed with the old one could not be read. A test holds the answers.

use super::secret::SecretKey;
use hkdf::Hkdf;
use sha2::Sha256;
use std::convert::Infallible;

/// For what something is derived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label(&'static [u8]);

impl Label {
    pub(super) const FINGERPRINT: Self = Self(b"proget/1/fingerprint");
    pub(super) const STRETCH: Self = Self(b"proget/1/stretch");
    pub(super) const SEALING: Self = Self(b"proget/1/sealing");
    pub(super) const SESSION_VALIDATION: Self = Self(b"proget/1/session-validation");
    pub(super) const SESSION_ENCRYPTION: Self = Self(b"proget/1/session-encryption");
    pub(super) const MESSENGER: Self = Self(b"proget/1/messenger");
    pub(super) const MACHINE_FINGERPRINT: Self = Self(b"proget/1/machine-key-fingerprint");
}

/// Thirty-two bytes that follow from secret bytes and a label, and from which neither can be found.
pub(super) fn derive(from: &[u8], label: Label) -> SecretKey {
    let extracted = Hkdf::<Sha256>::new(None, from);
    let Ok(key) = SecretKey::filled::<Infallible>(|bytes| {
        #[allow(clippy::expect_used, reason = "HKDF refuses more than 255 blocks; this is one")]
        extracted.expand(label.0, bytes).expect("32 bytes are one block");
        Ok(())
    });
    key
}

/// The two keys of login sessions: what ProGet calls the machine key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKeys {
    /// Shows that a session's cookie was made here: the key of an HMAC-SHA-256.
    pub validation: SecretKey,
    /// Hides what a cookie says: the key of an AEAD.
    pub encryption: SecretKey,
}
