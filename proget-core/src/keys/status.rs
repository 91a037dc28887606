//! Which keys there are, who has them, what still needs them, and whether one may be retired: what an
//! operator looks at between the steps of an exchange. Pure, and without any key.

use super::key::Fingerprint;
use super::ring::KeyRing;
use super::rotation::{NodeKeys, retire};
use super::settings::KeySettings;
use crate::cluster::NodeName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A node that has not got a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lacking {
    /// Its name.
    pub node: NodeName,
    /// Is it here? One that is not may come back.
    pub here: bool,
}

/// One key that somebody has or the instance needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyLine {
    /// What it is called.
    pub fingerprint: Fingerprint,
    /// Is it the one that seals?
    pub seals: bool,
    /// Was it retired?
    pub retired: bool,
    /// Has whoever answers it? Then what it sealed opens there.
    pub here: bool,
    /// How many values are sealed with it.
    pub values: u64,
    /// Which nodes have it.
    pub held_by: Vec<NodeName>,
    /// Which nodes that were not removed have it not.
    pub lacked_by: Vec<Lacking>,
    /// May it be retired now?
    pub may_be_retired: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// Which keys there are, and who has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyStatus {
    /// The key that seals, then the others of this server, then those that only others have or that only
    /// values need.
    pub keys: Vec<KeyLine>,
}

impl KeyStatus {
    /// Gathers what this server, the instance, its sealed values and the roster know.
    #[must_use]
    pub fn gather(
        ring: Option<&KeyRing>,
        settings: &KeySettings,
        values: &BTreeMap<Fingerprint, u64>,
        nodes: &[NodeKeys],
    ) -> Self {
        let own = ring.map(KeyRing::fingerprints).unwrap_or_default();
        let known = nodes.iter().flat_map(|node| &node.keys).chain(values.keys());
        let others: BTreeSet<Fingerprint> = known.copied().collect();
        let mut keys: Vec<KeyLine> = Vec::new();
        for fingerprint in settings.sealing.into_iter().chain(own.iter().copied()).chain(others) {
            if keys.iter().any(|line| line.fingerprint == fingerprint) {
                continue;
            }
            let values = values.get(&fingerprint).copied().unwrap_or(0);
            let (have, lack): (Vec<&NodeKeys>, Vec<_>) =
                nodes.iter().partition(|node| node.keys.contains(&fingerprint));
            let refused = retire(fingerprint, settings, nodes, values).err();
            keys.push(KeyLine {
                fingerprint,
                seals: settings.sealing == Some(fingerprint),
                retired: settings.retired.contains(&fingerprint),
                here: own.contains(&fingerprint),
                values,
                held_by: have.iter().map(|node| node.node.clone()).collect(),
                lacked_by: lack
                    .iter()
                    .map(|node| Lacking { node: node.node.clone(), here: node.here })
                    .collect(),
                may_be_retired: refused.is_none(),
                why_not: refused.map(|refused| refused.to_string()),
            });
        }
        Self { keys }
    }
}
