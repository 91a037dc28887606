//! Changes to the instance and to fences.

use super::super::Role;
use crate::cluster::{ClusterMode, NodeName};
use crate::ids::{Incarnation, Stamp};
use uuid::Uuid;

/// A change to the instance.
#[derive(Debug, Clone)]
pub enum InstanceChange {
    /// Replaces the witness and the known database identity, expecting the witness to be
    /// `previous`; `InstanceChanged`. Fenced.
    Witness {
        /// What the catalogue must have now.
        previous: Option<Uuid>,
        /// What it has from now on.
        next: Uuid,
        /// The database's identity to remember.
        identity: String,
    },
    /// Stops all deletes until an operator confirms, saying why.
    StopDeletes(String),
    /// An operator confirms that store and catalogue belong together: deletes are no longer
    /// stopped, and the known database identity is forgotten; the witness stays.
    ConfirmDeletes,
    /// Changes the mode and the service node, expecting the revision to be `from`; `InstanceChanged`.
    Mode {
        /// The revision that was judged.
        from: Stamp,
        /// The mode from now on.
        mode: ClusterMode,
        /// The service node from now on.
        service_node: Option<NodeName>,
    },
    /// The first node of an instance becomes its service node; nothing happens if there is one.
    Settle(NodeName),
    /// Sets a setting, or removes it. Names and values are their owner's affair.
    Set {
        /// Its name; up to 100 characters.
        name: String,
        /// Its value; `None` removes it.
        value: Option<String>,
    },
}

/// A change to fences.
#[derive(Debug, Clone)]
pub enum FenceChange {
    /// From now on only `holder` with `term` may act in this role; `TermTooLow` unless `term` is above the present one.
    Plant {
        /// The duty.
        role: Role,
        /// The new term.
        term: i64,
        /// The process.
        holder: Incarnation,
    },
}
