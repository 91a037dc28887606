//! Versions of crates: Semantic Versioning, strictly, build metadata included.
//!
//! Build metadata is kept in what is written, because it is part of the archive's folder and of
//! the index, and takes no part in what is compared: `1.0.0+a` and `1.0.0+b` are one version, and
//! the second is refused. See <https://doc.rust-lang.org/cargo/reference/registry-index.html>.

use crate::semver::{SPECIFICATION, SemVer};
use proget_core::package::{Stability, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;

/// Checks a version.
pub(crate) fn parse(raw: &str) -> Result<Version, Refusal> {
    let version = SemVer::parse(raw)?;
    // What clients parse with has the last word: a line that they cannot read they pass over.
    own(raw)?;
    let stability = if version.is_prerelease() { Stability::Prerelease } else { Stability::Stable };
    Ok(Version::new(raw, version.precedence(), version.order_key(), stability))
}

/// The comparison of cargo's own library, against which ours is held.
pub(crate) fn compare(left: &str, right: &str) -> Result<Ordering, Refusal> {
    parse(left)?;
    parse(right)?;
    Ok(own(left)?.cmp_precedence(&own(right)?))
}

fn own(raw: &str) -> Result<semver::Version, Refusal> {
    let refuse =
        |error| Refusal::new("version", format!("is none that cargo reads: {error}")).see(SPECIFICATION);
    semver::Version::parse(raw).map_err(refuse)
}

/// Checks what a dependency asks for, as cargo does.
pub(crate) fn requirement(raw: &str) -> Result<semver::VersionReq, String> {
    if raw.len() > 1024 {
        return Err("must have at most 1024 characters".into());
    }
    semver::VersionReq::parse(raw).map_err(|error| format!("'{raw}' is no version requirement: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn build_metadata_is_written_and_not_compared() {
        let (a, b) = (parse("1.0.0-rc.1+linux").unwrap(), parse("1.0.0-rc.1+windows").unwrap());
        assert_eq!((a.key(), a.order()), (b.key(), b.order()));
        assert_eq!((a.as_str(), a.key().as_str()), ("1.0.0-rc.1+linux", "1.0.0-rc.1"));
        assert_eq!(compare(a.as_str(), b.as_str()).unwrap(), Ordering::Equal);
    }

    #[test]
    fn numbers_up_to_the_largest_that_cargo_counts_are_versions() {
        assert!(parse("18446744073709551615.18446744073709551615.18446744073709551615").is_ok());
        assert!(parse("18446744073709551616.0.0").is_err());
        assert!(parse("1.0.0-99999999999999999999999").is_ok(), "a prerelease is compared digit by digit");
    }

    #[test]
    fn requirements_are_read_as_cargo_reads_them() {
        for good in ["1", "^1.2", "=1.2.3", ">=1, <2", "*", "~0.1", "1.*"] {
            assert!(requirement(good).is_ok(), "{good}");
        }
        for bad in ["", "one", ">>1", "1 2", "^1.2.3.4", "1,"] {
            assert!(requirement(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn both_parsers_accept_the_same_texts(raw in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}([-+][-0-9a-c.+]{0,8})?") {
            prop_assert_eq!(SemVer::parse(&raw).is_ok(), semver::Version::parse(&raw).is_ok(), "{}", raw);
        }
    }
}
