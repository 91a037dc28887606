//! Cutting a node of a test off: its roster, its leases and its catalogue answer that they cannot be
//! reached, until it is healed. What it had begun before comes to its end, as a statement does that
//! reached the database in time.

use async_trait::async_trait;
use proget_cluster::election::{Election, ElectionError, Holding, Lease};
use proget_cluster::membership::{Beaten, JoinRules, Membership, MembershipError, NodeCard, Removal, Roster};
use proget_core::Catalog;
use proget_core::catalog::Role;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use proget_core::memory::faulty::FaultyCatalog;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DOING: &str = "reaching what this node was cut off from";

/// Whether a node reaches what all share.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire(Arc<AtomicBool>);

impl Wire {
    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn lease<T>(&self, works: T) -> Result<T, ElectionError> {
        if self.is_cut() { Err(ElectionError { doing: DOING, source: None }) } else { Ok(works) }
    }

    fn seat<T>(&self, works: T) -> Result<T, MembershipError> {
        if self.is_cut() {
            return Err(MembershipError::Unanswered { doing: DOING, source: None });
        }
        Ok(works)
    }
}

/// What a node reaches through its wire.
#[derive(Debug)]
pub(super) struct Wired {
    pub(super) catalog: Arc<FaultyCatalog>,
    pub(super) membership: Arc<dyn Membership>,
    pub(super) election: Arc<dyn Election>,
    wire: Wire,
}

impl Wired {
    pub(super) fn new(
        catalog: Arc<dyn Catalog>,
        membership: Arc<dyn Membership>,
        election: Arc<dyn Election>,
    ) -> Self {
        let wire = Wire::default();
        Self {
            catalog: Arc::new(FaultyCatalog::new(catalog)),
            membership: Arc::new(WiredMembership { inner: membership, wire: wire.clone() }),
            election: Arc::new(WiredElection { inner: election, wire: wire.clone() }),
            wire,
        }
    }

    /// From now on nothing is reached.
    pub(super) fn cut(&self) {
        self.catalog.go_away();
        self.wire.0.store(true, Ordering::SeqCst);
    }

    /// Everything is reached again.
    pub(super) fn heal(&self) {
        self.wire.0.store(false, Ordering::SeqCst);
        self.catalog.come_back();
    }
}

#[derive(Debug)]
struct WiredElection {
    inner: Arc<dyn Election>,
    wire: Wire,
}

#[async_trait]
impl Election for WiredElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        self.wire.lease(&self.inner)?.acquire(me, role, floor, lease).await
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        self.wire.lease(&self.inner)?.renew(me, held, lease).await
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        self.wire.lease(&self.inner)?.resign(me, held).await
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        self.wire.lease(&self.inner)?.look(roles).await
    }

    fn register(&self) -> Option<String> {
        self.inner.register()
    }
}

#[derive(Debug)]
struct WiredMembership {
    inner: Arc<dyn Membership>,
    wire: Wire,
}

#[async_trait]
impl Membership for WiredMembership {
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError> {
        self.wire.seat(&self.inner)?.join(card, rules).await
    }

    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError> {
        self.wire.seat(&self.inner)?.beat(card).await
    }

    async fn roster(&self) -> Result<Roster, MembershipError> {
        self.wire.seat(&self.inner)?.roster().await
    }

    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError> {
        self.wire.seat(&self.inner)?.leave(name, incarnation).await
    }

    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError> {
        self.wire.seat(&self.inner)?.remove(name, removal).await
    }

    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        self.wire.seat(&self.inner)?.forget(silent_for).await
    }
}
