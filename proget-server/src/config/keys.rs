//! The keys that a server is configured with, and what is said about texts that are none.

use super::complaint::Complaint;
use proget_core::keys::{KeyError, KeyRing, MachineKey, RingError, SameKeys};
use proget_core::problem::chain;
use std::str::FromStr;

/// The keys of this server. Printing it shows fingerprints only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// What secrets are sealed and opened with; without it nothing can be.
    pub ring: Option<KeyRing>,
    /// What login sessions are made with instead of what follows from the ring.
    pub machine: Option<MachineKey>,
}

pub(super) fn ring(text: &str) -> Result<KeyRing, String> {
    text.parse().map_err(|error: RingError| match error {
        RingError::Twice { .. } => error.to_string(),
        _ => format!("{}; 'proget keys generate' makes one", chain(&error)),
    })
}

pub(super) fn part<T: FromStr<Err = KeyError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{error}; 'proget keys generate --machine-key' makes both"))
}

pub(super) fn complaint(error: SameKeys) -> Complaint {
    Complaint { what: error.to_string(), hint: "'proget keys generate --machine-key' makes both".into() }
}
