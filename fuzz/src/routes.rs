//! Raw paths: the one decoder, and each feed type's reading of them.
//!
//! However a path is encoded, it is the same path: what is decoded and then encoded in another way
//! must be understood as before. Nothing that is accepted can leave its folder.

use super::Verdict;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proget_core::FeedFormat;
use proget_core::package::{NameKey, VersionKey};
use proget_feeds::http::RawTail;
use std::borrow::Cow;
use std::fmt::Debug;

pub(super) fn raw_tail(data: &[u8]) -> Verdict {
    let Some((_, segments)) = tail(data) else { return Verdict::Refused };
    let again = encoded(&segments);
    let again = again.segments().map(|segments| segments.into_iter().map(Cow::into_owned).collect());
    assert_eq!(again, Ok(segments));
    Verdict::Accepted
}

/// The path and its segments, if it has any.
fn tail(data: &[u8]) -> Option<(RawTail, Vec<String>)> {
    let tail = RawTail::new(std::str::from_utf8(data).ok()?);
    let segments: Vec<String> = tail.segments().ok()?.into_iter().map(Cow::into_owned).collect();
    for segment in &segments {
        assert!(!segment.split('/').any(|part| matches!(part, "" | "." | "..")), "{tail:?}");
        assert!(!segment.contains('\\') && !segment.chars().any(char::is_control), "{tail:?}");
    }
    (!segments.is_empty()).then_some((tail, segments))
}

/// The same path with everything encoded that can be.
fn encoded(segments: &[String]) -> RawTail {
    let encode = |segment: &String| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string();
    RawTail::new(&segments.iter().map(encode).collect::<Vec<_>>().join("/"))
}

/// Reads a path twice, as it came and with everything encoded.
fn twice<R: PartialEq + Debug, E: PartialEq + Debug>(
    data: &[u8],
    parse: impl Fn(&RawTail) -> Result<R, E>,
) -> Option<R> {
    let (tail, segments) = tail(data)?;
    let route = parse(&tail);
    assert_eq!(parse(&encoded(&segments)), route, "{tail:?}");
    route.ok()
}

fn is_key(format: &dyn FeedFormat, key: &NameKey) {
    assert_eq!(format.name(key.as_str()).expect("a route's name is a name").key(), key);
}

fn is_version(format: &dyn FeedFormat, key: &VersionKey) {
    assert_eq!(format.version(key.as_str()).expect("a route's version is one").key(), key);
}

pub(super) fn npm(data: &[u8]) -> Verdict {
    use proget_feeds::npm::{NPM, route::Route};
    match twice(data, Route::parse) {
        None | Some(Route::Unknown) => return Verdict::Refused,
        Some(Route::File(name, file) | Route::FileRevision(name, file, _)) => {
            is_key(&NPM, &name);
            assert!(!file.as_str().contains('/'), "{file:?}");
        }
        Some(
            Route::Package(name)
            | Route::Version(name, _)
            | Route::Revision(name, _)
            | Route::Tags(name)
            | Route::Tag(name, _),
        ) => is_key(&NPM, &name),
        Some(_) => {}
    }
    Verdict::Accepted
}

pub(super) fn pypi(data: &[u8]) -> Verdict {
    use proget_feeds::pypi::{PYPI, Route};
    match twice(data, Route::parse) {
        None | Some(Route::Unknown) => return Verdict::Refused,
        Some(Route::File(name, file) | Route::FileMetadata(name, file)) => {
            is_key(&PYPI, &name);
            assert!(!file.as_str().contains('/'), "{file:?}");
        }
        Some(Route::VersionJson(name, version)) => {
            is_key(&PYPI, &name);
            is_version(&PYPI, &version);
        }
        Some(Route::Project(name) | Route::ProjectJson(name)) => is_key(&PYPI, &name),
        Some(_) => {}
    }
    Verdict::Accepted
}

pub(super) fn cargo(data: &[u8]) -> Verdict {
    use proget_feeds::cargo::{CARGO, index, route::Route};
    match twice(data, Route::parse) {
        None | Some(Route::Unknown) => return Verdict::Refused,
        Some(Route::Index(name, asked)) => {
            is_key(&CARGO, &name);
            let path = std::str::from_utf8(data).expect("it was read");
            let plain = path.trim_matches('/') == index::path(&asked);
            assert!(plain || path.contains('%'), "{asked} is not at {path}");
        }
        Some(
            Route::Version(name, version)
            | Route::Download(name, version)
            | Route::Readme(name, version)
            | Route::Yank(name, version)
            | Route::Unyank(name, version),
        ) => {
            is_key(&CARGO, &name);
            is_version(&CARGO, &version);
        }
        Some(Route::Crate(name) | Route::Owners(name)) => is_key(&CARGO, &name),
        Some(_) => {}
    }
    Verdict::Accepted
}
