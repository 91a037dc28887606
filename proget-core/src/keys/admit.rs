//! May a server with this ring take part in this instance?

use super::key::Fingerprint;
use super::ring::{KeyMissing, KeyRing, OpenError, SealError};
use super::settings::{KeyChange, KeySettings};
use uuid::Uuid;

/// The ring fits.
#[derive(Debug, Clone)]
pub enum Admission {
    /// The instance has no key and the server neither: nothing can be sealed.
    Keyless,
    /// It fits once this is committed: the instance names no key yet (the ring's first becomes the
    /// one that seals), or its canary was lost.
    Begin(KeyChange),
    /// The ring has the key that seals.
    InSync(Fingerprint),
}

/// Why a ring does not fit, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The instance has a key and the server none.
    #[error(
        "no encryption key is set, but this instance's key is {0}; give this server the same key as the others"
    )]
    NoKey(Fingerprint),
    /// The ring lacks the key that seals.
    #[error(
        "this server's encryption keys ({have}) are not this instance's key {needed}; give it the same as the others"
    )]
    OtherKey {
        /// The key that seals.
        needed: Fingerprint,
        /// The keys of the ring.
        have: String,
    },
    /// The canary does not open, or is not sealed with the key that seals.
    #[error("the canary of the key {0} is none of this instance; were its settings copied from another one?")]
    Canary(Fingerprint),
    /// The canary could not be made.
    #[error("the canary cannot be sealed")]
    Sealing(#[from] SealError),
}

/// Judges a ring by what the instance says about its keys.
///
/// # Errors
/// Why it does not fit. Such a server must not take part: it could not read what others seal.
pub fn admit(
    ring: Option<&KeyRing>,
    settings: &KeySettings,
    installation: Uuid,
) -> Result<Admission, Misfit> {
    let (ring, sealing) = match (ring, settings.sealing) {
        (None, None) => return Ok(Admission::Keyless),
        (None, Some(needed)) => return Err(Misfit::NoKey(needed)),
        (Some(ring), None) => {
            let Some(first) = ring.first() else { return Ok(Admission::Keyless) };
            return Ok(Admission::Begin(KeyChange::new(None, first, ring, installation)?));
        }
        (Some(ring), Some(sealing)) => (ring, sealing),
    };
    if !ring.has(sealing) {
        let have: Vec<String> = ring.fingerprints().iter().map(ToString::to_string).collect();
        return Err(Misfit::OtherKey { needed: sealing, have: have.join(", ") });
    }
    let Some(canary) = &settings.canary else {
        return Ok(Admission::Begin(KeyChange::new(Some(sealing), sealing, ring, installation)?));
    };
    match ring.check_canary(canary, installation) {
        Ok(()) if canary.key() == sealing => Ok(Admission::InSync(sealing)),
        Ok(()) | Err(OpenError::Broken { .. }) => Err(Misfit::Canary(sealing)),
        Err(OpenError::Missing(KeyMissing(key))) => Err(Misfit::Canary(key)),
    }
}
