//! Versions of Python projects, by <https://peps.python.org/pep-0440/>.
//!
//! A version is shown in its canonical spelling (`1.0RC1` becomes `1.0rc1`), compared without the
//! zeros at the end of its release (`1.0` and `1.0.0` are one version), and ordered by bytes.
//!
//! What surprised us: the parser takes a local segment of digits for a text when the number is too
//! large for it, which orders it wrongly, and compares the largest possible `dev` number as if
//! there were none. Both are refused here.

use pep440_rs::{LocalSegment, PrereleaseKind, VersionSpecifiers};
use proget_core::package::{OrderKey, Stability, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;
use std::str::FromStr;

/// Where the rules are written.
const RULES: &str = "https://peps.python.org/pep-0440/";

/// Longest version in characters, in its canonical spelling.
pub const MAX_CHARS: usize = 128;
/// Longer texts are not even looked at: a spelling may be longer than the canonical one, not by this much.
const MAX_RAW: usize = 256;
/// Longest `Requires-Python` in bytes.
const MAX_SPECIFIERS: usize = 1024;

/// Checks a version and says how it is compared and ordered.
///
/// # Errors
/// A refusal that names the broken rule.
pub fn parse(raw: &str) -> Result<Version, Refusal> {
    let version = read(raw)?;
    let written = version.to_string();
    if written.len() > MAX_CHARS {
        return Err(refuse(format!("must have at most {MAX_CHARS} characters")));
    }
    let significant = significant(version.release());
    let key = version.clone().with_release(significant).to_string();
    let stability = if version.any_prerelease() { Stability::Prerelease } else { Stability::Stable };
    Ok(Version::new(written, key, order(&version, significant), stability))
}

/// The order of two versions.
///
/// # Errors
/// As [`parse`], for either.
pub fn compare(left: &str, right: &str) -> Result<Ordering, Refusal> {
    Ok(read(left)?.cmp(&read(right)?))
}

/// Checks the Python versions that a file asks for; says them without blanks around.
///
/// # Errors
/// A refusal that names the broken rule.
pub fn requires_python(raw: &str) -> Result<String, Refusal> {
    let refuse = |rule: String| Refusal::new("Requires-Python", rule).see(RULES);
    let text = raw.trim();
    if text.len() > MAX_SPECIFIERS || !text.is_ascii() {
        return Err(refuse(format!("must be ASCII of at most {MAX_SPECIFIERS} characters")));
    }
    // A comma at the end is in old metadata, and clients pass it over.
    let listed = text.strip_suffix(',').unwrap_or(text);
    match VersionSpecifiers::from_str(listed) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().next().unwrap_or_default();
            Err(refuse(format!("'{}' is no list of version specifiers: {reason}", text.escape_debug())))
        }
    }
}

fn read(raw: &str) -> Result<pep440_rs::Version, Refusal> {
    if raw.is_empty() || raw.len() > MAX_RAW || !raw.is_ascii() {
        return Err(refuse(format!("must have 1 to {MAX_CHARS} ASCII characters")));
    }
    let version = pep440_rs::Version::from_str(raw)
        .map_err(|error| refuse(format!("'{}' is not valid: {error}", raw.escape_debug())))?;
    let too_large = |segment: &LocalSegment| match segment {
        LocalSegment::String(text) => text.bytes().all(|byte| byte.is_ascii_digit()),
        LocalSegment::Number(_) => false,
    };
    if version.local().iter().any(too_large) || version.dev() == Some(u64::MAX) {
        return Err(refuse("has a number that is too large".to_owned()));
    }
    Ok(version)
}

/// The release without zeros at its end; one number stays.
fn significant(release: &[u64]) -> &[u64] {
    let zeros = release.iter().rev().take_while(|number| **number == 0).count();
    release.get(..(release.len() - zeros).max(1)).unwrap_or(release)
}

/// Bytes whose plain order is the version order.
///
/// A number is its length in bytes and then the bytes, largest first, so that shorter ones are
/// smaller. Where something may be missing, one byte says so, on the side on which the absent sorts:
/// no pre-release is newer than any, except for a development release of the final version.
fn order(version: &pep440_rs::Version, significant: &[u64]) -> OrderKey {
    let mut key = Vec::with_capacity(32);
    number(&mut key, version.epoch());
    for part in significant {
        key.push(1);
        number(&mut key, *part);
    }
    key.push(0);
    match (version.pre(), version.post(), version.dev()) {
        (Some(pre), _, _) => {
            key.push(match pre.kind {
                PrereleaseKind::Alpha => 1,
                PrereleaseKind::Beta => 2,
                PrereleaseKind::Rc => 3,
            });
            number(&mut key, pre.number);
        }
        (None, None, Some(_)) => key.push(0),
        (None, _, _) => key.push(4),
    }
    optional(&mut key, version.post(), 0);
    optional(&mut key, version.dev(), 2);
    for segment in version.local() {
        match segment {
            LocalSegment::String(text) => {
                key.push(1);
                key.extend_from_slice(text.as_bytes());
                key.push(0);
            }
            LocalSegment::Number(value) => {
                key.push(2);
                number(&mut key, *value);
            }
        }
    }
    key.push(0);
    OrderKey(key)
}

fn optional(key: &mut Vec<u8>, value: Option<u64>, absent: u8) {
    match value {
        Some(value) => {
            key.push(1);
            number(key, value);
        }
        None => key.push(absent),
    }
}

fn number(key: &mut Vec<u8>, value: u64) {
    let bytes = value.to_be_bytes();
    let digits = bytes.iter().skip_while(|byte| **byte == 0).copied();
    let zeros = value.leading_zeros() / 8;
    key.push(8 - u8::try_from(zeros).unwrap_or(0));
    key.extend(digits);
}

fn refuse(rule: String) -> Refusal {
    Refusal::new("version", rule).see(RULES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_version_have_one_key() {
        for group in [
            &["1.0", "1.0.0", "v1", " 1.0 ", "1.0.0.0.0.0"][..],
            &["1.0rc1", "1.0c1", "1.0-RC.1", "1.0_preview_1", "1.0.0pre1"],
            &["1.0.post1", "1.0-1", "1.0rev1", "1.0.R1", "1-1"],
            &["1.0.dev0", "1.dev", "1.0-DEV"],
            &["1.0+a.1", "1.0+A-01", "1+a_1"],
            &["2!1", "2!1.0"],
        ] {
            let keys: Vec<_> = group.iter().map(|raw| parse(raw).unwrap()).collect();
            assert!(keys.windows(2).all(|pair| pair[0].key() == pair[1].key()), "{group:?}: {keys:?}");
        }
        assert_eq!(parse("1.0.0").unwrap().as_str(), "1.0.0");
        assert_eq!(parse("0.0").unwrap().key().as_str(), "0");
    }

    #[test]
    fn numbers_that_would_be_misread_are_refused() {
        for bad in ["99999999999999999999", "1.0+18446744073709551616", "1a1.dev18446744073709551615", "1.é"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn python_versions_are_checked() {
        for good in [">=3.8", ">=3.8, <4", "!=3.0.*,!=3.1.*,>=2.7", "~=3.6", "==3.*", "", ">=3.6,"] {
            assert!(requires_python(good).is_ok(), "{good}");
        }
        for bad in ["3.8", "=>3.8", ">=3.x", "~=3", "python", ">=3.8 <4", "<script>", &">=3,".repeat(400)] {
            assert!(requires_python(bad).is_err(), "{bad}");
        }
    }

    /// Texts that are mostly versions: pieces of the grammar, put together.
    fn version_text() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            0..12_u64,
            250..260_u64,
            Just(65_535),
            Just(65_536),
            Just(u64::MAX - 1),
            any::<u64>()
        ];
        let epoch = prop_oneof![4 => Just(String::new()), 1 => (0..3_u64).prop_map(|n| format!("{n}!"))];
        let release = prop::collection::vec(number.clone(), 1..6)
            .prop_map(|all| all.iter().map(u64::to_string).collect::<Vec<_>>().join("."));
        let mark = |words: &'static str| {
            (words, prop_oneof![2 => Just(0), 2 => 0..3_u64, 1 => number.clone()])
                .prop_map(|(word, number)| format!("{word}{number}"))
        };
        let maybe = |some: BoxedStrategy<String>| prop_oneof![Just(String::new()).boxed(), some];
        (
            epoch,
            release,
            maybe(mark("[.-]?(a|b|rc|alpha|c|pre)").boxed()),
            maybe(mark("[.-](post|r)|-").boxed()),
            maybe(mark("[.]dev").boxed()),
            maybe("[+]([a-c]{1,2}|[0-9]{1,3})([.]([a-c]{1,2}|[0-9]{1,3})){0,2}".boxed()),
        )
            .prop_map(|(epoch, release, pre, post, dev, local)| {
                format!("{epoch}{release}{pre}{post}{dev}{local}")
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn bytes_order_versions_as_the_specification_does(left in version_text(), right in version_text()) {
            if let (Ok(one), Ok(other)) = (parse(&left), parse(&right)) {
                let expected = compare(&left, &right).unwrap();
                prop_assert_eq!(one.order().cmp(other.order()), expected, "{} and {}", left, right);
                prop_assert_eq!(one.key() == other.key(), expected == Ordering::Equal, "{} and {}", left, right);
            }
        }

        #[test]
        fn the_canonical_spelling_is_its_own(raw in version_text()) {
            if let Ok(version) = parse(&raw) {
                prop_assert_eq!(&parse(version.as_str()).unwrap(), &version);
                let by_key = parse(version.key().as_str()).unwrap();
                prop_assert_eq!((by_key.key(), by_key.order()), (version.key(), version.order()));
            }
        }

        #[test]
        fn no_text_makes_the_parsers_panic(raw in "[-a-z0-9.*!+<>=~, _é]{0,40}") {
            drop((parse(&raw), requires_python(&raw), compare(&raw, "1")));
        }
    }
}
