//! Sealed values at rest. There is one place for them, so that whoever exchanges the key cannot forget
//! one: settings of the instance whose names begin with [`STORED`], such as `sealed.store-secret/7`.
//!
//! A value is bound to its name: copied to another row it does not open. Each change of one expects that
//! the key it was sealed with is the one that seals, and sealing anew expects besides that the value is
//! still the one that was opened; so a secret that is changed meanwhile is never overwritten by the old one.

use super::key::Fingerprint;
use super::ring::{KeyRing, OpenError, SealError};
use super::sealed::{Purpose, Sealed};
use super::secret::SecretBytes;
use super::settings::{KeySettings, expect_sealing};
use crate::catalog::{Expect, InstanceChange, SettingRow};
use std::collections::BTreeMap;

/// What the names of all settings begin with that hold a sealed value.
pub const STORED: &str = "sealed.";

/// The longest name of a secret, in bytes; settings have no longer ones.
pub const LONGEST_NAME: usize = 93;

/// A sealed value in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name, without [`STORED`].
    pub name: String,
    /// The value.
    pub sealed: Sealed,
}

/// A sealed value that cannot even be read is never passed over: nobody knows which key it needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value {0} cannot be read; a newer build may have written it")]
pub struct UnreadableSecret(pub String);

/// Why a sealed value was not sealed anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResealError {
    /// It does not open here.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be sealed here.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// A change of a sealed value, to be committed whole or not at all. Refused as
/// [`InstanceChanged`](crate::catalog::Conflict), it begins anew with what the catalogue has then.
#[derive(Debug, Clone)]
pub struct SecretChange {
    /// What must be so.
    pub expect: Vec<Expect>,
    /// What changes.
    pub change: InstanceChange,
}

impl Stored {
    /// All of them among these rows, by name.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn read(rows: &[SettingRow]) -> Result<Vec<Self>, UnreadableSecret> {
        let mut all = Vec::new();
        for row in rows {
            let Some(name) = row.name.strip_prefix(STORED) else { continue };
            let sealed = row.value.parse().map_err(|_| UnreadableSecret(name.to_owned()))?;
            all.push(Self { name: name.to_owned(), sealed });
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// What it says.
    ///
    /// # Errors
    /// The key is not in the ring; the value was altered, or belongs elsewhere.
    pub fn open(&self, ring: &KeyRing) -> Result<SecretBytes, OpenError> {
        ring.open(&bound_to(&self.name), &self.sealed)
    }

    /// The same, sealed with this key.
    ///
    /// # Errors
    /// It does not open here, or the key is not here.
    pub fn reseal(&self, ring: &KeyRing, with: Fingerprint) -> Result<SecretChange, ResealError> {
        let opened = self.open(ring)?;
        let mut change = SecretChange::seal(&self.name, opened.reveal(), ring, with)?;
        change.expect.push(Expect::Setting(setting(&self.name), Some(self.sealed.to_string())));
        Ok(change)
    }
}

impl SecretChange {
    /// A secret is stored under a name, instead of the one that may be there.
    ///
    /// # Errors
    /// The key is not here; no random bytes.
    pub fn seal(name: &str, secret: &[u8], ring: &KeyRing, with: Fingerprint) -> Result<Self, SealError> {
        let value = ring.seal(&bound_to(name), secret, with)?.to_string();
        let change = InstanceChange::Set { name: setting(name), value: Some(value) };
        Ok(Self { expect: vec![expect_sealing(with)], change })
    }

    /// A secret goes; nothing happens if there is none.
    #[must_use]
    pub fn forget(name: &str) -> Self {
        Self { expect: Vec::new(), change: InstanceChange::Set { name: setting(name), value: None } }
    }
}

/// How many values need which key, the canary among them.
#[must_use]
pub fn values_by_key(settings: &KeySettings, stored: &[Stored]) -> BTreeMap<Fingerprint, u64> {
    let mut counts = BTreeMap::new();
    let sealed = settings.canary.iter().chain(stored.iter().map(|one| &one.sealed));
    for sealed in sealed {
        *counts.entry(sealed.key()).or_default() += 1;
    }
    counts
}

fn setting(name: &str) -> String {
    format!("{STORED}{name}")
}

fn bound_to(name: &str) -> Purpose {
    Purpose::new("setting").of(setting(name))
}
