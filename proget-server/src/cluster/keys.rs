//! Has this server the keys of its cluster? Asked before it joins: whoever has others could not read
//! what the servers seal. The first server of an instance begins with its first key.

use proget_core::Principal;
use proget_core::Registry;
use proget_core::keys::{Admission, Fingerprint, KeyRing, KeySettings, Misfit, UnreadableKeys, admit};
use proget_core::problem::Problem;

/// Why a server may not take part.
#[derive(Debug, thiserror::Error)]
pub enum KeysRefused {
    /// Its keys do not fit; PROGET_ENCRYPTION_KEY must be the same on every server.
    #[error("this server has not the encryption keys of its cluster")]
    Misfit(#[from] Misfit),
    /// What the instance says about its keys cannot be read.
    #[error("reading which key is in use")]
    Unreadable(#[from] UnreadableKeys),
    /// The instance cannot be asked, or not be told.
    #[error("asking which key is in use: {0}")]
    Unanswered(String),
}

/// Others may begin with the same key at the same moment.
const ATTEMPTS: usize = 5;

/// Judges the keys; where the instance has none yet, it begins with the first of them. Returns which one
/// seals.
///
/// # Errors
/// Why this server may not take part.
pub(crate) async fn admit_keys(
    registry: &Registry,
    ring: Option<&KeyRing>,
) -> Result<Option<Fingerprint>, KeysRefused> {
    let caller = Principal::system();
    let unanswered = |problem: Problem| KeysRefused::Unanswered(crate::plain::sentence(&problem));
    for _ in 0..ATTEMPTS {
        let (row, rows) = registry.instance(&caller).await.map_err(unanswered)?;
        let settings = KeySettings::read(&rows)?;
        match admit(ring, &settings, row.installation)? {
            Admission::Begin(change) => match registry.change_keys(&caller, change).await {
                Ok(_) | Err(Problem::Changed(_)) => {}
                Err(problem) => return Err(unanswered(problem)),
            },
            _ => return Ok(settings.sealing),
        }
    }
    Err(KeysRefused::Unanswered("others are changing the keys at this moment".into()))
}
