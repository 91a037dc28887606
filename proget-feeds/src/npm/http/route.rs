//! The raw path behind a feed's name, as one validated value.
//!
//! A scope's slash arrives as `/` from some clients and as `%2f` from others; both are the same
//! package. A tarball's file name arrives with and without the scope; it is stored without.

use crate::http::RawTail;
use crate::npm::{name, tag};
use proget_core::Refusal;
use proget_core::package::{FileName, NameKey, TagName};
use std::borrow::Cow;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/{package}`
    Package(NameKey),
    /// `/{package}/{version or tag}`
    Version(NameKey, String),
    /// `/{package}/-/{file}`
    File(NameKey, FileName),
    /// `/{package}/-rev/{revision}`
    Revision(NameKey, String),
    /// `/{package}/-/{file}/-rev/{revision}`
    FileRevision(NameKey, FileName, String),
    /// `/-/package/{package}/dist-tags`
    Tags(NameKey),
    /// `/-/package/{package}/dist-tags/{tag}`
    Tag(NameKey, TagName),
    /// `/-/package/{package}/collaborators`
    Collaborators(NameKey),
    /// `/-/package/{package}/visibility`
    Visibility(NameKey),
    /// `/-/package/{package}/access`
    Access(NameKey),
    /// `/-/user/org.couchdb.user:{user}`, with or without a revision
    User(String),
    /// `/-/user/token/{token}`
    UserToken(String),
    /// `/-/user/{user}/package` and the like for organisations and teams
    PackagesOf,
    /// `/-/npm/v1/user`
    Profile,
    /// `/-/npm/v1/tokens` and what is below
    Tokens,
    /// `/-/v1/login`
    WebLogin,
    /// `/-/v1/search`
    Search,
    /// `/-/npm/v1/security/advisories/bulk`
    Advisories,
    /// `/-/npm/v1/security/audits` and `…/quick`
    Audits,
    /// `/-/_view/starredByUser`
    Stars,
    /// `/-/ping`
    Ping,
    /// `/-/whoami`
    WhoAmI,
    /// `/-/stage/package/{package}`
    Stage,
    /// Nothing that is served.
    Unknown,
}

impl Route {
    /// Reads a path; the refusal is for who wants to change something at it.
    ///
    /// # Errors
    /// A refusal of what [`RawTail::segments`] refuses, and of names, tags and files that cannot be.
    pub fn parse(tail: &RawTail) -> Result<Self, Refusal> {
        let segments = tail.segments()?;
        let parts: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match parts.as_slice() {
            [] => Ok(Self::Unknown),
            ["-", rest @ ..] => special(rest),
            parts => package(parts),
        }
    }
}

fn package(parts: &[&str]) -> Result<Route, Refusal> {
    let (name, rest) = split_name(parts)?;
    Ok(match rest {
        [] => Route::Package(name),
        ["-rev", revision] => Route::Revision(name, (*revision).to_owned()),
        ["-", file @ .., "-rev", revision] if is_file(file) => {
            Route::FileRevision(name, file_name(file)?, (*revision).to_owned())
        }
        ["-", file @ ..] if is_file(file) => Route::File(name, file_name(file)?),
        [version] if !version.starts_with('-') => Route::Version(name, (*version).to_owned()),
        _ => Route::Unknown,
    })
}

fn special(parts: &[&str]) -> Result<Route, Refusal> {
    Ok(match parts {
        ["ping"] => Route::Ping,
        ["whoami"] => Route::WhoAmI,
        ["v1", "login"] => Route::WebLogin,
        ["v1", "search"] => Route::Search,
        ["npm", "v1", "security", "advisories", "bulk"] => Route::Advisories,
        ["npm", "v1", "security", "audits"] | ["npm", "v1", "security", "audits", "quick"] => Route::Audits,
        ["npm", "v1", "user"] => Route::Profile,
        ["npm", "v1", "tokens", ..] => Route::Tokens,
        ["user", "token", token] => Route::UserToken((*token).to_owned()),
        ["user", user] | ["user", user, "-rev", _] => match user.strip_prefix("org.couchdb.user:") {
            Some(user) if !user.is_empty() => Route::User(user.to_owned()),
            _ => Route::Unknown,
        },
        ["user" | "org", _, "package"] | ["team", _, _, "package"] => Route::PackagesOf,
        ["_view", "starredByUser"] => Route::Stars,
        ["stage", ..] => Route::Stage,
        ["package", rest @ ..] => {
            let (name, rest) = split_name(rest)?;
            match rest {
                ["dist-tags"] => Route::Tags(name),
                ["dist-tags", tag] => Route::Tag(name, tag::parse(tag)?),
                ["collaborators"] => Route::Collaborators(name),
                ["visibility"] => Route::Visibility(name),
                ["access"] => Route::Access(name),
                _ => Route::Unknown,
            }
        }
        _ => Route::Unknown,
    })
}

/// The package's name at the beginning, in one segment or two, and what follows.
fn split_name<'a, 'b>(parts: &'a [&'b str]) -> Result<(NameKey, &'a [&'b str]), Refusal> {
    let (name, rest) = match parts {
        [scope, bare, rest @ ..] if scope.starts_with('@') && !scope.contains('/') => {
            (Cow::Owned(format!("{scope}/{bare}")), rest)
        }
        [name, rest @ ..] => (Cow::Borrowed(*name), rest),
        [] => (Cow::Borrowed(""), parts),
    };
    Ok((name::parse(&name)?.key().clone(), rest))
}

/// A file's name has one segment, or two with the scope in front.
fn is_file(parts: &[&str]) -> bool {
    matches!(parts, [_]) || matches!(parts, [scope, _] if scope.starts_with('@'))
}

fn file_name(parts: &[&str]) -> Result<FileName, Refusal> {
    let last = parts.last().copied().unwrap_or_default();
    FileName::new(last.rsplit('/').next().unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> NameKey {
        name::parse(name).unwrap().key().clone()
    }

    fn route(path: &str) -> Route {
        Route::parse(&RawTail::new(path)).unwrap()
    }

    #[test]
    fn a_scope_s_slash_may_be_encoded_or_not() {
        for path in ["/@acme/tool", "/@acme%2ftool", "/@acme%2Ftool/", "/%40acme%2ftool"] {
            assert_eq!(route(path), Route::Package(key("@acme/tool")), "{path}");
        }
        assert_eq!(route("/@acme%2ftool/1.0.0"), Route::Version(key("@acme/tool"), "1.0.0".into()));
        assert_eq!(route("/-/package/@acme%2ftool/dist-tags"), Route::Tags(key("@acme/tool")));
        assert_eq!(route("/-/package/@acme/tool/dist-tags"), Route::Tags(key("@acme/tool")));
    }

    #[test]
    fn a_file_s_scope_is_dropped() {
        let file = FileName::new("tool-1.0.0.tgz").unwrap();
        for path in [
            "@acme/tool/-/tool-1.0.0.tgz",
            "@acme%2ftool/-/@acme%2ftool-1.0.0.tgz",
            "@acme/tool/-/@acme/tool-1.0.0.tgz",
        ] {
            assert_eq!(route(path), Route::File(key("@acme/tool"), file.clone()), "{path}");
        }
        assert_eq!(
            route("@acme/tool/-/tool-1.0.0.tgz/-rev/1-a"),
            Route::FileRevision(key("@acme/tool"), file, "1-a".into())
        );
    }

    #[test]
    fn users_and_tokens_are_told_apart() {
        assert_eq!(route("-/user/org.couchdb.user:ann"), Route::User("ann".into()));
        assert_eq!(route("-/user/org.couchdb.user%3Aann/-rev/1-a"), Route::User("ann".into()));
        assert_eq!(route("-/user/token/abc"), Route::UserToken("abc".into()));
        assert_eq!(route("-/user/ann"), Route::Unknown);
    }

    #[test]
    fn paths_that_are_none_are_refused_or_unknown() {
        for bad in
            ["a//b", "..", "a/%2e%2e/b", "a%00", "%ff", "A", "a/-/..%2fb", "node_modules", "@acme", "@/a"]
        {
            assert!(Route::parse(&RawTail::new(bad)).is_err(), "{bad}");
        }
        for unknown in ["", "/", "-", "-/x", "a/b/c", "a/-/b/c", "a/-rev", "-/package/a", "a/-x", "a/-/"] {
            assert_eq!(route(unknown), Route::Unknown, "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_parsed_or_refused(path in "[-a-z@%0-9/._:A-F]{0,40}") {
            if let Ok(Route::File(name, file)) = Route::parse(&RawTail::new(&path)) {
                prop_assert!(!file.as_str().contains('/') && name.as_str().matches('/').count() <= 1);
            }
        }
    }
}
