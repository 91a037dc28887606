//! The node that a server is.

use crate::cluster::{ClusterParts, ROLES, StoreBeacons, WatchedElection, process_age};
use proget_cluster::election::BootClock;
use proget_cluster::membership::NodeCard;
use proget_cluster::messenger::LateMessenger;
use proget_cluster::node::{Cluster, NodeParts};
use proget_core::keys::KeyRing;
use proget_core::{Clock, Registry};
use std::sync::Arc;

/// The node that a server is, and the cluster that it belongs to.
pub(super) fn node(
    parts: ClusterParts,
    registry: &Arc<Registry>,
    clock: Arc<dyn Clock>,
    messenger: LateMessenger,
) -> (NodeParts, Arc<Cluster>) {
    let mut card = NodeCard::bare(parts.name.clone(), registry.incarnation(), parts.components.clone());
    card.os = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    card.version = env!("CARGO_PKG_VERSION").to_owned();
    let keys = parts.keys.iter().flat_map(KeyRing::fingerprints);
    card.keys = keys.map(|key| key.to_string()).collect();
    card.machine_key = parts.machine_key.map(|key| key.to_string());
    card.schema = crate::upgrade::schemas();
    card.ran_ms = u64::try_from(process_age().as_millis()).unwrap_or(u64::MAX);
    let node = NodeParts {
        card,
        catalog: registry.fresh().catalog(),
        membership: parts.membership.clone(),
        election: Arc::new(WatchedElection(parts.election.clone())),
        messenger: Arc::new(messenger.clone()),
        roles: ROLES.to_vec(),
        steady: Arc::new(BootClock),
        clock,
        beacons: Arc::new(StoreBeacons(registry.packages().clone())),
    };
    (node, Arc::new(parts.cluster(registry.clone(), messenger)))
}
