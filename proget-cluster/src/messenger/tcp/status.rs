//! What is known of each peer, for whoever looks at the cluster, and told in the log when it changes.

use super::super::hub::locked;
use super::super::{LinkStatus, PeerView};
use proget_core::ids::Incarnation;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How it stands between this node and a peer, in the direction from here to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerLink {
    /// Nothing is known yet.
    Calling,
    /// Hints reach it.
    Connected {
        /// Since when.
        since: Instant,
        /// The process that answered.
        to: Incarnation,
    },
    /// It cannot be reached; that is tried again and again.
    Away {
        /// Since when.
        since: Instant,
        /// The last reason, in words for people.
        problem: String,
    },
    /// It answers, but does not have the key that this node has.
    OtherKey {
        /// Since when.
        since: Instant,
    },
    /// It is this very process.
    Myself,
}

/// A peer and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The address, as it was given.
    pub address: String,
    /// How it stands.
    pub link: PeerLink,
}

impl PeerStatus {
    /// As documents show it; nothing for this very process.
    pub(super) fn view(&self) -> Option<PeerView> {
        let (link, problem, since) = match &self.link {
            PeerLink::Calling => (LinkStatus::Calling, None, None),
            PeerLink::Connected { since, .. } => (LinkStatus::Connected, None, Some(since)),
            PeerLink::Away { since, problem } => (LinkStatus::Away, Some(problem.clone()), Some(since)),
            PeerLink::OtherKey { since } => {
                (LinkStatus::OtherKey, Some("it has another encryption key".into()), Some(since))
            }
            PeerLink::Myself => return None,
        };
        let for_ms = since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
        Some(PeerView { address: self.address.clone(), node: None, link, problem, for_ms })
    }
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Hints sent, each counted for each peer.
    pub sent: u64,
    /// Hints heard from peers.
    pub heard: u64,
    /// Callers that have another key.
    pub other_keys: u64,
    /// Callers that were no servers, fell silent, or were too many.
    pub strangers: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: AtomicU64,
    pub(super) heard: AtomicU64,
    pub(super) other_keys: AtomicU64,
    pub(super) strangers: AtomicU64,
}

/// One more.
pub(super) fn count(one: &AtomicU64) {
    one.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(super) fn counts(&self) -> Counts {
        let of = |one: &AtomicU64| one.load(Ordering::Relaxed);
        Counts {
            sent: of(&self.sent),
            heard: of(&self.heard),
            other_keys: of(&self.other_keys),
            strangers: of(&self.strangers),
        }
    }
}

/// All peers by their addresses.
#[derive(Debug, Default)]
pub(super) struct Peers(Mutex<BTreeMap<String, PeerLink>>);

impl Peers {
    pub(super) fn all(&self) -> Vec<PeerStatus> {
        let one = |(address, link): (&String, &PeerLink)| PeerStatus {
            address: address.clone(),
            link: link.clone(),
        };
        locked(&self.0).iter().map(one).collect()
    }

    pub(super) fn add(&self, address: &str) {
        locked(&self.0).insert(address.to_owned(), PeerLink::Calling);
    }

    pub(super) fn forget(&self, address: &str) {
        locked(&self.0).remove(address);
    }

    /// Notes how it stands now. What was so before keeps its beginning and is not told again; a peer that
    /// was forgotten meanwhile stays so.
    pub(super) fn note(&self, address: &str, link: PeerLink) {
        let mut peers = locked(&self.0);
        let Some(known) = peers.get_mut(address) else { return };
        let link = match (&*known, link) {
            (PeerLink::OtherKey { .. }, PeerLink::OtherKey { .. }) => return,
            (PeerLink::Away { problem: before, .. }, PeerLink::Away { problem, .. })
                if *before == problem =>
            {
                return;
            }
            (PeerLink::Away { since, .. }, PeerLink::Away { problem, .. }) => {
                PeerLink::Away { since: *since, problem }
            }
            (_, link) => link,
        };
        match &link {
            PeerLink::Connected { to, .. } => {
                tracing::info!(peer = address, incarnation = %to, "hints reach the peer")
            }
            PeerLink::Away { problem, .. } => {
                tracing::warn!(
                    peer = address,
                    problem,
                    "hints do not reach the peer: it will notice changes later; check that it runs and that no firewall is between"
                );
            }
            PeerLink::OtherKey { .. } => tracing::warn!(
                peer = address,
                "the peer has another encryption key (or speaks another version): give all servers the same keys; until then it will notice changes later"
            ),
            PeerLink::Calling | PeerLink::Myself => {}
        }
        *known = link;
    }
}
