//! What the instance says about its keys: which one seals, and a canary sealed with it.
//!
//! The canary lets a server find out that it has *the* key and not just one whose fingerprint it
//! claims, before anything depends on it. Both rows change in one commit, which expects the key that
//! sealed before; so of two servers that begin at the same moment with different keys one is refused.

use super::key::Fingerprint;
use super::ring::{KeyRing, OpenError, SealError};
use super::sealed::{Purpose, Sealed};
use crate::catalog::{Expect, InstanceChange, SettingRow};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The name of the setting that holds the fingerprint of the key that seals.
pub const SEALING: &str = "keys.sealing";

/// The name of the setting that holds the canary.
pub const CANARY: &str = "keys.canary";

/// The name of the setting that holds the fingerprints of the keys that were retired, separated by spaces.
pub const RETIRED: &str = "keys.retired";

/// What every canary says.
const SONG: &[u8] = b"this server has the key of this instance";

/// What the instance says about its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySettings {
    /// The key that seals; `None` while no server with a key has joined.
    pub sealing: Option<Fingerprint>,
    /// The canary.
    pub canary: Option<Sealed>,
    /// The keys that were retired: they never seal again, and no session holds by them.
    pub retired: BTreeSet<Fingerprint>,
}

/// A setting about keys that cannot be read is never passed over: the next commit would overwrite it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the instance's setting {0} cannot be read; a newer build may have written it")]
pub struct UnreadableKeys(pub &'static str);

impl KeySettings {
    /// What these rows mean. Rows of others are passed over.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn read(rows: &[SettingRow]) -> Result<Self, UnreadableKeys> {
        let value = |name: &str| rows.iter().find(|row| row.name == name).map(|row| row.value.as_str());
        Ok(Self {
            sealing: value(SEALING).map(str::parse).transpose().map_err(|_| UnreadableKeys(SEALING))?,
            canary: value(CANARY).map(str::parse).transpose().map_err(|_| UnreadableKeys(CANARY))?,
            retired: value(RETIRED)
                .unwrap_or_default()
                .split_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| UnreadableKeys(RETIRED))?,
        })
    }
}

impl KeyRing {
    /// A canary of this instance, to be stored beside the name of the key that seals.
    ///
    /// # Errors
    /// The key is not here; no random bytes.
    pub fn canary(&self, with: Fingerprint, installation: Uuid) -> Result<Sealed, SealError> {
        self.seal(&canary_of(installation), SONG, with)
    }

    /// Has this ring the key that a canary of this instance was sealed with?
    ///
    /// # Errors
    /// No, or the canary is not one of this instance.
    pub fn check_canary(&self, canary: &Sealed, installation: Uuid) -> Result<(), OpenError> {
        let purpose = canary_of(installation);
        let opened = self.open(&purpose, canary)?;
        if opened.reveal() == SONG { Ok(()) } else { Err(OpenError::Broken { key: canary.key(), purpose }) }
    }
}

fn canary_of(installation: Uuid) -> Purpose {
    Purpose::new("canary").of(installation)
}

/// Every commit of a sealed value expects this of the key that it was sealed with. It holds the
/// instance row, so a promotion waits for it or is seen by it, and the old key seals nothing after it.
#[must_use]
pub fn expect_sealing(key: Fingerprint) -> Expect {
    Expect::Setting(SEALING.into(), Some(key.to_string()))
}

/// A change of the key that seals, to be committed whole or not at all. Refused as
/// [`InstanceChanged`](crate::catalog::Conflict), it is judged anew.
#[derive(Debug, Clone)]
pub struct KeyChange {
    /// What must be so.
    pub expect: Expect,
    /// What changes.
    pub changes: [InstanceChange; 2],
    /// What the journal says.
    pub subject: String,
}

impl KeyChange {
    pub(super) fn new(
        before: Option<Fingerprint>,
        after: Fingerprint,
        ring: &KeyRing,
        installation: Uuid,
    ) -> Result<Self, SealError> {
        let canary = ring.canary(after, installation)?;
        let set = |name: &str, value: String| InstanceChange::Set { name: name.into(), value: Some(value) };
        Ok(Self {
            expect: Expect::Setting(SEALING.into(), before.map(|key| key.to_string())),
            changes: [set(SEALING, after.to_string()), set(CANARY, canary.to_string())],
            subject: format!("the key {after} seals"),
        })
    }
}
