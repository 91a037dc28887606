//! Who holds which role.
//!
//! Three parts. [`Election`] is the seam: a register of leases on somebody else's clock (a
//! database, etcd, memory). [`Elector`] decides, purely: events in, commands out.
//! The driver carries the commands out, waits, and hands out [`Leadership`]s.
//!
//! What is promised and what is not stands in `ALGORITHM.md`. In one sentence: two nodes may believe
//! that they hold a role at the same moment, but only one of them can *act*, because every write
//! made for a role carries its fence.

mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod driver;
mod elector;
#[cfg(feature = "etcd")]
mod etcd;
mod leadership;
mod memory;
mod sql;
#[cfg(test)]
mod tests;
mod timing;

use async_trait::async_trait;
use proget_core::catalog::Role;
use proget_core::clock::Timestamp;
use proget_core::ids::Incarnation;
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use clock::{BootClock, SteadyClock};
pub use driver::{Campaign, FencePlanter, RunningElector};
pub use elector::{Command, Elector, Plant, Tick};
#[cfg(feature = "etcd")]
pub use etcd::{BadEtcdAddress, EtcdAddress, EtcdElection, EtcdError};
pub use leadership::{Leadership, RoleLost, RoleWatch};
pub use memory::MemoryElection;
pub use sql::SqlElection;
pub use timing::{BadTiming, Preset, Timing};

/// A role as the register of leases has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The duty.
    pub role: Role,
    /// The number of the last holding; 0 if it was never held.
    pub term: i64,
    /// Who holds it or held it last.
    pub holder: Option<Incarnation>,
    /// When that holding began, by the register's clock, or the holder's if the register shows none; for
    /// people.
    pub since: Option<Timestamp>,
    /// For how long it is still granted, on the register's clock; `None` if it is free.
    pub left: Option<Duration>,
}

/// A holding that is to be renewed or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holding {
    /// The duty.
    pub role: Role,
    /// Its number.
    pub term: i64,
}

/// A register of leases.
///
/// # What an implementation must promise
/// - *One clock decides*: the register's own. Nothing that a node sends is compared with it but
///   durations.
/// - `acquire` grants only a role that is free at that moment, and in the same step makes it not
///   free. The new term is above every term the register ever granted for the role, and above
///   `floor`: a register that was restored or rebuilt may have forgotten what a catalogue has not.
/// - `renew` prolongs only what this process holds under that very term and what has not run out: a
///   lapsed holding can only be acquired anew.
/// - `resign` frees only that holding, keeps its term, and does no harm when repeated or late.
/// - After an error nobody knows whether the call had its effect. The elector counts on neither.
/// - Each call ends within the caller's time limit or can be dropped at any await without harm.
///
/// It does *not* promise that a holder knows that it has lost: see the module's page.
#[async_trait]
pub trait Election: fmt::Debug + Send + Sync + 'static {
    /// Takes a free role for `lease`; its new term, or `None` if it is not free.
    ///
    /// # Errors
    /// If the register did not answer as it should; the role may be taken nevertheless.
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError>;

    /// Prolongs holdings to `lease` from now; returns those that were prolonged. One round trip.
    ///
    /// # Errors
    /// If the register did not answer as it should; any of them may be prolonged nevertheless.
    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError>;

    /// Frees a holding, so that a successor need not wait.
    ///
    /// # Errors
    /// If the register did not answer as it should.
    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError>;

    /// What these roles look like, in the order of the question. One round trip.
    ///
    /// # Errors
    /// If the register did not answer as it should.
    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError>;

    /// What tells this register from any other that a server could have been given by mistake; `None` while
    /// that is not known. Costs nothing: it is what the last call learnt. Servers that name different ones
    /// are found out. By default all registers count as the one in the database.
    fn register(&self) -> Option<String> {
        Some("database".to_owned())
    }
}

/// The register of leases did not answer as it should. Whether the call had its effect is unknown.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: the election did not answer as it should")]
pub struct ElectionError {
    /// What was being done.
    pub doing: &'static str,
    /// Why.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}
