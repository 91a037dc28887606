//! How a messenger is doing, as documents and pages show it.

use proget_core::cluster::NodeName;
use serde::{Deserialize, Serialize};

/// A messenger at one moment, seen from its own node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessengerStatus {
    /// Where it listens: `tcp://10.0.0.1:33237`, `unix:///run/proget/hints`.
    pub endpoint: String,
    /// Hints sent since the start, each counted for each peer.
    pub sent: u64,
    /// Hints heard from peers.
    pub heard: u64,
    /// Callers that have another encryption key.
    pub other_keys: u64,
    /// Callers that were no servers, fell silent, or were too many.
    pub strangers: u64,
    /// How it stands with each peer, in the direction from here to there.
    pub peers: Vec<PeerView>,
}

/// A peer and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerView {
    /// Its address, as the roster has it.
    pub address: String,
    /// The node that published this address, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// Do hints reach it?
    pub link: LinkStatus,
    /// If not, why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// For how long it has stood so.
    pub for_ms: u64,
}

/// Do hints reach a peer?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStatus {
    /// It was not reached yet.
    Calling,
    /// They do.
    Connected,
    /// It cannot be reached; that is tried again and again.
    Away,
    /// It has another encryption key.
    OtherKey,
}
