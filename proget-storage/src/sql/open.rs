//! Opening: address, lock, schema, pools; and looking at what was opened.

use super::commit::Groups;
use super::dialect::Dialect;
use super::error::OpenError;
use super::fault::{Fault, Meaning};
use super::lock::OwnerLock;
use super::options::{Migrate, SqlOptions};
use super::pools::{Pools, Purpose, pool, searches_at_once};
use super::schema::{self, ForeignStep, SchemaStatus};
use super::session::Session;
use super::target::Target;
use super::{SqlCatalog, steady};
use proget_core::catalog::CatalogError;
use sea_orm::DatabaseConnection;
use sea_orm::sqlx::SqlitePool;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use tokio::sync::Semaphore;

/// What one pooled SQLite connection says of itself, read back from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pragmas {
    /// `wal`.
    pub journal_mode: String,
    /// 2 is FULL: a commit is on the disk before it is answered.
    pub synchronous: i64,
    /// 1: foreign keys are enforced.
    pub foreign_keys: i64,
}

impl SqlCatalog {
    /// Opens the catalogue at an address, `sqlite:///path`, `postgres://…` or `mysql://…`; takes the
    /// owner's lock on SQLite and carries out missing migrations unless told not to.
    ///
    /// # Errors
    /// A sentence for the person who starts the server; see [`OpenError`].
    pub async fn open(address: &str, options: SqlOptions) -> Result<Self, OpenError> {
        let target = Target::parse(address)?;
        let owner = lock(&target)?;
        target.find_writer().await?;
        prepare(&target, &options).await?;
        let pools = RwLock::new(Arc::new(Pools::new(&target, &options)));
        let groups = (target.dialect() == Dialect::Sqlite).then(Groups::default);
        let searches = Semaphore::new(searches_at_once(&target, &options));
        let catalog = Self {
            target,
            options,
            owner: owner.map(Arc::new),
            groups,
            searches,
            pools,
            outgrown: AtomicBool::new(false),
        };
        catalog.warn_of_what_is_not_supported().await;
        Ok(catalog)
    }

    /// Carries out missing migrations and says what state the schema is in then.
    ///
    /// # Errors
    /// As [`open`](Self::open); `Locked` while a server owns the SQLite file.
    pub async fn migrate(address: &str) -> Result<SchemaStatus, OpenError> {
        Self::migrate_with(address, &SqlOptions::default()).await
    }

    /// The same, together with the steps of other crates that `options` name.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate_with(address: &str, options: &SqlOptions) -> Result<SchemaStatus, OpenError> {
        let target = Target::parse(address)?;
        let _owner = lock(&target)?;
        target.find_writer().await?;
        prepare(&target, options).await?;
        look(&target, options).await
    }

    /// Says what state the schema is in, changing nothing and taking no lock.
    ///
    /// # Errors
    /// `BadUrl`, `Unreachable` or `File`.
    pub async fn status(address: &str) -> Result<SchemaStatus, OpenError> {
        Self::status_with(address, &SqlOptions::default()).await
    }

    /// The same, also about the steps of other crates that `options` name.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn status_with(address: &str, options: &SqlOptions) -> Result<SchemaStatus, OpenError> {
        let target = Target::parse(address)?;
        if let Target::Sqlite(path) = &target
            && !path.exists()
        {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(OpenError::File { path: path.clone(), source });
        }
        target.find_writer().await?;
        look(&target, options).await
    }

    /// Which kind of database it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.target.dialect()
    }

    /// Makes ways of their own to this database: each call gives a pool of one connection, with the rules
    /// of a session that writes, connecting when it is first used. For what must not wait behind
    /// requests: beats and leases.
    #[must_use]
    pub fn line(&self) -> Arc<dyn Fn() -> DatabaseConnection + Send + Sync> {
        line(self.target.clone(), &self.options)
    }

    /// The same without a catalogue: for what is to be asked before its schema may be touched.
    ///
    /// # Errors
    /// `BadUrl`.
    pub fn line_to(
        address: &str,
        options: &SqlOptions,
    ) -> Result<Arc<dyn Fn() -> DatabaseConnection + Send + Sync>, OpenError> {
        Ok(line(Target::parse(address)?, options))
    }

    /// Reads back from every SQLite connection how it writes and what it enforces; empty elsewhere.
    ///
    /// # Errors
    /// `Unavailable` if not all connections are free within the time-out: call it on an idle catalogue.
    pub async fn pragmas(&self) -> Result<Vec<Pragmas>, CatalogError> {
        if self.dialect() != Dialect::Sqlite {
            return Ok(Vec::new());
        }
        steady!(self, "reading back the settings of connections", async {
            let pools = self.pools();
            let mut all = pragmas_of(pools.writer.get_sqlite_connection_pool()).await?;
            all.extend(pragmas_of(pools.reader.get_sqlite_connection_pool()).await?);
            Ok(all)
        })
    }

    /// Gives all connections back; calls fail from now on. The owner's lock goes when the catalogue
    /// is dropped.
    pub async fn close(&self) {
        self.pools().close().await;
    }

    /// A cluster that certifies commits at their end, or a proxy that sends reads elsewhere, weakens
    /// what the rows promise; say so once rather than be blamed later.
    async fn warn_of_what_is_not_supported(&self) {
        if self.dialect() != Dialect::MySql {
            return;
        }
        // A global setting of the server, which a session cannot raise for itself.
        let sql =
            "SHOW GLOBAL VARIABLES WHERE variable_name = 'innodb_flush_log_at_trx_commit' AND value <> '1'";
        if let Ok(true) = self.pools().reads().any(sql, Vec::new()).await {
            tracing::warn!(
                database = %self.target,
                "commits are not flushed to disk: a power cut may lose acknowledged packages; \
                 set innodb_flush_log_at_trx_commit = 1"
            );
        }
        let sql = "SHOW GLOBAL VARIABLES WHERE variable_name = 'wsrep_on' AND value = 'ON'";
        if let Ok(true) = self.pools().reads().any(sql, Vec::new()).await {
            tracing::warn!(
                database = %self.target,
                "Galera is switched on: locks of one server are not seen by another, so let all nodes use the same server"
            );
        }
    }
}

fn line(target: Target, options: &SqlOptions) -> Arc<dyn Fn() -> DatabaseConnection + Send + Sync> {
    let options = SqlOptions { writers: 1, ..options.clone() };
    let made = AtomicBool::new(false);
    Arc::new(move || {
        // Whoever wants another one lost the first: perhaps its server does not write any more.
        if made.swap(true, Ordering::AcqRel) {
            target.ask_soon();
        }
        pool(&target, &options, Purpose::Write)
    })
}

async fn pragmas_of(pool: &SqlitePool) -> Result<Vec<Pragmas>, Fault> {
    use sea_orm::{DbErr, RuntimeErr};
    let failed =
        |error: sea_orm::SqlxError| Fault::Database(DbErr::Query(RuntimeErr::SqlxError(error.into())));
    // All at once, so that each is another one.
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        connections.push(pool.acquire().await.map_err(failed)?);
    }
    let mut all = Vec::new();
    for connection in &mut connections {
        let sql = "SELECT journal_mode, synchronous, foreign_keys \
                   FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys";
        let row: (String, i64, i64) =
            sea_orm::sqlx::query_as(sql).fetch_one(&mut **connection).await.map_err(failed)?;
        let (journal_mode, synchronous, foreign_keys) = row;
        all.push(Pragmas { journal_mode, synchronous, foreign_keys });
    }
    Ok(all)
}

fn lock(target: &Target) -> Result<Option<OwnerLock>, OpenError> {
    match target {
        Target::Sqlite(path) => OwnerLock::take(path).map(Some),
        Target::Postgres(..) | Target::MySql(..) => Ok(None),
    }
}

/// The schema as this build needs it, or the reason why not.
async fn prepare(target: &Target, options: &SqlOptions) -> Result<(), OpenError> {
    refuse_wrong_numbers(options)?;
    let connection = pool(target, options, Purpose::Migrate);
    let outcome = prepare_on(&connection, target, options).await;
    // What the outcome is does not depend on how the connection ends.
    let _ = connection.close_by_ref().await;
    outcome
}

async fn prepare_on(
    connection: &DatabaseConnection,
    target: &Target,
    options: &SqlOptions,
) -> Result<(), OpenError> {
    let session = Session::pooled(connection.clone(), target.dialect());
    let status = reached(target, schema::inspect(&session, target, options).await)?;
    refuse_newer(&status)?;
    if status.missing.is_empty() {
        return Ok(());
    }
    if options.migrate == Migrate::Never {
        return Err(OpenError::NotMigrated { database: target.to_string(), missing: status.missing.len() });
    }
    schema::bring_up_to_date(connection, target, options).await?;
    refuse_newer(&reached(target, schema::inspect(&session, target, options).await)?)
}

fn refuse_wrong_numbers(options: &SqlOptions) -> Result<(), OpenError> {
    let mut numbers = BTreeSet::new();
    for step in &options.also {
        if step.number < ForeignStep::FIRST || !numbers.insert(step.number) {
            return Err(OpenError::Numbered { step: step.name, number: step.number });
        }
    }
    let free = schema::schemas()[1] + 1..ForeignStep::FIRST;
    for step in &options.later {
        if !free.contains(&step.number) || !numbers.insert(step.number) {
            return Err(OpenError::Later { step: step.name, number: step.number });
        }
    }
    Ok(())
}

async fn look(target: &Target, options: &SqlOptions) -> Result<SchemaStatus, OpenError> {
    let connection = pool(target, options, Purpose::Read);
    let session = Session::pooled(connection.clone(), target.dialect());
    let status = reached(target, schema::inspect(&session, target, options).await);
    let _ = connection.close_by_ref().await;
    status
}

fn refuse_newer(status: &SchemaStatus) -> Result<(), OpenError> {
    match &status.too_new {
        Some(build) => Err(OpenError::TooNew { database: status.database.clone(), build: build.clone() }),
        None => Ok(()),
    }
}

fn reached<T>(target: &Target, outcome: Result<T, Fault>) -> Result<T, OpenError> {
    outcome.map_err(|fault| match (target, fault.meaning()) {
        (Target::Sqlite(path), Meaning::RolledBack) => OpenError::Locked { path: path.clone() },
        _ => OpenError::Unreachable { database: target.to_string(), source: Box::new(fault) },
    })
}
