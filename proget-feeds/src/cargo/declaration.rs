//! What a version says about itself, in the same words whether it was read from the document that
//! cargo sends with a publish or from the `Cargo.toml` in the crate.
//!
//! Everything a client's resolver will read is checked here, because a client passes over a line
//! of the index that it cannot read, and its user would look for the version in vain.

use super::{name, version};
use proget_core::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where features are described.
const FEATURES: &str = "https://doc.rust-lang.org/cargo/reference/features.html";
/// Where dependencies are described.
const DEPENDENCIES: &str = "https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html";

/// So many dependencies are taken, and so many features.
const MOST: usize = 10_000;
/// Longest name of a feature, target or registry, in bytes.
const TEXT_LIMIT: usize = 1024;

/// Features by name: what each of them turns on.
pub(crate) type Features = BTreeMap<String, Vec<String>>;

/// What a version says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declaration {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: Features,
    pub(crate) links: Option<String>,
    pub(crate) rust_version: Option<String>,
    pub(crate) readme: Readme,
    pub(crate) about: About,
}

/// Where the README is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Readme {
    /// Not said: whatever is called so.
    #[default]
    Unsaid,
    /// There is none.
    None,
    /// In the crate, under this path.
    File(String),
    /// This is it.
    Text(String),
}

/// One dependency, as a line of the index has it:
/// <https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Dependency {
    /// As the depending crate calls it.
    pub(crate) name: String,
    pub(crate) req: String,
    pub(crate) features: Vec<String>,
    pub(crate) optional: bool,
    pub(crate) default_features: bool,
    /// A platform, if it is for that one only.
    pub(crate) target: Option<String>,
    pub(crate) kind: Kind,
    /// The index of another registry; nothing means this one.
    pub(crate) registry: Option<String>,
    /// As the crate is really called, if that is another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package: Option<String>,
}

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// What is said to people; stored beside the index, not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct About {
    pub(crate) description: Option<String>,
    pub(crate) homepage: Option<String>,
    pub(crate) documentation: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) license_file: Option<String>,
    pub(crate) authors: Vec<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
}

impl Declaration {
    /// Checks everything that a client's resolver will read.
    pub(crate) fn checked(self) -> Result<Self, Refusal> {
        name::parse(&self.name)?;
        version::parse(&self.version)?;
        if self.dependencies.len() > MOST || self.features.len() > MOST {
            return Err(Refusal::new("package", format!("has more than {MOST} dependencies or features")));
        }
        for dependency in &self.dependencies {
            dependency.check()?;
        }
        for (feature, turns_on) in &self.features {
            check_feature(feature)?;
            if let Some(bad) = turns_on.iter().find(|one| !is_text(one)) {
                let field = format!("features[{feature:?}]");
                return Err(Refusal::new(field, format!("holds {bad:?}, which names nothing")).see(FEATURES));
            }
        }
        if let Some(version) = self.rust_version.as_deref().filter(|version| !is_rust_version(version)) {
            let rule = format!("is '{version}', but must be one to three numbers with dots between them");
            return Err(Refusal::new("rust-version", rule));
        }
        if self.links.as_deref().is_some_and(|links| !is_text(links)) {
            return Err(Refusal::new("links", "must be the name of a native library"));
        }
        Ok(self)
    }
}

impl Dependency {
    fn check(&self) -> Result<(), Refusal> {
        let refuse = |rule: String| {
            Err(Refusal::new(format!("dependencies[{:?}]", self.name), rule).see(DEPENDENCIES))
        };
        for name in [Some(&self.name), self.package.as_ref()].into_iter().flatten() {
            if let Err(rule) = check_dependency_name(name) {
                return refuse(format!("is called {name:?}, but a name {rule}"));
            }
        }
        if let Err(rule) = version::requirement(&self.req) {
            return refuse(rule);
        }
        if let Some(bad) = self.features.iter().find(|feature| !is_text(feature)) {
            return refuse(format!("asks for the feature {bad:?}, which names nothing"));
        }
        if self.target.as_deref().is_some_and(|target| !is_text(target)) {
            return refuse("is for a target that names nothing".into());
        }
        if let Some(registry) = self.registry.as_deref().filter(|registry| !is_address(registry)) {
            return refuse(format!("comes from {registry:?}, which is not the address of an index"));
        }
        Ok(())
    }
}

/// A dependency may be renamed to what no crate can be called: Rust names may begin with `_`.
fn check_dependency_name(raw: &str) -> Result<(), String> {
    let bare = raw.trim_start_matches('_');
    name::check(if bare.is_empty() { raw } else { bare })
}

/// As cargo has it: letters and digits of any script, `_`, `-`, `+`, `.`; not a path and not `dep:`.
fn check_feature(feature: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_alphanumeric() || "_-+.".contains(c);
    let first = |c: char| c.is_alphanumeric() || c == '_';
    if feature.len() <= TEXT_LIMIT && feature.starts_with(first) && feature.chars().all(plain) {
        return Ok(());
    }
    let rule = "must begin with a letter, a digit or '_' and go on with those, '-', '+' and '.'";
    Err(Refusal::new(format!("features[{feature:?}]"), rule).see(FEATURES))
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_LIMIT && !text.contains(char::is_control)
}

fn is_address(text: &str) -> bool {
    is_text(text)
        && text.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
}

fn is_rust_version(text: &str) -> bool {
    let number = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u64>().is_ok()
            && (part == "0" || !part.starts_with('0'))
    };
    (1..=3).contains(&text.split('.').count()) && text.split('.').all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_features_are_those_that_cargo_takes() {
        for good in ["default", "c++20", "serde-1.0", "_private", "ñandú", "1"] {
            assert!(check_feature(good).is_ok(), "{good}");
        }
        for bad in ["", "dep:a", "a/b", "a?", "-a", "+a", "a b", "a,b"] {
            assert!(check_feature(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rust_versions_have_one_to_three_numbers() {
        for good in ["1", "1.70", "1.70.0"] {
            assert!(is_rust_version(good), "{good}");
        }
        for bad in ["", "1.", "1.70.0.0", "1.70-nightly", "^1.70", "01.2", "1.x"] {
            assert!(!is_rust_version(bad), "{bad}");
        }
    }

    #[test]
    fn a_renamed_dependency_may_begin_with_an_underscore() {
        for good in ["_lib", "serde", "_"] {
            assert_eq!(check_dependency_name(good).is_ok(), good != "_", "{good}");
        }
    }
}
