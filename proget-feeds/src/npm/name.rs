//! Names of npm packages: the rules for new packages, as clients check them before they publish.
//!
//! Two decisions. *Upper case*: names from before 2014 may have it and differ by nothing else; on
//! a file system without case two of them are one folder, so they are refused here, and
//! connectors to registries that hold such names will have to say so. *Names of Node's own
//! modules* (`events`, `punycode`): clients only warn, and well-known packages have them, so a
//! feed that holds copies of others' packages must take them.

use proget_core::package::PackageName;
use proget_core::refusal::Refusal;

/// Where the rules are written.
pub(crate) const RULES: &str = "https://github.com/npm/validate-npm-package-name";

/// Longest name in characters, the scope included.
pub(crate) const MAX_CHARS: usize = 214;

/// Names that would be taken for something else by clients or browsers.
const RESERVED: [&str; 2] = ["node_modules", "favicon.ico"];

/// Checks a name; it is compared as it is written.
pub(crate) fn parse(raw: &str) -> Result<PackageName, Refusal> {
    if raw.is_empty() || raw.len() > MAX_CHARS {
        return refuse(format!("must have 1 to {MAX_CHARS} characters"));
    }
    let (scope, bare) = split(raw);
    if scope.is_some_and(str::is_empty) || bare.is_empty() {
        return refuse("must be written 'name' or '@scope/name'");
    }
    if RESERVED.iter().any(|reserved| raw.eq_ignore_ascii_case(reserved)) {
        return refuse(format!("'{raw}' is reserved"));
    }
    let first: &[char] = if scope.is_some() { &['.'] } else { &['.', '_', '-'] };
    if bare.starts_with(first) || scope.is_some_and(|scope| scope.starts_with('.')) {
        return refuse("must not begin with '.', '_' or '-'");
    }
    if raw.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return refuse("must not contain capital letters");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // Scopes may hold some characters that names lost long ago; all of them are safe in a URL.
    let in_scope = |c: char| plain(c) || "~'!()*".contains(c);
    if !bare.chars().all(plain) || !scope.is_none_or(|scope| scope.chars().all(in_scope)) {
        return refuse(
            "may contain only URL-friendly characters: lower-case letters, digits, '-', '_' and '.'",
        );
    }
    Ok(PackageName::new(raw, raw))
}

/// The scope, if there is one, and the name within it.
pub(crate) fn split(name: &str) -> (Option<&str>, &str) {
    match name.strip_prefix('@').map(|rest| rest.split_once('/')) {
        Some(Some((scope, bare))) => (Some(scope), bare),
        Some(None) => (Some(""), name),
        None => (None, name),
    }
}

/// The name within its scope: what a tarball's file name begins with.
pub(crate) fn bare(name: &str) -> &str {
    split(name).1
}

fn refuse(rule: impl Into<String>) -> Result<PackageName, Refusal> {
    Err(Refusal::new("name", rule.into()).see(RULES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_for_new_packages_are_accepted_and_others_refused() {
        for good in [
            "a",
            "left-pad",
            "some.pkg",
            "a_b",
            "@acme/pkg",
            "@acme/_x",
            "@a~b/c",
            "events",
            "7zip",
            "x".repeat(214).as_str(),
        ] {
            assert_eq!(parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".a",
            "_a",
            "-a",
            "A",
            "JSONStream",
            " a",
            "a ",
            "a b",
            "a/b",
            "@a",
            "@/a",
            "@a/",
            "@a/b/c",
            "@a/.b",
            "@../a",
            "node_modules",
            "favicon.ico",
            "FAVICON.ico",
            "a~b",
            "a!",
            "crème",
            "a%2fb",
            "a\0",
            "a\\b",
            "..",
            "@a/@b",
            "x".repeat(215).as_str(),
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_bare_name_leaves_the_scope_out() {
        assert_eq!(bare("@acme/pkg"), "pkg");
        assert_eq!(bare("pkg"), "pkg");
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_safe_in_paths_and_parses_again(raw in "(@[-a-z~._]{0,4}/)?[-a-zA-Z0-9._~/@ ]{0,6}") {
            if let Ok(name) = parse(&raw) {
                prop_assert_eq!(&parse(name.as_str()).unwrap(), &name);
                prop_assert!(raw.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
                prop_assert!(raw.matches('/').count() <= 1);
            }
        }
    }
}
