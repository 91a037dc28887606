//! The register of leases, as a process sees it through its wire.

use super::wire::{Peer, Wire};
use super::world::{World, at_once};
use async_trait::async_trait;
use proget_cluster::election::{Election, ElectionError, Holding, Lease};
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct WiredRegister {
    pub(crate) world: Arc<World>,
    pub(crate) wire: Arc<Wire>,
}

impl WiredRegister {
    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&dyn Election) -> Result<T, ElectionError> + Send + 'static,
    ) -> Result<T, ElectionError> {
        let world = Arc::clone(&self.world);
        let asked = self.wire.call(Peer::Register, doing, move || work(&world.register())).await;
        asked.unwrap_or(Err(ElectionError { doing, source: None }))
    }
}

#[async_trait]
impl Election for WiredRegister {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        self.ask("acquiring", move |register| at_once(register.acquire(me, role, floor, lease))).await
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        let held = held.to_vec();
        self.ask("renewing", move |register| at_once(register.renew(me, &held, lease))).await
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        self.ask("resigning", move |register| at_once(register.resign(me, held))).await
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        let roles = roles.to_vec();
        self.ask("looking", move |register| at_once(register.look(&roles))).await
    }
}
