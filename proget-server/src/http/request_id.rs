//! The id of a request: what ties an answer to its lines in the log.
//!
//! Held inline, because every request has one and it is copied to several places.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use poem::{Request, http::HeaderValue};
use uuid::Uuid;

/// The header that carries the id, in both directions.
pub const REQUEST_ID: &str = "x-request-id";

/// The most bytes an id has.
const LONGEST: usize = 64;

/// Names one request in logs and answers: the client's own id if it is short and harmless, else
/// a random one. In the request's extensions, and echoed in every answer.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; LONGEST],
    length: u8,
}

impl RequestId {
    pub(super) fn of(request: &Request) -> Self {
        request.header(REQUEST_ID).and_then(Self::harmless).unwrap_or_else(Self::random)
    }

    /// `None` for text that nobody would want in a log or an answer.
    fn harmless(text: &str) -> Option<Self> {
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        if text.is_empty() || !text.as_bytes().iter().all(harmless) {
            return None;
        }
        let mut id = Self { text: [0; LONGEST], length: u8::try_from(text.len()).ok()? };
        id.text.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(id)
    }

    fn random() -> Self {
        let mut text = [0; LONGEST];
        let written = Uuid::new_v4().simple().encode_lower(&mut text).len();
        Self { text, length: u8::try_from(written).unwrap_or_default() }
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Letters, digits, `.`, `_` and `-`; at most 64.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// As the answer carries it.
    pub(super) fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(self.bytes()).ok()
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_id_is_kept_and_any_other_is_replaced() {
        let id_of = |given: &str| RequestId::of(&Request::builder().header(REQUEST_ID, given).finish());
        let longest = "x".repeat(LONGEST);
        for good in ["7", "build-7.2_a", &longest] {
            assert_eq!(id_of(good).as_str(), good);
            assert_eq!(id_of(good).to_string(), good);
            assert_eq!(id_of(good).header_value().unwrap(), good);
            assert_eq!(id_of(good), id_of(good));
        }
        for bad in ["", "two words", "line\u{e9}", "<script>", "a\u{7f}", &"x".repeat(65), &"x".repeat(300)] {
            let id = id_of(bad);
            assert_ne!(id.as_str(), bad);
            assert_eq!(id.as_str().len(), 32);
            assert!(id.as_str().bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{id}");
        }
        assert_ne!(id_of(""), id_of(""));
    }
}
