//! Reading role: the instance and its fences.

use super::CatalogError;
use crate::clock::Timestamp;
use crate::ids::Incarnation;
use async_trait::async_trait;
use std::fmt;
use uuid::Uuid;

/// A small duty that one node holds, such as `sweeper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(pub &'static str);

impl Role {
    /// Condemning, dooming and deleting blobs.
    pub const SWEEPER: Self = Self("sweeper");
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
    /// The catalogue's clock.
    pub now: Timestamp,
}

/// What this instance is, and who holds which duty.
#[async_trait]
pub trait Instance: Send + Sync {
    /// The one row about the instance.
    async fn instance(&self) -> Result<InstanceRow, CatalogError>;

    /// What has been planted for a role, if anything.
    async fn fence(&self, role: Role) -> Result<Option<FenceRow>, CatalogError>;
}
