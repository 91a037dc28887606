//! Which keys login sessions are made with and hold by while the key is exchanged. Pure.

use super::derive::SessionKeys;
use super::machine::MachineKey;
use super::ring::KeyRing;
use super::settings::KeySettings;

/// The keys of login sessions on this server: the first makes them, and a session holds by any of them.
///
/// With a machine key that is the only one. Otherwise the key that seals makes sessions, and those of every
/// other key in the ring hold until that key is retired; so a session goes on through an exchange of the
/// key, on whichever server it arrives. Without any key there are none.
#[must_use]
pub fn session_keys(
    ring: Option<&KeyRing>,
    machine: Option<&MachineKey>,
    settings: &KeySettings,
) -> Vec<SessionKeys> {
    if let Some(machine) = machine {
        return vec![machine.session_keys()];
    }
    let Some(ring) = ring else { return Vec::new() };
    let others = ring
        .fingerprints()
        .into_iter()
        .filter(|key| Some(*key) != settings.sealing && !settings.retired.contains(key));
    let order = settings.sealing.into_iter().chain(others);
    order.filter_map(|key| ring.session_keys(key).ok()).collect()
}
