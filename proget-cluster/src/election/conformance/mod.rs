//! The suite that every register of leases runs: what [`Election`] promises, as small named cases.
//!
//! Leases are long here and time is made to pass by the register's owner, so no case depends on how
//! fast the machine is. That real time passes on a real register is for that register's own tests.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // a suite is a test, wherever it is compiled

mod holding;
mod races;
mod registers;

use super::{Election, Holding, Lease};
use crate::suite::{self, Case};
use futures::future::BoxFuture;
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use crate::suite::Broken;
#[cfg(feature = "etcd")]
pub use registers::etcd_register;
pub use registers::{memory_register, sql_register};

/// A register without any lease, and how time is made to pass in it.
#[derive(Clone)]
pub struct Register {
    /// Ways to the same leases, as several processes would have them; at least one.
    pub elections: Vec<Arc<dyn Election>>,
    /// Makes every lease older by so much, as if that time had passed.
    pub pass: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("elections", &self.elections).finish_non_exhaustive()
    }
}

/// Tries every promise, each on a fresh register.
///
/// # Panics
/// With the names of all broken promises.
pub async fn election<F: Future<Output = Register>>(fresh: impl Fn() -> F) {
    suite::must_be_empty("election", &election_broken(fresh).await);
}

/// The promises that a register breaks.
pub async fn election_broken<F: Future<Output = Register>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    suite::run(&[holding::CASES, races::CASES], fresh).await
}

type OnRegister = Case<Register>;

/// Much longer than any case takes on a slow machine, so that what has not been made to pass has not.
const LEASE: Duration = Duration::from_secs(300);

/// Not yet all of a lease, but more than half of it.
const MOST: Duration = Duration::from_secs(200);

const ROLE: Role = Role::SWEEPER;

impl Register {
    fn one(&self) -> &dyn Election {
        &*self.elections[0]
    }

    /// The way that the process of that number has; they share if there are too few.
    fn way(&self, number: usize) -> Arc<dyn Election> {
        self.elections[number % self.elections.len()].clone()
    }

    async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    async fn acquire(&self, me: Incarnation, role: Role) -> Option<i64> {
        self.one().acquire(me, role, 0, LEASE).await.unwrap()
    }

    /// Acquires what must be free.
    async fn take(&self, me: Incarnation, role: Role) -> Holding {
        let term = self.acquire(me, role).await.expect("the role was free and not granted");
        Holding { role, term }
    }

    async fn renew(&self, me: Incarnation, held: &[Holding]) -> Vec<Holding> {
        let mut prolonged = self.one().renew(me, held, LEASE).await.unwrap();
        prolonged.sort();
        prolonged
    }

    async fn renews(&self, me: Incarnation, held: Holding) -> bool {
        !self.renew(me, &[held]).await.is_empty()
    }

    async fn resign(&self, me: Incarnation, held: Holding) {
        self.one().resign(me, held).await.unwrap();
    }

    async fn look(&self, role: Role) -> Lease {
        let mut leases = self.one().look(&[role]).await.unwrap();
        assert_eq!(leases.len(), 1, "one role was asked for: {leases:?}");
        leases.remove(0)
    }
}
