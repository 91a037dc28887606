//! The registers that this crate has, made ready for the suite.

use super::Register;
use crate::election::{MemoryElection, SqlElection};
use crate::membership::{Membership, MemoryMembership, SqlMembership};
use crate::sql::{ClusterDatabase, values};
use crate::suite::Turned;
use std::sync::Arc;

/// An empty roster in memory.
#[must_use]
pub fn memory_register() -> Register {
    let clock = Arc::new(Turned::new());
    let election = MemoryElection::new(clock.clone());
    let membership = MemoryMembership::new(clock.clone()).beside(election.clone());
    Register {
        memberships: vec![Arc::new(membership)],
        election: Arc::new(election),
        pass: Arc::new(move |time| {
            clock.turn(time);
            Box::pin(async {})
        }),
    }
}

/// An emptied roster in a database that has its tables, over these ways to it.
///
/// # Panics
/// If the database does not answer.
pub async fn sql_register(ways: &[Arc<ClusterDatabase>]) -> Register {
    let first = ways[0].clone();
    for table in ["roster", "leases"] {
        first.exec(&format!("DELETE FROM {table}"), values![]).await.unwrap();
    }
    let membership =
        |way: &Arc<ClusterDatabase>| -> Arc<dyn Membership> { Arc::new(SqlMembership::new(way.clone())) };
    Register {
        memberships: ways.iter().map(membership).collect(),
        election: Arc::new(SqlElection::new(first.clone())),
        pass: Arc::new(move |time| {
            let (first, by) = (first.clone(), i64::try_from(time.as_millis()).unwrap());
            Box::pin(async move {
                first.exec("UPDATE roster SET beat = beat - ?", values![by]).await.unwrap();
                first.exec("UPDATE leases SET expires = expires - ?", values![by]).await.unwrap();
            })
        }),
    }
}
