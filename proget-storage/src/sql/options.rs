//! How a SQL catalogue is opened: sizes and time limits, all with defaults.

use super::schema::{ForeignStep, LaterStep};
use std::time::Duration;

/// Are pending migrations carried out when the catalogue is opened?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Migrate {
    /// Yes, under the guard that keeps two starting processes apart.
    #[default]
    OnOpen,
    /// No: a schema that is not up to date is an error.
    Never,
}

/// Sizes and time limits of a SQL catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlOptions {
    /// Are pending migrations carried out? Default: yes.
    pub migrate: Migrate,
    /// Steps of other crates' schemas that are wanted too. Default: none.
    pub also: Vec<ForeignStep>,
    /// Steps of a release that is not out, for tests of upgrades. Default: none.
    pub later: Vec<LaterStep>,
    /// Connections for commits. SQLite has one, whatever is said here. Default 12.
    pub writers: u32,
    /// Connections for reads. Default 12; SQLite takes at most 4.
    pub readers: u32,
    /// How long a call waits for a free connection or for a new one. Default 3 s.
    pub acquire: Duration,
    /// How long one attempt of a call may take altogether; longer is "unavailable". Default 5 s.
    pub call: Duration,
    /// How long a commit is repeated after definite rollbacks, and how long the outcome of one whose
    /// answer was lost is looked for. Default 8 s.
    pub persistence: Duration,
    /// The database gives a lock up after this. Default 2 s.
    pub lock_wait: Duration,
    /// The database ends a statement after this. Default 4 s.
    pub statement: Duration,
    /// The database ends a transaction that says nothing for this long, so that a frozen node cannot
    /// hold a lock for ever. Shorter than a lease. Default 4 s; MariaDB knows whole seconds only.
    pub idle_in_transaction: Duration,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            migrate: Migrate::OnOpen,
            also: Vec::new(),
            later: Vec::new(),
            writers: 12,
            readers: 12,
            acquire: Duration::from_secs(3),
            call: Duration::from_secs(5),
            persistence: Duration::from_secs(8),
            lock_wait: Duration::from_secs(2),
            statement: Duration::from_secs(4),
            idle_in_transaction: Duration::from_secs(4),
        }
    }
}
