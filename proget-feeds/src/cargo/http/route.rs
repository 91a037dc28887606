//! The raw path behind a feed's name, as one validated value.
//!
//! The index and the API share one root; no path can be of both, because the index's folders have
//! one or two characters. What surprised us: cargo asks the index for other spellings of a name
//! too (`-` for `_`), and must not be given a crate that it did not ask for; so the spelling of the
//! path is kept.

use crate::cargo::{index, name, version};
use crate::http::RawTail;
use proget_core::Refusal;
use proget_core::package::{NameKey, VersionKey};

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/config.json`
    Config,
    /// `/{ab}/{cd}/{name}` and its shorter kin: the crate, and its name as it was asked for.
    Index(NameKey, String),
    /// `/api/v1/crates`
    Crates,
    /// `/api/v1/crates/new`
    New,
    /// `/api/v1/crates/{crate}`
    Crate(NameKey),
    /// `/api/v1/crates/{crate}/{version}`
    Version(NameKey, VersionKey),
    /// `/api/v1/crates/{crate}/{version}/download`
    Download(NameKey, VersionKey),
    /// `/api/v1/crates/{crate}/{version}/readme`
    Readme(NameKey, VersionKey),
    /// `/api/v1/crates/{crate}/{version}/yank`
    Yank(NameKey, VersionKey),
    /// `/api/v1/crates/{crate}/{version}/unyank`
    Unyank(NameKey, VersionKey),
    /// `/api/v1/crates/{crate}/owners`
    Owners(NameKey),
    /// `/me`
    Me,
    /// Nothing that is served.
    Unknown,
}

impl Route {
    /// Reads a path.
    ///
    /// # Errors
    /// A refusal for who wants to change something at it.
    pub fn parse(tail: &RawTail) -> Result<Self, Refusal> {
        let segments = tail.segments()?;
        let parts: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match parts.as_slice() {
            ["config.json"] => Ok(Self::Config),
            ["me"] => Ok(Self::Me),
            ["api", "v1", "crates", rest @ ..] => api(rest),
            [_, asked] | [_, _, asked] => in_index(&parts.join("/"), asked),
            _ => Ok(Self::Unknown),
        }
    }
}

fn in_index(path: &str, asked: &str) -> Result<Route, Refusal> {
    let name = name::parse(asked)?;
    // Exactly where it belongs, and in lower case: another place would be another document.
    if index::path(asked) != path {
        return Ok(Route::Unknown);
    }
    Ok(Route::Index(name.key().clone(), asked.to_owned()))
}

fn api(parts: &[&str]) -> Result<Route, Refusal> {
    let key = |name: &str| Ok(name::parse(name)?.key().clone());
    let both = |name: &str, version: &str| Ok((key(name)?, version::parse(version)?.key().clone()));
    let of = |route: fn(NameKey, VersionKey) -> Route, name: &str, version: &str| {
        both(name, version).map(|(name, version)| route(name, version))
    };
    match parts {
        [] => Ok(Route::Crates),
        ["new"] => Ok(Route::New),
        [name] => Ok(Route::Crate(key(name)?)),
        [name, "owners"] => Ok(Route::Owners(key(name)?)),
        [name, version] => of(Route::Version, name, version),
        [name, version, "download"] => of(Route::Download, name, version),
        [name, version, "readme"] => of(Route::Readme, name, version),
        [name, version, "yank"] => of(Route::Yank, name, version),
        [name, version, "unyank"] => of(Route::Unyank, name, version),
        _ => Ok(Route::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> NameKey {
        name::parse(name).unwrap().key().clone()
    }

    fn one() -> VersionKey {
        version::parse("1.0.0").unwrap().key().clone()
    }

    fn route(path: &str) -> Route {
        Route::parse(&RawTail::new(path)).unwrap()
    }

    #[test]
    fn a_document_of_the_index_is_found_in_its_place_only() {
        assert_eq!(route("/se/rd/serde_json"), Route::Index(key("serde-json"), "serde_json".into()));
        assert_eq!(route("3/a/abc"), Route::Index(key("abc"), "abc".into()));
        assert_eq!(route("2/ab"), Route::Index(key("ab"), "ab".into()));
        for elsewhere in
            ["se/rd/SERDE", "SE/RD/serde", "se/xx/serde", "3/b/abc", "1/ab", "x/serde", "se/serde"]
        {
            assert_eq!(route(elsewhere), Route::Unknown, "{elsewhere}");
        }
    }

    #[test]
    fn build_metadata_is_no_part_of_a_version_s_key_encoded_or_not() {
        for path in ["1.0.0", "1.0.0+linux", "1.0.0%2Blinux"] {
            let path = format!("/api/v1/crates/Foo_Bar/{path}/download");
            assert_eq!(route(&path), Route::Download(key("foo-bar"), one()), "{path}");
        }
    }

    #[test]
    fn requests_of_the_api_are_told_apart() {
        for (path, expected) in [
            ("", Route::Crates),
            ("/", Route::Crates),
            ("/new", Route::New),
            ("/a", Route::Crate(key("a"))),
            ("/a/owners", Route::Owners(key("a"))),
            ("/a/1.0.0", Route::Version(key("a"), one())),
            ("/a/1.0.0/yank", Route::Yank(key("a"), one())),
            ("/a/1.0.0/unyank", Route::Unyank(key("a"), one())),
            ("/a/1.0.0/readme", Route::Readme(key("a"), one())),
            ("/a/1.0.0/x", Route::Unknown),
        ] {
            assert_eq!(route(&format!("api/v1/crates{path}")), expected, "{path}");
        }
        assert_eq!(
            (route("config.json"), route("me"), route("")),
            (Route::Config, Route::Me, Route::Unknown)
        );
    }

    #[test]
    fn paths_that_are_none_are_refused() {
        for bad in [
            "a//b",
            "..",
            "1/%2e%2e",
            "1/%ff",
            "1/a%00",
            "1/a%2fb",
            "api/v1/crates/a/1.0",
            "api/v1/crates/std",
            "api/v1/crates/a/1.0.0%2f../download",
        ] {
            assert!(Route::parse(&RawTail::new(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_parsed_or_refused(path in "([-a-z%0-9._+:A-F]{0,6}/){0,5}[-a-z%0-9._+:A-F]{0,9}") {
            if let Ok(Route::Index(name, asked)) = Route::parse(&RawTail::new(&path)) {
                prop_assert_eq!(name.as_str().replace('-', "_"), asked.replace('-', "_"));
            }
        }
    }
}
