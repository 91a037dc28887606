//! The registers that this crate has, made ready for the suite.

use super::Register;
use crate::election::{Election, MemoryElection, SqlElection};
#[cfg(feature = "etcd")]
use crate::election::{EtcdAddress, EtcdElection};
use crate::sql::{ClusterDatabase, values};
use crate::suite::Turned;
use std::sync::Arc;

/// An empty register in memory, with a clock that is turned.
#[must_use]
pub fn memory_register() -> Register {
    let clock = Arc::new(Turned::new());
    let election = MemoryElection::new(clock.clone());
    Register {
        elections: vec![Arc::new(election)],
        pass: Arc::new(move |time| {
            clock.turn(time);
            Box::pin(async {})
        }),
    }
}

/// An emptied register in a database that has its tables, over these ways to it.
///
/// # Panics
/// If the database does not answer.
pub async fn sql_register(ways: &[Arc<ClusterDatabase>]) -> Register {
    let first = ways[0].clone();
    first.exec("DELETE FROM leases", values![]).await.unwrap();
    let election =
        |way: &Arc<ClusterDatabase>| -> Arc<dyn Election> { Arc::new(SqlElection::new(way.clone())) };
    Register {
        elections: ways.iter().map(election).collect(),
        pass: Arc::new(move |time| {
            let (first, by) = (first.clone(), i64::try_from(time.as_millis()).unwrap());
            Box::pin(async move {
                first.exec("UPDATE leases SET expires = expires - ?", values![by]).await.unwrap();
            })
        }),
    }
}

/// A register in etcd, in a folder of its own that was never used; several ways to it. The address has no
/// folder.
///
/// # Panics
/// If the address cannot be used.
#[cfg(feature = "etcd")]
#[must_use]
pub fn etcd_register(hosts: &str, ways: usize) -> Register {
    let folder = uuid::Uuid::new_v4();
    let address: EtcdAddress = format!("{hosts}/{folder}").parse().unwrap();
    let way = |_| Arc::new(EtcdElection::new(&address, std::time::Duration::from_secs(30)).unwrap());
    let elections: Vec<Arc<EtcdElection>> = (0..ways.max(1)).map(way).collect();
    let first = elections[0].clone();
    Register {
        elections: elections.into_iter().map(|way| way as Arc<dyn Election>).collect(),
        pass: Arc::new(move |time| {
            let first = first.clone();
            Box::pin(async move { first.age(time).await.unwrap() })
        }),
    }
}
