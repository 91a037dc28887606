//! What a node says of itself. Others show it and do not decide by it, but for what the columns
//! beside it repeat: the name, the process, its components.
//!
//! Cards are read by builds older and newer than the one that wrote them: what is missing has a
//! default, what is unknown is passed over, and a card that cannot be read at all leaves a bare one,
//! so that one strange node does not hide the others.

use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use proget_core::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A part of a node that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// Answers requests.
    Web,
    /// Does background work.
    Service,
}

impl Component {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Web, Self::Service];

    /// As it is written in settings, documents and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Component {
    type Err = Refusal;

    fn from_str(written: &str) -> Result<Self, Refusal> {
        Self::ALL
            .into_iter()
            .find(|component| component.as_str() == written)
            .ok_or_else(|| Refusal::new("component", "must be 'web' or 'service'"))
    }
}

/// Where a process is between its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It has a seat and is still being checked.
    #[default]
    Joining,
    /// It does what its components are for.
    Serving,
    /// It finishes what it has begun and takes nothing new.
    Draining,
    /// It has finished, and may be stopped without anybody noticing.
    Drained,
}

impl Phase {
    /// As it is written in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Drained => "drained",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a process has in hand at one moment; for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// Requests that it is answering.
    pub requests: u64,
    /// Jobs that it is at.
    pub jobs: u64,
}

/// What a process says of itself, newly with each beat. Holds no secret: everybody who may see the
/// status sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeCard {
    /// What the operators call the node.
    pub name: NodeName,
    /// This process of it.
    pub incarnation: Incarnation,
    /// What it consists of; never empty.
    pub components: BTreeSet<Component>,
    /// The operating system.
    #[serde(default)]
    pub os: String,
    /// Where it listens for requests, as it was told to publish it.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Where its messenger listens, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messenger: Option<String>,
    /// The build.
    #[serde(default)]
    pub version: String,
    /// What its encryption keys are called; never the keys.
    #[serde(default)]
    pub keys: Vec<String>,
    /// What its machine key is called; `None` if its session keys follow from the encryption key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_key: Option<String>,
    /// The oldest and the newest schema that it works on.
    #[serde(default)]
    pub schema: [i64; 2],
    /// Where it is between its beginning and its end.
    #[serde(default)]
    pub phase: Phase,
    /// `running`, or why its Service does not run, in words for operators.
    #[serde(default)]
    pub service: String,
    /// Why it cannot write to the package store, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_problem: Option<String>,
    /// The key of the beacon that it left in the package store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<String>,
    /// Whose beacons it looked for in the package store, and whether they were there.
    #[serde(default)]
    pub sees: Vec<(Incarnation, bool)>,
    /// Which register of leases it uses, as that tells itself from others; `None` while it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// How many milliseconds its clock is ahead of the register's; for people.
    #[serde(default)]
    pub skew_ms: i64,
    /// For how many milliseconds its process had run when it took its seats. A roster knows when it did.
    #[serde(default)]
    pub ran_ms: u64,
    /// What it has in hand.
    #[serde(default)]
    pub load: Load,
}

impl NodeCard {
    /// A card that says only who this is.
    #[must_use]
    pub fn bare(
        name: NodeName,
        incarnation: Incarnation,
        components: impl IntoIterator<Item = Component>,
    ) -> Self {
        Self {
            name,
            incarnation,
            components: components.into_iter().collect(),
            os: String::new(),
            addresses: Vec::new(),
            messenger: None,
            version: String::new(),
            keys: Vec::new(),
            machine_key: None,
            schema: [0, 0],
            phase: Phase::default(),
            service: String::new(),
            store_problem: None,
            beacon: None,
            sees: Vec::new(),
            register: None,
            skew_ms: 0,
            ran_ms: 0,
            load: Load::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_by_builds_that_know_less_and_more() {
        let incarnation = Incarnation::random();
        let mut card = NodeCard::bare(NodeName::new("a").unwrap(), incarnation, Component::ALL);
        card.sees = vec![(Incarnation::random(), false)];
        let mut json = serde_json::to_value(&card).unwrap();
        json["fromTheFuture"] = true.into();
        assert_eq!(serde_json::from_value::<NodeCard>(json).unwrap(), card);
        let little = serde_json::json!({ "name": "a", "incarnation": incarnation, "components": ["web"] });
        let read: NodeCard = serde_json::from_value(little).unwrap();
        assert_eq!(read, NodeCard::bare(card.name, incarnation, [Component::Web]));
    }
}
