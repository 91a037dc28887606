//! Dist-tags: movable names for versions.
//!
//! A tag must not be mistaken for a range of versions (`npm install pkg@1` would mean something
//! else), and must survive in a URL unescaped; clients check both before they send.
//! See <https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-dist-tag.md>.

use proget_core::package::TagName;
use proget_core::refusal::Refusal;

/// The tag that is meant when none is named.
pub(crate) const LATEST: &str = "latest";

/// Checks a tag.
pub(crate) fn parse(raw: &str) -> Result<TagName, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()".contains(c);
    if !raw.chars().all(plain) {
        return refuse("may contain only URL-friendly characters");
    }
    if is_range(raw) {
        return refuse(format!("'{raw}' must not be a version or a range of versions"));
    }
    TagName::new(raw)
}

/// Would a client read this as a range? Only ranges without spaces and operators other than `~`
/// can get here, because of the characters allowed above.
fn is_range(text: &str) -> bool {
    let text = text.strip_prefix('~').unwrap_or(text);
    let text = text.strip_prefix('v').unwrap_or(text);
    // What follows the first hyphen would be a prerelease, and needs three numbers before it.
    let (numbers, pre) = text.split_once('-').map_or((text, false), |(numbers, _)| (numbers, true));
    let parts: Vec<&str> = numbers.split('.').collect();
    let wild = |part: &&str| matches!(*part, "x" | "X" | "*");
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() <= 3 && parts.iter().all(|part| wild(part) || number(part)) && (!pre || parts.len() == 3)
}

fn refuse(rule: impl Into<String>) -> Result<TagName, Refusal> {
    Err(Refusal::new("dist-tags", rule.into())
        .see("https://github.com/npm/cli/blob/latest/docs/lib/content/commands/npm-dist-tag.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_read_as_ranges_are_refused_and_others_accepted() {
        for good in ["latest", "next", "beta-1", "v1-lts", "1.x-lts", "release.1", "1.2.3.4", "x-ray", "~"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1",
            "v1",
            "1.2",
            "1.x",
            "*",
            "x",
            "~1.2",
            "1.2.3",
            "1.2.3-rc.1",
            "v1.0.0-a",
            "a b",
            "a/b",
            "ä",
            ">=1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
