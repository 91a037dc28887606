//! Conditional requests and ranges: a line a header, then any headers.
//!
//! A part that is served lies within the file and is not empty; whoever names the tag has the file.

use super::Verdict;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use proget_feeds::http::condition::{Part, accepts_gzip, is_known, part};
use std::time::{Duration, SystemTime};

const TAG: &str = "\"a\"";
const SENT: [HeaderName; 5] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::ACCEPT_ENCODING,
];

/// The first two bytes are the file's size; then a line for each header.
pub(super) fn all(data: &[u8]) -> Verdict {
    let Some((size, lines)) = data.split_first_chunk::<2>() else { return Verdict::Refused };
    let size = u64::from(u16::from_le_bytes(*size));
    let mut headers = HeaderMap::new();
    for (name, line) in SENT.into_iter().zip(lines.split(|byte| *byte == b'\n')) {
        if let Some(value) = HeaderValue::from_bytes(line).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    }
    let asked = part(&headers, size, TAG);
    if let Part::Bytes(range) = &asked {
        assert!(range.start < range.end && range.end <= size, "{range:?} of {size}: {headers:?}");
    }
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let known = is_known(&headers, &[TAG], Some(modified));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == TAG || value == "*") {
        assert!(known, "{headers:?}");
    }
    if !headers.contains_key(header::IF_NONE_MATCH) && !headers.contains_key(header::IF_MODIFIED_SINCE) {
        assert!(!known, "{headers:?}");
    }
    let gzip = accepts_gzip(&headers);
    assert!(!gzip || headers.contains_key(header::ACCEPT_ENCODING), "{headers:?}");
    let understood = gzip || known || asked != Part::Whole;
    if understood { Verdict::Accepted } else { Verdict::Refused }
}
