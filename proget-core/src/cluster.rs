//! Words about the cluster that the catalogue and the duties share: what a node is called, and how
//! the nodes of an instance divide its background work.
//!
//! Who is here, who holds which role and how that is found out is `proget-cluster`'s.

use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What operators call a node; by default its host's name. A name outlives processes: each process
/// under it is another [`Incarnation`](crate::ids::Incarnation).
///
/// One to sixty-three characters: lower-case letters, digits, `.`, `_`, `-`; begins and ends with a
/// letter or digit. Upper case is folded, as host names are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

impl NodeName {
    /// Checks the rules above.
    ///
    /// # Errors
    /// A refusal that names the broken rule.
    pub fn new(written: impl AsRef<str>) -> Result<Self, Refusal> {
        let name = written.as_ref().to_ascii_lowercase();
        let refuse = |why: &'static str| Err(Refusal::new("node name", why));
        if name.is_empty() || name.len() > 63 {
            return refuse("must have 1 to 63 characters");
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
            return refuse("may contain only letters, digits, '.', '_' and '-'");
        }
        let edge = |c: char| c.is_ascii_alphanumeric();
        if !name.starts_with(edge) || !name.ends_with(edge) {
            return refuse("must begin and end with a letter or digit");
        }
        Ok(Self(name))
    }

    /// `proget`, for a node that nobody has named.
    #[must_use]
    pub fn standard() -> Self {
        Self("proget".into())
    }

    /// As it is written and compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for NodeName {
    type Error = Refusal;

    fn try_from(written: String) -> Result<Self, Refusal> {
        Self::new(written)
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

/// How the nodes of an instance divide its background work. It is data of the instance and the same
/// for all of them; every node answers requests in each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterMode {
    /// One node is meant to be here. Others that join answer requests; their Service is idle.
    #[default]
    Single,
    /// Several nodes answer requests; one that was named runs the Service, and nothing moves by itself.
    LoadBalanced,
    /// Every node may run the Service; duties move by election.
    HighAvailability,
}

impl ClusterMode {
    /// Every mode, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Single, Self::LoadBalanced, Self::HighAvailability];

    /// As it is written in settings, documents and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::LoadBalanced => "load-balanced",
            Self::HighAvailability => "high-availability",
        }
    }
}

impl fmt::Display for ClusterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ClusterMode {
    type Err = Refusal;

    fn from_str(written: &str) -> Result<Self, Refusal> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == written)
            .ok_or_else(|| Refusal::new("mode", "must be 'single', 'load-balanced' or 'high-availability'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_are_those_of_hosts() {
        for good in ["a", "node-1", "web01.example", "x_y"] {
            assert_eq!(NodeName::new(good).unwrap().as_str(), good);
        }
        assert_eq!(NodeName::new("WEB01").unwrap().as_str(), "web01");
        for bad in ["", "-a", "a-", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(NodeName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mode_is_read_as_it_is_written() {
        for mode in ClusterMode::ALL {
            assert_eq!(mode.as_str().parse::<ClusterMode>().unwrap(), mode);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        assert!("ha".parse::<ClusterMode>().is_err());
    }
}
