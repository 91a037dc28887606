//! One node of a cluster, from joining to leaving.
//!
//! What it is told to be is data of the instance ([`settings`]); what follows from that is decided
//! purely ([`duty`], [`checklist`]). [`Node`] is the running one: it takes its seat, beats, campaigns
//! for roles when it may, watches the package store, and leaves.

mod advice;
pub mod checklist;
mod cluster;
pub mod duty;
mod hints;
pub mod keys;
mod life;
mod overview;
mod planter;
pub mod settings;
mod sightings;
pub mod status;
mod store_watch;
mod tend;

pub use cluster::{Cluster, Configuration, Facts, ModeChange};
pub use hints::keep_calling;
pub use life::{JoinError, Node, NodeParts, Readiness};
pub use planter::CatalogPlanter;
pub use store_watch::Beacons;
