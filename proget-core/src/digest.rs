//! Digests: what bytes are called, computed in one pass while they arrive.
//!
//! SHA-256 is always computed, because stores are addressed by it; the others only where a
//! format's index or its clients need them (each costs about as much as SHA-256 itself).

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;

macro_rules! digest_types {
    ($($(#[$doc:meta])* $name:ident[$len:literal]),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        /// Lower- or upper-case hexadecimal, exactly as many digits as the digest has.
        impl FromStr for $name {
            type Err = MalformedDigest;

            fn from_str(text: &str) -> Result<Self, MalformedDigest> {
                let mut bytes = [0; $len];
                decode_hex(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = MalformedDigest;

            fn try_from(bytes: &[u8]) -> Result<Self, MalformedDigest> {
                bytes.try_into().map(Self).map_err(|_| MalformedDigest)
            }
        }

        impl $name {
            /// Equality whose duration does not depend on where the two differ.
            #[must_use]
            pub fn matches(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }
    )*};
}

digest_types! {
    /// SHA-256, the address of bytes in every store.
    Sha256[32],
    /// SHA-1, which npm calls `shasum`. Not to be relied on against forgery.
    Sha1[20],
    /// SHA-512, npm's `integrity`.
    Sha512[64],
    /// MD5, for old clients only.
    Md5[16],
    /// BLAKE2b with 256 bits, as PyPI's index knows it.
    Blake2b256[32],
}

impl Sha256 {
    /// The digest of bytes that are already in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Not the hexadecimal form, or not the length, that the digest has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: wrong length, or not hexadecimal")]
pub struct MalformedDigest;

fn decode_hex(text: &str, into: &mut [u8]) -> Result<(), MalformedDigest> {
    let text = text.as_bytes();
    if text.len() != into.len() * 2 {
        return Err(MalformedDigest);
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(MalformedDigest);
    for (byte, pair) in into.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = *pair else { return Err(MalformedDigest) };
        *byte = u8::try_from(nibble(high)? * 16 + nibble(low)?).map_err(|_| MalformedDigest)?;
    }
    Ok(())
}

/// Which digests to compute beside SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestSet {
    /// Also SHA-1.
    pub sha1: bool,
    /// Also SHA-512.
    pub sha512: bool,
    /// Also MD5.
    pub md5: bool,
    /// Also BLAKE2b-256.
    pub blake2b: bool,
}

/// What bytes were measured to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// Always there.
    pub sha256: Sha256,
    /// There if it was asked for.
    pub sha1: Option<Sha1>,
    /// There if it was asked for.
    pub sha512: Option<Sha512>,
    /// There if it was asked for.
    pub md5: Option<Md5>,
    /// There if it was asked for.
    pub blake2b: Option<Blake2b256>,
}

impl Digests {
    /// All wanted digests of bytes that are already in memory.
    #[must_use]
    pub fn of(bytes: &[u8], wanted: DigestSet) -> Self {
        let mut hasher = Hasher::new(wanted);
        hasher.update(bytes);
        hasher.finish().0
    }
}

type Blake2b256State = blake2::Blake2b<blake2::digest::consts::U32>;

/// Computes all wanted digests and the length in one pass.
#[derive(Clone)]
pub struct Hasher {
    sha256: sha2::Sha256,
    sha1: Option<sha1::Sha1>,
    sha512: Option<sha2::Sha512>,
    md5: Option<md5::Md5>,
    blake2b: Option<Blake2b256State>,
    size: u64,
}

impl Hasher {
    /// Begins with nothing read.
    #[must_use]
    pub fn new(wanted: DigestSet) -> Self {
        Self {
            sha256: sha2::Sha256::new(),
            sha1: wanted.sha1.then(sha1::Sha1::new),
            sha512: wanted.sha512.then(sha2::Sha512::new),
            md5: wanted.md5.then(md5::Md5::new),
            blake2b: wanted.blake2b.then(Blake2b256State::new),
            size: 0,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(state) = &mut self.sha1 {
            state.update(bytes);
        }
        if let Some(state) = &mut self.sha512 {
            state.update(bytes);
        }
        if let Some(state) = &mut self.md5 {
            state.update(bytes);
        }
        if let Some(state) = &mut self.blake2b {
            state.update(bytes);
        }
        self.size += bytes.len() as u64;
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digests and the number of bytes.
    #[must_use]
    pub fn finish(self) -> (Digests, u64) {
        let digests = Digests {
            sha256: Sha256(self.sha256.finalize().into()),
            sha1: self.sha1.map(|state| Sha1(state.finalize().into())),
            sha512: self.sha512.map(|state| Sha512(state.finalize().into())),
            md5: self.md5.map(|state| Md5(state.finalize().into())),
            blake2b: self.blake2b.map(|state| Blake2b256(state.finalize().into())),
        };
        (digests, self.size)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_digests_of_abc_are_the_published_ones() {
        let all = DigestSet { sha1: true, sha512: true, md5: true, blake2b: true };
        let digests = Digests::of(b"abc", all);
        assert_eq!(
            digests.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digests.sha1.unwrap().to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(digests.md5.unwrap().to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert!(digests.sha512.unwrap().to_string().starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(
            digests.blake2b.unwrap().to_string(),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
        );
    }

    #[test]
    fn a_digest_survives_its_text_and_refuses_what_is_not_one() {
        let digest = Sha256::of(b"x");
        assert_eq!(digest.to_string().parse::<Sha256>(), Ok(digest));
        assert_eq!("zz".parse::<Sha256>(), Err(MalformedDigest));
        assert_eq!("é".repeat(32).parse::<Sha256>(), Err(MalformedDigest));
        assert!(digest.matches(&Sha256::of(b"x")) && !digest.matches(&Sha256::of(b"y")));
    }
}
