//! Names, versions and package URLs.
//!
//! Accepted names and versions survive their own spelling, their keys fit the catalogue, and order
//! keys order as the format compares. Semantic versions are held against the `semver` crate.

use super::Verdict;
use super::package_url::Purl;
use proget_core::FeedFormat;
use proget_core::package::{NameKey, OrderKey, Version, VersionKey};
use proget_feeds::semver::{MAX_CHARS, SemVer};

pub(super) fn npm(data: &[u8]) -> Verdict {
    of_format(&proget_feeds::npm::NPM, data)
}

pub(super) fn pypi(data: &[u8]) -> Verdict {
    of_format(&proget_feeds::pypi::PYPI, data)
}

pub(super) fn cargo(data: &[u8]) -> Verdict {
    of_format(&proget_feeds::cargo::CARGO, data)
}

/// The first line is a name, the others are versions.
fn of_format(format: &dyn FeedFormat, data: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let named = lines.next().is_some_and(|raw| name(format, raw));
    let accepted: Vec<Version> = lines.filter_map(|raw| version(format, raw)).collect();
    for left in &accepted {
        for right in &accepted {
            let own = format.compare(left.as_str(), right.as_str()).expect("both are accepted");
            assert_eq!(left.order().cmp(right.order()), own, "{left} and {right}");
            assert!(left.key() != right.key() || own.is_eq(), "{left} and {right} have one key");
        }
    }
    if named && !accepted.is_empty() { Verdict::Accepted } else { Verdict::Refused }
}

fn name(format: &dyn FeedFormat, raw: &str) -> bool {
    let Ok(name) = format.name(raw) else { return false };
    let key = name.key().as_str();
    assert!(!key.is_empty() && key.len() <= NameKey::MAX_BYTES, "{raw:?}");
    assert!(!key.split('/').any(|part| matches!(part, "" | "." | "..")), "{raw:?} escapes as {key:?}");
    assert!(!key.contains('\\') && !key.chars().any(char::is_control), "{raw:?} is no name for a file");
    assert_eq!(format.name(name.as_str()).as_ref(), Ok(&name), "{raw:?} does not survive its spelling");
    let again = format.name(key).expect("a key is a spelling of its name");
    assert_eq!(again.key(), name.key(), "the key of {raw:?} is another package");
    true
}

fn version(format: &dyn FeedFormat, raw: &str) -> Option<Version> {
    let version = format.version(raw).ok()?;
    let key = version.key().as_str();
    assert!(!key.is_empty() && key.len() <= VersionKey::MAX_BYTES, "{raw:?}");
    assert!(version.order().0.len() <= OrderKey::MAX_BYTES, "{raw:?}");
    assert_eq!(format.version(version.as_str()).as_ref(), Ok(&version), "{raw:?} does not survive");
    let again = format.version(key).expect("a key is a spelling of its version");
    assert_eq!(again.key(), version.key(), "the key of {raw:?} is another version");
    Some(version)
}

/// Two lines, two versions: accepted, printed and ordered as the `semver` crate does it.
pub(super) fn semver(data: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(data);
    let parsed = text.splitn(2, '\n').map(|raw| {
        let (ours, theirs) = (SemVer::parse(raw).ok(), semver::Version::parse(raw).ok());
        assert!(ours.is_some() == theirs.is_some() || raw.len() > MAX_CHARS, "{raw:?}: {ours:?} {theirs:?}");
        let ours = ours?;
        assert_eq!(ours.to_string(), raw);
        Some((ours, theirs?))
    });
    let parsed: Vec<_> = parsed.flatten().collect();
    if let [(left, their_left), (right, their_right)] = parsed.as_slice() {
        let order = their_left.cmp_precedence(their_right);
        assert_eq!(left.partial_cmp(right), Some(order), "{text:?}");
        assert_eq!(left.order_key().cmp(&right.order_key()), order, "{text:?}");
        assert_eq!(left.precedence() == right.precedence(), order.is_eq(), "{text:?}");
    }
    if parsed.is_empty() { Verdict::Refused } else { Verdict::Accepted }
}

/// What is read is written so that it is read again.
pub(super) fn purl(data: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(data);
    let Ok(purl) = Purl::parse(&text) else { return Verdict::Refused };
    let written = purl.to_string();
    assert_eq!(Purl::parse(&written).as_ref(), Ok(&purl), "{text:?} is written {written:?}");
    Verdict::Accepted
}
