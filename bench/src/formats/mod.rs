//! Packages of each format, as raw publishes. What they hold besides their names is noise, which no
//! compression makes smaller and no two of them share.

pub(crate) mod npm;

use proget_core::conformance::Dice;

/// So many bytes that nobody else has.
pub(crate) fn noise(dice: &mut Dice, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&dice.roll().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
