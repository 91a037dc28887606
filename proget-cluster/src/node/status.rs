//! What an operator asks at three in the morning: who is here, who is primary since when, is
//! everything in sync, what is wrong and what to do. One document, the same for the API, the command
//! line and pages; times in milliseconds, so that scripts can compare them.

use crate::messenger::MessengerStatus;
use proget_core::catalog::Durability;
use proget_core::clock::Timestamp;
use proget_core::cluster::{ClusterMode, NodeName};
use serde::{Deserialize, Serialize};

/// The cluster at one moment, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// How the nodes divide the background work.
    pub mode: ClusterMode,
    /// Which node runs the Service while the mode is not high availability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_node: Option<NodeName>,
    /// Which node gave this answer.
    pub answered_by: NodeName,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// Who dispatches schedules and looks after the others' work, if anybody does at this moment.
    pub primary: Option<RoleStatus>,
    /// Every role that was ever held.
    pub roles: Vec<RoleStatus>,
    /// Everybody in the roster, by name.
    pub nodes: Vec<NodeStatus>,
    /// The timings in force.
    pub timing: TimingStatus,
    /// What has to be lost before an acknowledged package is: one disk, or several database servers.
    pub durability: Durability,
    /// The messenger of the node that answers, if hints leave its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messenger: Option<MessengerStatus>,
    /// What is wrong, with what to do about it; empty if nothing is.
    pub warnings: Vec<Warning>,
}

/// Who holds a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// The duty.
    pub role: String,
    /// The node that holds it; absent if nobody does, or if it is not in the roster any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The number of the holding.
    pub term: i64,
    /// When this holding began, by the database's clock, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// For how long it is still granted; 0 if it has run out.
    pub left_ms: u64,
}

/// A node of the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name.
    pub name: NodeName,
    /// Its present process.
    pub incarnation: String,
    /// What the others see: `fresh`, `late` or `lost`.
    pub standing: String,
    /// What it says of itself: `joining`, `serving`, `draining`.
    pub phase: String,
    /// Its components: `web`, `service`.
    pub components: Vec<String>,
    /// The roles it holds.
    pub roles: Vec<String>,
    /// Which build it runs.
    pub version: String,
    /// Has it the key that seals? Absent if it has not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_in_sync: Option<bool>,
    /// The fingerprints of its keys; never the keys.
    pub keys: Vec<String>,
    /// The fingerprint of its machine key; absent if its session keys follow from the encryption key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_key: Option<String>,
    /// Is that the one of the others? Absent if it answers no requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_key_in_sync: Option<bool>,
    /// Does its Service run? If not, why not.
    pub service: String,
    /// Does it see the package store of the node that answers? Absent while nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares_store: Option<bool>,
    /// Does it use the register of leases that the others use? Absent while it has not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares_register: Option<bool>,
    /// Can it write to the store? If not, why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_problem: Option<String>,
    /// The system it runs on.
    pub os: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Where its messenger listens, if others can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messenger: Option<String>,
    /// The oldest and the newest schema that it works on.
    pub schema: [i64; 2],
    /// When its process began, by the database's clock.
    pub started: Timestamp,
    /// When it took its place in the roster, by the database's clock.
    pub joined: Timestamp,
    /// How long ago its Web component beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_beat_ms: Option<u64>,
    /// How long ago its Service component beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_beat_ms: Option<u64>,
    /// How far its clock is ahead of the database's; for people, nothing depends on it.
    pub skew_ms: i64,
    /// Requests it is answering.
    pub requests: u64,
    /// Jobs it is at.
    pub jobs: u64,
}

/// The timings in force, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimingStatus {
    /// The preset that these are, if they are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// For how long a role is granted.
    pub lease: u64,
    /// How often it is renewed.
    pub renew: u64,
    /// How much sooner a holder stops believing.
    pub margin: u64,
    /// How often others look.
    pub poll: u64,
    /// How long one call may take.
    pub call: u64,
    /// How often a node says that it is here.
    pub beat: u64,
    /// After this time it is late.
    pub late: u64,
    /// After this time it is lost.
    pub lost: u64,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Whom it concerns, if one node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}
