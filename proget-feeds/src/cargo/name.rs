//! Names of crates: the rules that the public registry and cargo itself hold.
//!
//! A name is written as its author wrote it and compared without case and without the difference
//! between `-` and `_`, because Rust code cannot tell `foo-bar` from `foo_bar`. What surprised us:
//! clients do tell them apart, in paths of the index and in folders of archives, so a crate keeps
//! the spelling it was first published under (see `FeedFormat::spelling`).

use proget_core::package::PackageName;
use proget_core::refusal::Refusal;

/// Where the rules are written.
pub(crate) const RULES: &str =
    "https://doc.rust-lang.org/cargo/reference/registry-index.html#name-restrictions";

/// Longest name in characters.
pub(crate) const MAX_CHARS: usize = 64;

/// Names that mean something else to compilers or file systems, as they are compared. The public
/// registry keeps more (`driver`, `macros`), for reasons of its own that a private feed has not.
const RESERVED: [&str; 15] = [
    "alloc",
    "aux",
    "compiler-builtins",
    "con",
    "core",
    "crate",
    "nul",
    "prn",
    "proc-macro",
    "rustc",
    "rustdoc",
    "self",
    "std",
    "super",
    "test",
];

/// Checks the name of a crate.
pub(crate) fn parse(raw: &str) -> Result<PackageName, Refusal> {
    check(raw).map_err(|rule| Refusal::new("name", rule).see(RULES))?;
    let key = key(raw);
    if RESERVED.contains(&key.as_str()) || is_device(&key) {
        return Err(Refusal::new("name", format!("'{raw}' is reserved")).see(RULES));
    }
    Ok(PackageName::new(raw, key))
}

/// What every name has to be, also that of a dependency that lies elsewhere; the broken rule if it is not.
pub(crate) fn check(raw: &str) -> Result<(), String> {
    if raw.is_empty() || raw.len() > MAX_CHARS {
        return Err(format!("must have 1 to {MAX_CHARS} characters"));
    }
    if !raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err("may contain only ASCII letters, digits, '-' and '_'".into());
    }
    if !raw.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err("must begin with a letter".into());
    }
    Ok(())
}

/// `com1` to `lpt9` are no files in any folder of one operating system.
fn is_device(key: &str) -> bool {
    let number = key.strip_prefix("com").or_else(|| key.strip_prefix("lpt"));
    number.is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name as it is compared.
fn key(raw: &str) -> String {
    raw.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_the_public_registry_takes_are_accepted_and_others_refused() {
        for good in ["a", "serde", "Inflector", "foo_bar", "a-1", "x86", "x".repeat(64).as_str()] {
            assert_eq!(parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "_a",
            "-a",
            "1a",
            "a b",
            "a.b",
            "a/b",
            "crème",
            "std",
            "STD",
            "proc_macro",
            "proc-macro",
            "Nul",
            "com1",
            "lpt9",
            "a\0",
            "..",
            "x".repeat(65).as_str(),
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spellings_of_one_name_are_compared_as_one() {
        let keys: Vec<_> =
            ["Foo-Bar", "foo_bar", "FOO-bar"].map(|raw| parse(raw).unwrap().key().clone()).into();
        assert!(keys.iter().all(|key| key.as_str() == "foo-bar"), "{keys:?}");
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_safe_in_paths_and_parses_again(raw in "[-a-zA-Z0-9_./]{0,8}") {
            if let Ok(name) = parse(&raw) {
                prop_assert_eq!(&parse(name.as_str()).unwrap(), &name);
                prop_assert!(!raw.contains(['/', '.']));
            }
        }
    }
}
