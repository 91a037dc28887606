//! The raw rest of a path, and the one way to decode it.
//!
//! Routers decode too early: after decoding, `a%2fb` cannot be told from `a/b`, and a segment
//! that is not UTF-8 is silently missing. So feed types get the raw text and decode per segment.

use percent_encoding::percent_decode_str;
use proget_core::Refusal;
use std::borrow::Cow;

/// The part of the path behind the feed's name, undecoded, without leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTail(String);

impl RawTail {
    /// Takes the raw text; a leading slash is dropped.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(raw.strip_prefix('/').unwrap_or(raw).to_owned())
    }

    /// The raw text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, each decoded once: `@scope%2fname` is one. One trailing slash is forgiven.
    ///
    /// # Errors
    /// A refusal of empty, `.` and `..` segments (before and after decoding), of bytes that are not UTF-8
    /// and of control characters.
    pub fn segments(&self) -> Result<Vec<Cow<'_, str>>, Refusal> {
        let raw = self.0.strip_suffix('/').unwrap_or(&self.0);
        if raw.is_empty() {
            return Ok(Vec::new());
        }
        raw.split('/').map(decode).collect()
    }
}

fn decode(segment: &str) -> Result<Cow<'_, str>, Refusal> {
    let refuse = |rule: &'static str| Refusal::new("path", rule);
    let text = percent_decode_str(segment).decode_utf8();
    let text = text.map_err(|_| refuse("is not UTF-8 after percent-decoding"))?;
    if text.chars().any(char::is_control) || text.contains('\\') {
        return Err(refuse("contains a control character or a backslash"));
    }
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refuse("contains an empty, '.' or '..' segment"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scoped_name_is_one_segment_when_its_slash_is_encoded() {
        assert_eq!(RawTail::new("/@acme%2fwidget").segments().unwrap(), ["@acme/widget"]);
        assert_eq!(RawTail::new("@acme/widget/").segments().unwrap(), ["@acme", "widget"]);
        assert!(RawTail::new("/").segments().unwrap().is_empty());
    }

    #[test]
    fn paths_that_escape_or_are_not_text_are_refused() {
        for bad in ["a//b", "a/../b", "%2e%2e/b", "a%2f..%2fb", "a%00", "%ff", "a%0a", "%5c", "./a", "a%2f"] {
            assert!(RawTail::new(bad).segments().is_err(), "{bad}");
        }
    }
}
