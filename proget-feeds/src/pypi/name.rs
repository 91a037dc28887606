//! Names of Python projects: what they may be, and which spellings are the same project.
//!
//! A name is kept as its author wrote it and compared in normalised form: lower case, every run of
//! `-`, `_` and `.` one dash. Nothing else decides; `My.Project`, `my_project` and `my--project`
//! are one project, in addresses, in file names and in metadata.

use proget_core::package::PackageName;
use proget_core::refusal::Refusal;

/// Where the rules are written.
pub(super) const RULES: &str = "https://packaging.python.org/en/latest/specifications/name-normalization/";

/// Longest name in characters. No specification has a limit; a file name of 255 bytes must still
/// have room for a version and tags.
pub const MAX_CHARS: usize = 128;

/// Checks a name and says how it is compared.
///
/// # Errors
/// A refusal that names the broken rule.
pub fn parse(raw: &str) -> Result<PackageName, Refusal> {
    if raw.is_empty() || raw.len() > MAX_CHARS {
        return refuse(format!("must have 1 to {MAX_CHARS} characters"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !raw.chars().all(plain) {
        return refuse("may contain only ASCII letters, digits, '.', '_' and '-'");
    }
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if !raw.starts_with(alphanumeric) || !raw.ends_with(alphanumeric) {
        return refuse("must begin and end with a letter or a digit");
    }
    Ok(PackageName::new(raw, normalized(raw)))
}

/// Lower case, each run of separators one dash. Any text has a normalised form, also what is no name.
#[must_use]
pub fn normalized(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '-' | '_' | '.' if text.ends_with('-') => {}
            '-' | '_' | '.' => text.push('-'),
            other => text.push(other.to_ascii_lowercase()),
        }
    }
    text
}

fn refuse(rule: impl Into<String>) -> Result<PackageName, Refusal> {
    Err(Refusal::new("name", rule.into()).see(RULES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for spelling in
            ["friendly-bard", "Friendly-Bard", "FRIENDLY_BARD", "friendly.bard", "FrIeNdLy-._.-bArD"]
        {
            assert_eq!(parse(spelling).unwrap().key().as_str(), "friendly-bard");
            assert_eq!(parse(spelling).unwrap().as_str(), spelling);
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(raw in "[-a-zA-Z0-9._ é]{0,20}") {
            let once = normalized(&raw);
            prop_assert_eq!(&normalized(&once), &once);
            if let Ok(name) = parse(&raw) {
                let again = parse(name.key().as_str()).unwrap();
                prop_assert_eq!(again.key(), name.key());
                prop_assert!(!name.key().as_str().contains(['_', '.']) && !name.key().as_str().contains("--"));
            }
        }
    }
}
