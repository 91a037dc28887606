//! Conditional requests and ranges, as pure questions about headers.
//!
//! See <https://www.rfc-editor.org/rfc/rfc9110#section-13> and
//! <https://www.rfc-editor.org/rfc/rfc9110#section-14>. Of several ranges none is served: the whole
//! file is a correct answer, and nobody who downloads packages asks for two parts at once.

use poem::http::{HeaderMap, HeaderName, header};
use poem::web::headers::{HeaderMapExt as _, IfModifiedSince};
use std::ops::Range;
use std::time::SystemTime;

/// Has the caller the thing already? `tags` are the entity tags of all its representations.
#[must_use]
pub fn is_known(headers: &HeaderMap, tags: &[&str], modified: Option<SystemTime>) -> bool {
    if let Some(wanted) = text(headers, header::IF_NONE_MATCH) {
        // A weak comparison; the date does not count beside it.
        let given = wanted.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
        return given.into_iter().any(|tag| tag == "*" || tags.contains(&tag));
    }
    match (headers.typed_get::<IfModifiedSince>(), modified) {
        (Some(since), Some(modified)) => !since.is_modified(modified),
        _ => false,
    }
}

/// The part of a file that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// These bytes; never empty.
    Bytes(Range<u64>),
    /// Bytes that it does not have.
    Outside,
}

/// Which part of `size` bytes tagged `tag` is asked for?
#[must_use]
pub fn part(headers: &HeaderMap, size: u64, tag: &str) -> Part {
    // Only a strong tag may guard a range; a date or another tag means: if in doubt, all of it.
    if text(headers, header::IF_RANGE).is_some_and(|guard| guard.trim() != tag) {
        return Part::Whole;
    }
    let asked = text(headers, header::RANGE).and_then(|range| range.trim().strip_prefix("bytes="));
    let Some((first, last)) =
        asked.filter(|range| !range.contains(',')).and_then(|range| range.split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| -> Option<u64> {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large to be read is past the end of anything.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Part::Whole,
        (Some(first), _) if first >= size => Part::Outside,
        (Some(first), Some(last)) => Part::Bytes(first..last.saturating_add(1).min(size)),
        (Some(first), None) if last.trim().is_empty() => Part::Bytes(first..size),
        (None, Some(0)) if first.trim().is_empty() => Part::Outside,
        (None, Some(_)) if first.trim().is_empty() && size == 0 => Part::Outside,
        (None, Some(suffix)) if first.trim().is_empty() => Part::Bytes(size.saturating_sub(suffix)..size),
        _ => Part::Whole,
    }
}

/// May the body be compressed with gzip? Without the header it may not: those who do not send
/// it are scripts that do not decompress.
#[must_use]
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut weights = [None; 3];
    for line in headers.get_all(header::ACCEPT_ENCODING) {
        for one in line.to_str().unwrap_or_default().split(',') {
            let (coding, rest) = one.split_once(';').unwrap_or((one, ""));
            let weight = match rest.trim().strip_prefix(['q', 'Q']).map(str::trim_start) {
                Some(weight) => weight.trim_start_matches('=').trim().parse::<f32>().unwrap_or(0.0),
                None => 1.0,
            };
            let at =
                ["gzip", "*", "identity"].iter().position(|known| coding.trim().eq_ignore_ascii_case(known));
            if let Some(at) = at {
                weights[at] = Some(weight);
            }
        }
    }
    let [gzip, any, identity] = weights;
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_tag_is_recognised_in_a_list_weak_or_as_a_star() {
        for value in ["\"a\"", "\"x\", \"a\"", "W/\"a\"", "*", "\"a-gzip\""] {
            assert!(
                is_known(&headers(&[(header::IF_NONE_MATCH, value)]), &["\"a\"", "\"a-gzip\""], None),
                "{value}"
            );
        }
        assert!(!is_known(&headers(&[(header::IF_NONE_MATCH, "\"b\"")]), &["\"a\""], None));
        assert!(!is_known(&headers(&[]), &["\"a\""], None));
    }

    #[test]
    fn a_date_counts_only_without_a_tag() {
        let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        let same = (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let older = (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT");
        assert!(is_known(&headers(std::slice::from_ref(&same)), &[], modified));
        assert!(!is_known(&headers(&[older]), &[], modified));
        assert!(!is_known(&headers(&[same, (header::IF_NONE_MATCH, "\"b\"")]), &["\"a\""], modified));
    }

    #[test]
    fn ranges_are_understood_or_passed_over() {
        for (value, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-5", Part::Bytes(2..6)),
            ("bytes=8-99", Part::Bytes(8..10)),
            ("bytes=4-", Part::Bytes(4..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-99", Part::Bytes(0..10)),
            ("bytes=10-", Part::Outside),
            ("bytes=99999999999999999999999-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=5-2", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(part(&headers(&[(header::RANGE, value)]), 10, "\"a\""), expected, "{value}");
        }
        assert_eq!(part(&headers(&[(header::RANGE, "bytes=-1")]), 0, "\"a\""), Part::Outside);
    }

    #[test]
    fn a_range_is_guarded_by_a_strong_tag_only() {
        let range = (header::RANGE, "bytes=0-0");
        for (guard, expected) in [
            ("\"a\"", Part::Bytes(0..1)),
            ("\"b\"", Part::Whole),
            ("W/\"a\"", Part::Whole),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Part::Whole),
        ] {
            assert_eq!(
                part(&headers(&[range.clone(), (header::IF_RANGE, guard)]), 10, "\"a\""),
                expected,
                "{guard}"
            );
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_like_it_at_least_as_much() {
        for (value, expected) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("GZIP;q=1.0, identity;q=0.5", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("*;q=0", false),
            ("gzip;q=0.1, identity", false),
            ("br", false),
            ("gzip;q=x", false),
        ] {
            assert_eq!(accepts_gzip(&headers(&[(header::ACCEPT_ENCODING, value)])), expected, "{value}");
        }
        assert!(!accepts_gzip(&headers(&[])));
    }
}
