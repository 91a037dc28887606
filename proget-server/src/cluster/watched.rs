//! A register of leases whose calls are counted and timed. A call that is given up, because it took longer
//! than the timing allows, counts as failed.

use crate::figures::list::{LEASE_CALL, LEASE_CALLS};
use async_trait::async_trait;
use metrics::{counter, histogram};
use proget_cluster::election::{Election, ElectionError, Holding, Lease};
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// See the module's page.
#[derive(Debug)]
pub(crate) struct WatchedElection(pub(crate) Arc<dyn Election>);

/// A call under way. Dropped without an end, it has failed.
struct Call {
    name: &'static str,
    begun: Instant,
    outcome: &'static str,
}

impl Drop for Call {
    fn drop(&mut self) {
        counter!(LEASE_CALLS, "call" => self.name, "outcome" => self.outcome).increment(1);
        histogram!(LEASE_CALL, "call" => self.name).record(self.begun.elapsed());
    }
}

async fn watched<T>(
    name: &'static str,
    work: impl Future<Output = Result<T, ElectionError>>,
) -> Result<T, ElectionError> {
    let mut call = Call { name, begun: Instant::now(), outcome: "failed" };
    let answer = work.await;
    if answer.is_ok() {
        call.outcome = "ok";
    }
    answer
}

#[async_trait]
impl Election for WatchedElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        watched("acquire", self.0.acquire(me, role, floor, lease)).await
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        watched("renew", self.0.renew(me, held, lease)).await
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        watched("resign", self.0.resign(me, held)).await
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        watched("look", self.0.look(roles)).await
    }
    fn register(&self) -> Option<String> {
        self.0.register()
    }
}
