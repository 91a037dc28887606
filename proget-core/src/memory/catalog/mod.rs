//! The catalogue in memory: one lock around plain ordered maps, one file per noun.
//!
//! A commit changes a copy of everything and then takes its place. That is dear and plainly right:
//! all of it or none of it, whatever a change in the middle says.

mod accounts;
mod blobs;
mod feeds;
mod instance;
mod jobs;
mod journal;
mod packages;
mod reading;
mod stamps;
mod state;

use self::state::State;
use crate::catalog::{Catalog, CatalogError, ChangeSet, Committed};
use crate::clock::{Clock, SystemClock, Timestamp};
use async_trait::async_trait;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

/// What exists, in memory: the reference model of [`Catalog`].
///
/// Several registries of one process may share one, as several nodes share a database; so it does
/// not claim to be exclusive.
#[derive(Debug)]
pub struct MemoryCatalog {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    exclusive: bool,
}

impl MemoryCatalog {
    /// An empty catalogue that lives on this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::new(State::new()), exclusive: false }
    }

    /// An empty catalogue that claims to be its process's alone, as a locked SQLite file is: only
    /// one [`FreshCatalog`](crate::registry::FreshCatalog) may then be made over it.
    #[must_use]
    pub fn exclusive(clock: Arc<dyn Clock>) -> Self {
        Self { exclusive: true, ..Self::new(clock) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        crate::memory::lock(&self.state)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Default for MemoryCatalog {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl fmt::Display for MemoryCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

#[async_trait]
impl Catalog for MemoryCatalog {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError> {
        let mut current = self.state();
        let mut next = current.clone();
        let committed = next.apply(changes, self.now())?;
        *current = next;
        Ok(committed)
    }

    fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    async fn ping(&self) -> Result<(), CatalogError> {
        Ok(())
    }
}
