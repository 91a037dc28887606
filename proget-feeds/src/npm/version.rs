//! Versions of npm packages: Semantic Versioning, without build metadata.
//!
//! npm drops build metadata when it publishes (`1.0.0+linux` becomes `1.0.0`), so a version is
//! written, compared and ordered without it, and two that differ only there are the same version.

use crate::semver::{SPECIFICATION, SemVer};
use proget_core::package::{Stability, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;

/// The greatest number JavaScript counts exactly; clients refuse versions with greater ones.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Checks a version strictly.
pub(crate) fn parse(raw: &str) -> Result<Version, Refusal> {
    let version = checked(raw)?;
    let written = version.precedence();
    let stability = if version.is_prerelease() { Stability::Prerelease } else { Stability::Stable };
    Ok(Version::new(written.clone(), written, version.order_key(), stability))
}

/// npm's own comparison, straight from the specification.
pub(crate) fn compare(left: &str, right: &str) -> Result<Ordering, Refusal> {
    let (left, right) = (checked(left)?, checked(right)?);
    Ok(left.partial_cmp(&right).unwrap_or(Ordering::Equal))
}

/// What npm makes of a `version` in a `package.json`: spaces and leading `v` or `=` go away.
pub(crate) fn clean(raw: &str) -> &str {
    raw.trim().trim_start_matches(['=', 'v', ' '])
}

fn checked(raw: &str) -> Result<SemVer<'_>, Refusal> {
    let version = SemVer::parse(raw)?;
    if version.major.max(version.minor).max(version.patch) > MAX_NUMBER {
        let rule = format!("has a number above {MAX_NUMBER}, which clients cannot compare");
        return Err(Refusal::new("version", rule).see(SPECIFICATION));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_is_no_part_of_a_version() {
        let (plain, built) = (parse("1.0.0-rc.1").unwrap(), parse("1.0.0-rc.1+linux").unwrap());
        assert_eq!(plain, built);
        assert_eq!(built.as_str(), "1.0.0-rc.1");
        assert!(built.is_prerelease() && !parse("1.0.0").unwrap().is_prerelease());
    }

    #[test]
    fn numbers_that_javascript_cannot_count_are_refused() {
        assert!(parse("9007199254740991.0.0").is_ok());
        assert!(parse("9007199254740992.0.0").is_err());
    }

    #[test]
    fn cleaning_does_what_the_client_did() {
        for raw in ["1.2.3", "v1.2.3", " =v1.2.3 ", "= 1.2.3"] {
            assert_eq!(clean(raw), "1.2.3");
        }
    }
}
