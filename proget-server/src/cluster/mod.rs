//! The server as a node of a cluster. A single server is a cluster of one: the same code, with a
//! roster and leases in memory.

mod age;
mod attend;
mod beacons;
mod figures;
mod keys;
mod messenger;
mod reseal;
#[cfg(any(feature = "cli", feature = "testing"))]
mod schema;
#[cfg(feature = "cli")]
mod sweep;
mod watched;

pub(crate) use age::process_age;
pub(crate) use attend::{Attendance, attend};
pub(crate) use beacons::StoreBeacons;
pub(crate) use keys::{KeysRefused, admit_keys};
pub(crate) use messenger::tell;
pub use messenger::{Messaging, Port, TcpEndpoint};
pub(crate) use reseal::Reseal;
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) use schema::schema_steps;
#[cfg(feature = "cli")]
pub(crate) use sweep::sweep;
pub(crate) use watched::WatchedElection;

use proget_cluster::election::{BootClock, Election, MemoryElection};
use proget_cluster::membership::{Component, Membership, MemoryMembership};
use proget_cluster::messenger::LateMessenger;
use proget_cluster::node::{Cluster, Facts};
use proget_core::Registry;
use proget_core::catalog::Role;
use proget_core::cluster::NodeName;
use proget_core::keys::{Fingerprint, KeyRing};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The roles there are: each is held by one node at a time.
pub(crate) const ROLES: &[Role] = &[Role::PRIMARY, Role::SWEEPER];

/// What makes a server a node of a cluster.
///
/// Several servers are one cluster if they share the catalogue, the package store and these two
/// registers. Without them a server has its own, in memory.
#[derive(Debug, Clone)]
pub struct ClusterParts {
    /// What operators call this node.
    pub name: NodeName,
    /// Its halves.
    pub components: BTreeSet<Component>,
    /// Who is here.
    pub membership: Arc<dyn Membership>,
    /// Who holds which role.
    pub election: Arc<dyn Election>,
    /// How hints reach the others.
    pub messaging: Messaging,
    /// Its encryption keys; the same on every node.
    pub keys: Option<KeyRing>,
    /// What its machine key is called, if it has one; the same on every node that answers requests.
    pub machine_key: Option<Fingerprint>,
    /// What the composition knows and a roster cannot tell.
    pub facts: Facts,
}

impl ClusterParts {
    /// A node alone: both components, and registers of its own in memory.
    #[must_use]
    pub fn alone(name: NodeName) -> Self {
        let clock = Arc::new(BootClock);
        Self {
            name,
            components: Component::ALL.into(),
            membership: Arc::new(MemoryMembership::new(clock.clone())),
            election: Arc::new(MemoryElection::new(clock)),
            messaging: Messaging::default(),
            keys: None,
            machine_key: None,
            facts: Facts::default(),
        }
    }
}

impl ClusterParts {
    /// The cluster that a node with these parts belongs to.
    pub(crate) fn cluster(self, registry: Arc<Registry>, messenger: LateMessenger) -> Cluster {
        Cluster {
            me: self.name,
            registry,
            membership: self.membership,
            election: self.election,
            roles: ROLES.to_vec(),
            facts: self.facts,
            messenger: Arc::new(messenger),
            keys: self.keys,
        }
    }
}

/// The host's name, or `proget` if that cannot name a node.
#[must_use]
pub(crate) fn host_name() -> NodeName {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    NodeName::new(told.unwrap_or_default().trim()).unwrap_or_else(|_| NodeName::standard())
}
