//! Reading role: the instance and its fences.

use super::CatalogError;
use crate::clock::Timestamp;
use crate::cluster::{ClusterMode, NodeName};
use crate::ids::{Incarnation, Stamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A small duty that one node holds, such as `sweeper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(pub &'static str);

impl Role {
    /// Condemning, dooming and deleting blobs.
    pub const SWEEPER: Self = Self("sweeper");
    /// Dispatching schedules and looking after the others' work. Its holder is *the primary*.
    pub const PRIMARY: Self = Self("primary");
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Carried by every write that is made because of a role; compared for *equality* with what was
/// planted, inside the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The duty.
    pub role: Role,
    /// The number of the holding; grows with each.
    pub term: i64,
    /// The process that holds it.
    pub holder: Incarnation,
}

/// What has been planted for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FenceRow {
    /// The newest term.
    pub term: i64,
    /// Who planted it.
    pub holder: Incarnation,
}

/// The instance as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Made when the catalogue was created; also written into each store.
    pub installation: Uuid,
    /// What the last sweep wrote to catalogue and store; the next must find it in both.
    pub witness: Option<Uuid>,
    /// Why deletes are stopped until an operator confirms, if they are.
    pub deletes_stopped: Option<String>,
    /// The database's own identity when the last sweep ran (system id and timeline, server uuid).
    pub known_identity: Option<String>,
    /// The database's own identity now.
    pub identity: String,
    /// How the nodes divide the background work.
    pub mode: ClusterMode,
    /// Which node runs the Service while the mode is not high availability; `None` until one was named.
    pub service_node: Option<NodeName>,
    /// Changes with each change of the mode, the service node or a setting.
    pub revision: Stamp,
    /// The catalogue's clock.
    pub now: Timestamp,
}

/// A setting of the whole instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name, such as `cluster.timing`.
    pub name: String,
    /// Its value, as whoever owns it writes it.
    pub value: String,
}

/// What has to be lost before an acknowledged commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Several database servers: a commit is acknowledged once more than one has it.
    Replicated,
    /// One disk. Replicas, if there are any, follow later; after a fail-over to one the last commits may be gone.
    OneDisk,
    /// A power cut will do: commits are acknowledged before they are on a disk.
    Memory,
}

/// What this instance is, and who holds which duty.
#[async_trait]
pub trait Instance: Send + Sync {
    /// The one row about the instance.
    async fn instance(&self) -> Result<InstanceRow, CatalogError>;

    /// What has been planted for a role, if anything.
    async fn fence(&self, role: Role) -> Result<Option<FenceRow>, CatalogError>;

    /// The settings of the whole instance, by name.
    async fn settings(&self) -> Result<Vec<SettingRow>, CatalogError>;

    /// The instance's revision alone: one cheap look tells whether mode and settings are as they were.
    async fn revision(&self) -> Result<Stamp, CatalogError>;

    /// What has to be lost before an acknowledged commit is, as the database is set up at this moment.
    async fn durability(&self) -> Result<Durability, CatalogError>;
}
