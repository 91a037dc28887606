//! Semantic Versioning 2.0.0: parsing, order, and bytes whose plain order is that order.
//!
//! Shared by every format whose versions follow <https://semver.org/spec/v2.0.0.html>. Ranges are
//! not here: a registry stores and orders versions, and only clients choose among them.
//!
//! What surprised us: numeric prerelease identifiers have no upper bound, so their order key
//! carries the number of digits before the digits; and build metadata takes part in nothing.

use proget_core::package::OrderKey;
use proget_core::refusal::Refusal;
use std::cmp::Ordering;
use std::fmt;

/// Where the rules are written.
pub const SPECIFICATION: &str = "https://semver.org/spec/v2.0.0.html";

/// Longest version accepted, in characters; long before that nobody can read it.
pub const MAX_CHARS: usize = 255;

/// A version taken apart. Borrowed from the text it was parsed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemVer<'a> {
    /// Grows with incompatible changes.
    pub major: u64,
    /// Grows with new abilities.
    pub minor: u64,
    /// Grows with repairs.
    pub patch: u64,
    /// What follows `-`; empty for a release.
    pub pre: Vec<Identifier<'a>>,
    /// What follows `+`; takes part in no comparison.
    pub build: &'a str,
}

/// One dot-separated part of a prerelease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identifier<'a> {
    /// Only digits, without leading zeros: compared as a number, however long.
    Number(&'a str),
    /// Anything else: compared byte by byte, and always above a number.
    Word(&'a str),
}

impl<'a> SemVer<'a> {
    /// Parses strictly: no leading `v`, no spaces, no leading zeros.
    ///
    /// # Errors
    /// A refusal of the field `version` that names the broken rule.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > MAX_CHARS {
            return Err(refuse(format!("must have at most {MAX_CHARS} characters")));
        }
        let (rest, build) = match text.split_once('+') {
            Some((rest, build)) => (rest, identifiers(build, "build metadata").map(|()| build)?),
            None => (text, ""),
        };
        let (numbers, pre) = match rest.split_once('-') {
            Some((numbers, pre)) => {
                identifiers(pre, "the prerelease")?;
                (numbers, pre.split('.').map(Identifier::parse).collect::<Result<_, _>>()?)
            }
            None => (rest, Vec::new()),
        };
        let mut parts = numbers.split('.').map(number);
        let (Some(major), Some(minor), Some(patch), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refuse("must begin with three numbers separated by dots, as in 1.2.3"));
        };
        Ok(Self { major: major?, minor: minor?, patch: patch?, pre, build })
    }

    /// Bytes whose plain order is the order of versions; at most 24 + 1.5 × length + 1.
    ///
    /// Three big-endian numbers, then the prerelease as tagged identifiers closed by a byte below
    /// every tag, so that a shorter list is the lower one. A release carries a byte above every tag.
    #[must_use]
    pub fn order_key(&self) -> OrderKey {
        const END: u8 = 0;
        const NUMBER: u8 = 1;
        const WORD: u8 = 2;
        const RELEASE: u8 = 3;
        let mut key = Vec::with_capacity(32);
        for number in [self.major, self.minor, self.patch] {
            key.extend_from_slice(&number.to_be_bytes());
        }
        for identifier in &self.pre {
            match identifier {
                Identifier::Number(digits) => {
                    // More digits are a greater number, because there are no leading zeros.
                    key.extend([NUMBER, u8::try_from(digits.len()).unwrap_or(u8::MAX)]);
                    key.extend_from_slice(digits.as_bytes());
                }
                Identifier::Word(word) => {
                    key.push(WORD);
                    key.extend_from_slice(word.as_bytes());
                    // Below every character a word may have: `a` before `aa`.
                    key.push(END);
                }
            }
        }
        key.push(if self.pre.is_empty() { RELEASE } else { END });
        OrderKey(key)
    }

    /// Is it a prerelease?
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }

    /// The version without its build metadata: the part that is compared.
    #[must_use]
    pub fn precedence(&self) -> String {
        let mut text = format!("{}.{}.{}", self.major, self.minor, self.patch);
        for (at, identifier) in self.pre.iter().enumerate() {
            text.push(if at == 0 { '-' } else { '.' });
            text.push_str(identifier.as_str());
        }
        text
    }
}

/// Precedence as the specification's section 11 says it, written down a second time and without
/// keys, so that tests can hold the keys against it. Build metadata does not count.
impl PartialOrd for SemVer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let release = (self.major, self.minor, self.patch);
        Some(release.cmp(&(other.major, other.minor, other.patch)).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.pre.cmp(&other.pre),
            }
        }))
    }
}

impl<'a> Identifier<'a> {
    fn parse(text: &'a str) -> Result<Self, Refusal> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Word(text));
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(refuse(format!("'{text}' in the prerelease must not have leading zeros")));
        }
        Ok(Self::Number(text))
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Number(text) | Self::Word(text) => text,
        }
    }
}

impl Ord for Identifier<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Self::Number(_), Self::Word(_)) => Ordering::Less,
            (Self::Word(_), Self::Number(_)) => Ordering::Greater,
            (Self::Word(a), Self::Word(b)) => a.cmp(b),
        }
    }
}

impl PartialOrd for Identifier<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SemVer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.precedence())?;
        if self.build.is_empty() { Ok(()) } else { write!(f, "+{}", self.build) }
    }
}

fn refuse(rule: impl Into<String>) -> Refusal {
    Refusal::new("version", rule.into()).see(SPECIFICATION)
}

fn number(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse("must begin with three numbers separated by dots, as in 1.2.3"));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(refuse(format!("'{text}' must not have leading zeros")));
    }
    text.parse().map_err(|_| refuse(format!("'{text}' is too large")))
}

fn identifiers(text: &str, what: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(plain) {
            return Err(refuse(format!(
                "{what} must be dot-separated parts of letters, digits and '-', none of them empty"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Versions that collide often: few values, all kinds of identifiers.
    fn version() -> impl Strategy<Value = String> {
        let identifier = prop_oneof![
            "0|[1-9][0-9]{0,2}",
            "[1-9][0-9]{18,24}",
            "[a-zA-Z-]{1,3}",
            "[0-9]{0,2}[a-b-][0-9]{0,2}",
        ];
        let list = prop::collection::vec(identifier, 0..4);
        (0_u64..3, prop_oneof![0_u64..3, Just(u64::MAX), 250_u64..260], 0_u64..3, list, prop::bool::ANY)
            .prop_map(|(major, minor, patch, pre, build)| {
                let pre = if pre.is_empty() { String::new() } else { format!("-{}", pre.join(".")) };
                format!("{major}.{minor}.{patch}{pre}{}", if build { "+b.01" } else { "" })
            })
    }

    proptest! {
        #[test]
        fn the_order_of_keys_is_the_order_of_versions(left in version(), right in version()) {
            let (a, b) = (SemVer::parse(&left).unwrap(), SemVer::parse(&right).unwrap());
            prop_assert_eq!(a.order_key().0.cmp(&b.order_key().0), a.partial_cmp(&b).unwrap());
            prop_assert_eq!(a.precedence() == b.precedence(), a.partial_cmp(&b) == Some(Ordering::Equal));
        }

        #[test]
        fn a_parsed_version_prints_as_it_was_written(text in version()) {
            prop_assert_eq!(SemVer::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_parsed_or_refused_and_keys_stay_short(text in "\\PC{0,300}") {
            if let Ok(version) = SemVer::parse(&text) {
                prop_assert!(version.order_key().0.len() <= OrderKey::MAX_BYTES);
            }
        }
    }

    #[test]
    fn the_specification_s_own_order_holds() {
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
            "2.10.0",
        ];
        for pair in ascending.windows(2) {
            let (a, b) = (SemVer::parse(pair[0]).unwrap(), SemVer::parse(pair[1]).unwrap());
            assert!(a < b && a.order_key() < b.order_key(), "{pair:?}");
        }
    }

    #[test]
    fn the_longest_prerelease_still_fits_its_key() {
        let text = format!("1.0.0-{}", vec!["1"; 125].join("."));
        let key = SemVer::parse(&text).unwrap().order_key();
        assert!(text.len() <= MAX_CHARS && key.0.len() <= OrderKey::MAX_BYTES, "{}", key.0.len());
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "=1.2.3",
            " 1.2.3",
            "1.2.3 ",
            "01.2.3",
            "1.02.3",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-a..b",
            "1.2.3+",
            "1.2.3+a+b",
            "1.2.3-é",
            "1.2.-3",
            "+1.2.3",
            "1.2.3-a_b",
            "18446744073709551616.0.0",
        ] {
            assert!(SemVer::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["0.0.0", "1.2.3-0", "1.2.3--", "1.2.3-a.0b", "1.2.3+001", "1.2.3-x+y.z-1"] {
            assert!(SemVer::parse(good).is_ok(), "{good:?}");
        }
    }
}
