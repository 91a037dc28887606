//! Hexadecimal digits of secrets, in both directions, without copies that stay in memory.
//!
//! Apart from `digest`'s own because the errors are for people who paste keys, and must never repeat
//! what was pasted.

use super::key::KeyError;
use super::secret::SecretBytes;
use crate::access::Secret;

/// The bytes that hexadecimal digits mean, if there is one of these numbers of bytes.
pub(super) fn decode(
    text: &str,
    lengths: &'static str,
    fits: impl Fn(usize) -> bool,
) -> Result<SecretBytes, KeyError> {
    let digits = text.chars().count();
    if digits % 2 == 1 || !fits(digits / 2) {
        return Err(KeyError::Length { digits, lengths });
    }
    // As long as it will become: growing would leave a copy behind.
    let mut bytes = Vec::with_capacity(digits / 2);
    let mut high = None;
    for (at, digit) in text.chars().enumerate() {
        let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
        let Some(value) = value else {
            drop(SecretBytes::new(bytes));
            return Err(KeyError::NotHexadecimal { at: at + 1 });
        };
        match high.take() {
            None => high = Some(value),
            Some(first) => bytes.push(first << 4 | value),
        }
    }
    if bytes.windows(2).all(|pair| pair[0] == pair[1]) {
        return Err(KeyError::Placeholder);
    }
    Ok(SecretBytes::new(bytes))
}

/// Lower-case hexadecimal digits.
pub(super) fn encode(bytes: &[u8]) -> Secret {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    Secret::new(text)
}
