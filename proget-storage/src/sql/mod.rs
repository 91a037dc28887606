//! The SQL catalogue: what exists, in SQLite, PostgreSQL or MariaDB, chosen by address at run time.
//!
//! One code base. What differs between databases is in `dialect` (texts), `pools` (sessions) and
//! `fault` (error codes); everything else is written once. Changing is in `commit`, one file a
//! noun; reading is in `read`, one file a role. The rules that the tables keep, with the reasons,
//! are in `docs/PROTOCOLS.md`.

mod address;
mod commit;
mod dialect;
mod error;
mod fault;
mod grams;
mod hosts;
mod kept;
mod lock;
mod open;
mod options;
mod pooler;
mod pools;
mod read;
mod schema;
mod session;
mod target;

pub use dialect::Dialect;
pub use error::OpenError;
pub use open::Pragmas;
pub use options::{Migrate, SqlOptions};
pub use schema::{ForeignStep, LaterStep, SchemaStatus, StepStatus, schemas, schemas_with};

use async_trait::async_trait;
use commit::Groups;
use fault::{Fault, Meaning};
use lock::OwnerLock;
use pools::Pools;
use proget_core::catalog::{Catalog, CatalogError, ChangeSet, Committed};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use target::Target;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What exists, in a SQL database.
///
/// Cheap to share as `Arc<SqlCatalog>`. On SQLite the process that opened it owns the database
/// until it is dropped; PostgreSQL and MariaDB may be shared by any number of processes.
pub struct SqlCatalog {
    target: Target,
    options: SqlOptions,
    owner: Option<Arc<OwnerLock>>,
    /// There where commits queue for the one writer.
    groups: Option<Groups>,
    /// Turns of searches for words, fewer than connections: whoever searches for what is hard to find
    /// must not keep everybody else from reading.
    searches: Semaphore,
    pools: RwLock<Arc<Pools>>,
    /// Whether the schema has become too new for this build since it was opened.
    outgrown: AtomicBool,
}

/// What is said then.
const OUTGROWN: &str = "a newer program has changed the database's schema, and this one is too old for it now: start the newer one";

impl SqlCatalog {
    /// The pools of this moment.
    fn pools(&self) -> Arc<Pools> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner).clone();
        if pools.edition == self.target.edition() {
            return pools;
        }
        self.renew(&pools);
        self.pools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bounds an attempt, and connects anew after one that shows that the way to the database broke.
    ///
    /// A database that leaves a call without an answer may never answer on these connections again
    /// (a vanished host sends nothing, not even a refusal), and where one connection is found dead
    /// after a restart the others are. So the pools are replaced, and the next attempt does not meet
    /// the same again.
    async fn bounded<T>(&self, attempt: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        self.bounded_by(self.options.call, attempt).await
    }

    /// Waits for a turn to search, as long as for a connection.
    async fn turn_to_search(&self) -> Result<SemaphorePermit<'_>, Fault> {
        let turn = tokio::time::timeout(self.options.acquire, self.searches.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or(Fault::Crowded)
    }

    async fn bounded_by<T>(
        &self,
        limit: Duration,
        attempt: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let used = self.pools();
        let outcome = match tokio::time::timeout(limit, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::NoAnswer),
        };
        if let Err(fault) = &outcome {
            let broken = matches!(fault.meaning(), Meaning::Away | Meaning::ReadOnly);
            if broken || fault.found_no_connection() {
                // Perhaps another server writes now. Who waits for a connection in vain does not know
                // whether there are too few or none can be made.
                self.target.ask_soon();
            }
            if broken || matches!(fault, Fault::NoAnswer) {
                self.replace(&used, fault);
            }
        }
        outcome
    }

    /// Puts new pools in the place of `used`, unless somebody has done so already.
    fn replace(&self, used: &Arc<Pools>, reason: &Fault) {
        if matches!(self.target, Target::Sqlite(_)) {
            return;
        }
        if self.renew(used) {
            tracing::warn!(database = %self.target, %reason, "the way to the database broke; connecting anew");
        }
    }

    /// Was it this call that put new pools in the place of `used`?
    fn renew(&self, used: &Arc<Pools>) -> bool {
        let mut current = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&current, used) {
            return false;
        }
        let old = std::mem::replace(&mut *current, Arc::new(Pools::new(&self.target, &self.options)));
        tokio::spawn(async move { old.close().await });
        true
    }
}

/// Carries a read out; once more if the way to the database broke under it, since reads change nothing.
macro_rules! steady {
    ($catalog:expr, $doing:literal, $attempt:expr) => {{
        let catalog = $catalog;
        let mut again = true;
        loop {
            match catalog.bounded($attempt).await {
                Err(fault) if again && fault.deserves_another_try() => again = false,
                outcome => break outcome.map_err(|fault| fault.into_error($doing)),
            }
        }
    }};
}
use steady;

impl fmt::Display for SqlCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

impl fmt::Debug for SqlCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlCatalog")
            .field("target", &self.target)
            .field("exclusive", &self.owner.is_some())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Catalog for SqlCatalog {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CatalogError> {
        if self.outgrown.load(Ordering::Relaxed) {
            return Err(CatalogError::Unavailable { doing: OUTGROWN, source: None });
        }
        self.commit_set(changes).await
    }

    fn is_exclusive(&self) -> bool {
        self.owner.is_some()
    }

    async fn ping(&self) -> Result<(), CatalogError> {
        // Whoever asks for a sign of life learns whether this build still knows what it writes to.
        let outgrown = steady!(self, "asking the database whether it is there", async {
            schema::too_new(&self.pools().reads(), &self.options).await
        })?;
        self.outgrown.store(outgrown, Ordering::Relaxed);
        if outgrown { Err(CatalogError::Other { doing: OUTGROWN, source: None }) } else { Ok(()) }
    }
}
