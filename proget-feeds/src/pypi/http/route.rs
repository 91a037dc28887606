//! The raw path behind a feed's name, as one validated value.

use crate::http::RawTail;
use crate::pypi::{name, version};
use proget_core::Refusal;
use proget_core::package::{FileName, NameKey, VersionKey};

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Root,
    /// `/simple/`: all projects
    Projects,
    /// `/simple/{project}/`
    Project(NameKey),
    /// `/packages/{project}/{file}`
    File(NameKey, FileName),
    /// `/packages/{project}/{file}.metadata`, the file's name without that ending
    FileMetadata(NameKey, FileName),
    /// `/pypi/{project}/json`
    ProjectJson(NameKey),
    /// `/pypi/{project}/{version}/json`
    VersionJson(NameKey, VersionKey),
    /// `/legacy`: uploads
    Upload,
    /// `/pypi`: questions in XML
    XmlRpc,
    /// Nothing that is served.
    Unknown,
}

impl Route {
    /// Reads a path; names and versions may be spelled in any way.
    ///
    /// # Errors
    /// A refusal of what can be no path, project, version or file, for who wants to change something at it.
    pub fn parse(tail: &RawTail) -> Result<Self, Refusal> {
        let segments = tail.segments()?;
        let parts: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let key = |raw: &str| name::parse(raw).map(|name| name.key().clone());
        Ok(match parts.as_slice() {
            [] => Self::Root,
            ["simple"] => Self::Projects,
            ["simple", project] => Self::Project(key(project)?),
            ["packages", project, file] => match file.strip_suffix(".metadata") {
                Some(file) => Self::FileMetadata(key(project)?, file_name(file)?),
                None => Self::File(key(project)?, file_name(file)?),
            },
            ["pypi"] => Self::XmlRpc,
            ["pypi", project, "json"] => Self::ProjectJson(key(project)?),
            ["pypi", project, raw, "json"] => {
                Self::VersionJson(key(project)?, version::parse(raw)?.key().clone())
            }
            ["legacy"] => Self::Upload,
            _ => Self::Unknown,
        })
    }
}

/// One segment: a file's name has no folders.
fn file_name(raw: &str) -> Result<FileName, Refusal> {
    if raw.contains('/') {
        return Err(Refusal::new("file name", "must not contain '/'"));
    }
    FileName::new(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn route(path: &str) -> Route {
        Route::parse(&RawTail::new(path)).unwrap()
    }

    fn key(raw: &str) -> NameKey {
        name::parse(raw).unwrap().key().clone()
    }

    #[test]
    fn names_and_versions_are_the_same_in_any_spelling() {
        for path in ["/simple/My.Tool", "/simple/my_tool/", "simple/my%2Dtool"] {
            assert_eq!(route(path), Route::Project(key("my-tool")), "{path}");
        }
        let expected = Route::VersionJson(key("a"), version::parse("1").unwrap().key().clone());
        assert_eq!(route("pypi/A/1.0.0/json"), expected);
        assert_eq!(route("pypi/A/json/"), Route::ProjectJson(key("a")));
    }

    #[test]
    fn a_file_and_its_metadata_are_told_apart() {
        let file = FileName::new("a-1.0+x-py3-none-any.whl").unwrap();
        assert_eq!(route("packages/a/a-1.0%2Bx-py3-none-any.whl"), Route::File(key("a"), file.clone()));
        assert_eq!(
            route("packages/A/a-1.0+x-py3-none-any.whl.metadata"),
            Route::FileMetadata(key("a"), file)
        );
    }

    #[test]
    fn paths_that_are_none_are_refused_or_unknown() {
        for bad in [
            "simple/a//",
            "simple/../x",
            "simple/%2e%2e",
            "simple/a%00",
            "simple/%ff",
            "simple/-a",
            "packages/a/b%2fc.whl",
            "packages/a/%2e%2e%2fc",
            "packages/a/.metadata/x/..",
            "pypi/a/x/json",
        ] {
            assert!(Route::parse(&RawTail::new(bad)).is_err(), "{bad}");
        }
        for unknown in ["x", "simple/a/b", "packages", "packages/a", "pypi/a", "legacy/x", "json"] {
            assert_eq!(route(unknown), Route::Unknown, "{unknown}");
        }
        assert_eq!((route(""), route("/")), (Route::Root, Route::Root));
    }

    proptest! {
        #[test]
        fn any_path_is_parsed_or_refused(path in "(simple/|packages/|pypi/)?[-a-z@%0-9/._+A-F]{0,40}") {
            if let Ok(Route::File(_, file) | Route::FileMetadata(_, file)) = Route::parse(&RawTail::new(&path)) {
                prop_assert!(!file.as_str().contains(['/', '\\']));
            }
        }
    }
}
