//! Packages of each format, as raw publishes. What they hold besides their names is noise, which no
//! compression makes smaller and no two of them share.

pub(crate) mod cargo;
pub(crate) mod npm;
pub(crate) mod pypi;

use proget_core::conformance::Dice;
use proget_tests::Outcome;

use crate::door::Upload;

/// A format, by the name that feeds have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Npm,
    Pypi,
    Cargo,
}

impl Kind {
    /// As it stands in paths and in commands.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Cargo => "cargo",
        }
    }

    /// The publish of one version with a file of `payload` bytes of noise.
    pub(crate) fn upload(
        self,
        name: &str,
        version: &str,
        payload: usize,
        dice: &mut Dice,
    ) -> Outcome<Upload> {
        match self {
            Self::Npm => npm::upload(name, version, payload, dice),
            Self::Pypi => pypi::upload(name, version, payload, dice),
            Self::Cargo => cargo::upload(name, version, payload, dice),
        }
    }
}

/// So many bytes that nobody else has.
pub(crate) fn noise(dice: &mut Dice, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&dice.roll().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
