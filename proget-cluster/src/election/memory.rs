//! A register of leases in memory: for tests, and for embedders whose nodes share a process.

use super::clock::SteadyClock;
use super::{Election, ElectionError, Holding, Lease, Tick};
use async_trait::async_trait;
use proget_core::catalog::Role;
use proget_core::ids::Incarnation;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One row.
#[derive(Debug, Clone, Copy)]
struct Row {
    term: i64,
    holder: Incarnation,
    until: Tick,
}

/// Leases in memory, on a clock of its own. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryElection {
    clock: Arc<dyn SteadyClock>,
    rows: Arc<Mutex<BTreeMap<Role, Row>>>,
}

impl MemoryElection {
    /// Without any lease yet.
    #[must_use]
    pub fn new(clock: Arc<dyn SteadyClock>) -> Self {
        Self { clock, rows: Arc::default() }
    }

    /// A register of its own with what is in this one now: what a replica has that is promoted later.
    #[must_use]
    pub fn replica(&self) -> Self {
        Self { clock: Arc::clone(&self.clock), rows: Arc::new(Mutex::new(self.rows().clone())) }
    }

    /// Ends everything that this process holds, because it was removed from the roster.
    pub(crate) fn expire(&self, holder: Incarnation) {
        let now = self.clock.tick();
        for row in self.rows().values_mut().filter(|row| row.holder == holder) {
            row.until = row.until.min(now);
        }
    }

    /// Nothing that is done under this lock can panic half-way.
    fn rows(&self) -> MutexGuard<'_, BTreeMap<Role, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Election for MemoryElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        let (mut rows, now) = (self.rows(), self.clock.tick());
        let before = rows.get(&role).copied();
        if before.is_some_and(|row| now < row.until) {
            return Ok(None);
        }
        let term = before.map_or(0, |row| row.term).max(floor) + 1;
        rows.insert(role, Row { term, holder: me, until: now.plus(lease) });
        Ok(Some(term))
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        let (mut rows, now) = (self.rows(), self.clock.tick());
        let mut prolonged = Vec::new();
        for one in held {
            let Some(row) = rows.get_mut(&one.role) else { continue };
            if row.holder == me && row.term == one.term && now < row.until {
                row.until = now.plus(lease);
                prolonged.push(*one);
            }
        }
        Ok(prolonged)
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        let (mut rows, now) = (self.rows(), self.clock.tick());
        if let Some(row) = rows.get_mut(&held.role).filter(|row| row.holder == me && row.term == held.term) {
            row.until = row.until.min(now);
        }
        Ok(())
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        let (rows, now) = (self.rows(), self.clock.tick());
        let lease = |role: &Role| {
            let row = rows.get(role);
            Lease {
                role: *role,
                term: row.map_or(0, |row| row.term),
                holder: row.map(|row| row.holder),
                since: None,
                left: row.and_then(|row| row.until.0.checked_sub(now.0)).filter(|left| !left.is_zero()),
            }
        };
        Ok(roles.iter().map(lease).collect())
    }
}
