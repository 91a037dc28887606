//! All keys of a server. Every one opens; which one seals is said by whoever seals, because it is data
//! of the instance.

use super::derive::{Label, SessionKeys};
use super::key::{EncryptionKey, Fingerprint, KeyError, random};
use super::sealed::{NONCE, Purpose, Sealed};
use super::secret::{SecretBytes, SecretKey};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::str::FromStr;
use std::sync::Arc;

/// The encryption keys of a server: at least one, no two the same. Cloning shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing(Arc<[EncryptionKey]>);

/// Why keys make no ring. Never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// There is none.
    #[error("expected at least one key")]
    Empty,
    /// One of them is no key.
    #[error("key {place} of {count} cannot be used")]
    Key {
        /// Which, counted from one.
        place: usize,
        /// How many there are.
        count: usize,
        /// Why not.
        source: KeyError,
    },
    /// Two are the same.
    #[error("key {first} and key {second} are the same; leave one of them out")]
    Twice {
        /// The first of the two, counted from one.
        first: usize,
        /// The second.
        second: usize,
    },
}

/// A ring lacks a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key {0} is needed and this server has not got it; add it to the server's encryption keys")]
pub struct KeyMissing(pub Fingerprint);

/// Why something was not sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key that seals is not in this ring.
    #[error(transparent)]
    Missing(#[from] KeyMissing),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
    /// More than the cipher takes: some 256 GiB.
    #[error("the value is too long to be sealed")]
    TooLong,
}

/// Why something was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key that sealed it is not in this ring.
    #[error(transparent)]
    Missing(#[from] KeyMissing),
    /// The key is there, and the seal is broken.
    #[error("what was sealed with the key {key} is no '{purpose}': it was altered, or belongs elsewhere")]
    Broken {
        /// The key it names.
        key: Fingerprint,
        /// What it should have been for.
        purpose: Purpose,
    },
}

impl KeyRing {
    /// Makes a ring of keys.
    ///
    /// # Errors
    /// `Empty`, `Twice`.
    pub fn new(keys: Vec<EncryptionKey>) -> Result<Self, RingError> {
        if keys.is_empty() {
            return Err(RingError::Empty);
        }
        for (second, key) in keys.iter().enumerate() {
            let same = keys.iter().take(second).position(|one| one.fingerprint() == key.fingerprint());
            if let Some(first) = same {
                return Err(RingError::Twice { first: first + 1, second: second + 1 });
            }
        }
        Ok(Self(keys.into()))
    }

    /// What its keys are called, in the order in which they were given.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        self.0.iter().map(EncryptionKey::fingerprint).collect()
    }

    /// Is this key in it?
    #[must_use]
    pub fn has(&self, key: Fingerprint) -> bool {
        self.key(key).is_ok()
    }

    /// Its first key, which seals on an instance where nothing says yet which one does.
    pub(super) fn first(&self) -> Option<Fingerprint> {
        self.0.first().map(EncryptionKey::fingerprint)
    }

    fn key(&self, wanted: Fingerprint) -> Result<&EncryptionKey, KeyMissing> {
        self.0.iter().find(|key| key.fingerprint() == wanted).ok_or(KeyMissing(wanted))
    }

    /// Seals bytes for a purpose with the key that seals. The same bytes sealed again look different.
    ///
    /// # Errors
    /// The key is not here; no random bytes; too long.
    pub fn seal(&self, purpose: &Purpose, content: &[u8], with: Fingerprint) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        self.seal_with_nonce(purpose, content, with, &nonce)
    }

    pub(super) fn seal_with_nonce(
        &self,
        purpose: &Purpose,
        content: &[u8],
        with: Fingerprint,
        nonce: &[u8; NONCE],
    ) -> Result<Sealed, SealError> {
        let cipher = cipher(self.key(with)?);
        let bound = purpose.bound_to(with);
        let ciphertext = cipher
            .encrypt(&XNonce::from(*nonce), Payload { msg: content, aad: &bound })
            .map_err(|_| SealError::TooLong)?;
        Ok(Sealed::new(with, nonce, &ciphertext))
    }

    /// What was sealed for this purpose, with whichever key of the ring.
    ///
    /// # Errors
    /// The key is not here; the value was altered, or was sealed for something else.
    pub fn open(&self, purpose: &Purpose, sealed: &Sealed) -> Result<SecretBytes, OpenError> {
        let key = sealed.key();
        let cipher = cipher(self.key(key)?);
        let broken = || OpenError::Broken { key, purpose: purpose.clone() };
        let (nonce, ciphertext) = sealed.parts().ok_or_else(broken)?;
        let bound = purpose.bound_to(key);
        cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &bound })
            .map(SecretBytes::new)
            .map_err(|_| broken())
    }

    /// The keys of login sessions that follow from one of its keys. Sessions are made with those of
    /// the key that seals, and hold under those of every key in the ring.
    ///
    /// # Errors
    /// The key is not here.
    pub fn session_keys(&self, of: Fingerprint) -> Result<SessionKeys, KeyMissing> {
        let key = self.key(of)?;
        Ok(SessionKeys {
            validation: key.derive(Label::SESSION_VALIDATION),
            encryption: key.derive(Label::SESSION_ENCRYPTION),
        })
    }

    /// The key that servers greet each other with, following from one of its keys.
    ///
    /// # Errors
    /// The key is not here.
    pub fn messenger_key(&self, of: Fingerprint) -> Result<SecretKey, KeyMissing> {
        Ok(self.key(of)?.derive(Label::MESSENGER))
    }
}

/// Several keys, separated by commas, spaces or line ends.
impl FromStr for KeyRing {
    type Err = RingError;

    fn from_str(text: &str) -> Result<Self, RingError> {
        let separates = |one: char| one == ',' || one.is_whitespace();
        let texts: Vec<&str> = text.split(separates).filter(|text| !text.is_empty()).collect();
        let count = texts.len();
        let parse = |(at, text): (usize, &&str)| {
            text.parse().map_err(|source| RingError::Key { place: at + 1, count, source })
        };
        Self::new(texts.iter().enumerate().map(parse).collect::<Result<_, _>>()?)
    }
}

fn cipher(key: &EncryptionKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.derive(Label::SEALING).reveal().into())
}
