//! Fresh databases of each kind, and the few sentences that the tests here are written in.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use proget_core::catalog::Action;
use proget_core::catalog::{
    BlobChange, BlobRow, Catalog as _, CatalogError, ChangeSet, Committed, Expect, FeedChange, Feeds as _,
    Fence, FenceChange, JournalEntry, NewFile, PackageChange, Role,
};
use proget_core::conformance::sample::{self, set};
use proget_core::feed::{Feed, FeedSettings};
use proget_core::ids::Incarnation;
use proget_storage::sql::{SqlCatalog, SqlOptions};
use proget_tests::{MariaDb, Outcome, Postgres, SOON, eventually};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _,
};

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
    MariaDb,
}

/// Makes three tests, or two, of functions that take a [`Kind`].
macro_rules! on_every_database {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use crate::catalog::place::Kind;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() -> proget_tests::Outcome {
                super::$test(Kind::Sqlite).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() -> proget_tests::Outcome {
                super::$test(Kind::Postgres).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_mariadb() -> proget_tests::Outcome {
                super::$test(Kind::MariaDb).await
            }
        }
    )*};
}
pub(super) use on_every_database;

/// For promises that only databases with a network between can break.
macro_rules! on_every_server {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use crate::catalog::place::Kind;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() -> proget_tests::Outcome {
                super::$test(Kind::Postgres).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_mariadb() -> proget_tests::Outcome {
                super::$test(Kind::MariaDb).await
            }
        }
    )*};
}
pub(super) use on_every_server;

/// An empty database that belongs to one test.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) url: String,
    /// Deleted with the place.
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub(super) async fn fresh(kind: Kind) -> Outcome<Self> {
        let (url, folder) = match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir()?;
                (format!("sqlite://{}/catalog.db", folder.path().display()), Some(folder))
            }
            Kind::Postgres => (Postgres::fresh_database().await?.url, None),
            Kind::MariaDb => (MariaDb::fresh_database().await?.url, None),
        };
        Ok(Self { kind, url, _folder: folder })
    }

    pub(super) async fn open(&self) -> Outcome<Arc<SqlCatalog>> {
        open(&self.url).await
    }

    /// Catalogues as that many processes would have them, each with connections of its own. SQLite
    /// belongs to one process, so there they share one.
    pub(super) async fn open_many(&self, count: usize) -> Outcome<Vec<Arc<SqlCatalog>>> {
        let first = self.open().await?;
        let mut all = vec![first.clone()];
        for _ in 1..count {
            all.push(if self.kind == Kind::Sqlite { first.clone() } else { self.open().await? });
        }
        Ok(all)
    }

    /// A connection past the catalogue.
    pub(super) async fn raw(&self) -> Outcome<DatabaseConnection> {
        let mut options = sea_orm::ConnectOptions::new(&self.url);
        options.max_connections(1).sqlx_logging(false);
        Ok(sea_orm::Database::connect(options).await?)
    }

    /// A transaction past the catalogue, as another process would have it open at this moment.
    pub(super) async fn other_process(&self) -> Outcome<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: (self.kind == Kind::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.raw().await?.begin_with_options(options).await?)
    }

    /// A whole number, asked for past the catalogue.
    pub(super) async fn number(&self, sql: &str) -> Outcome<i64> {
        let raw = self.raw().await?;
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        let row = raw.query_one_raw(statement).await?.context("no row")?;
        let number = row.try_get_by_index(0)?;
        raw.close().await?;
        Ok(number)
    }

    /// Waits until somebody waits for a lock in this database. SQLite does not tell; whoever waits
    /// there has begun nothing yet, so the order is the same.
    pub(super) async fn until_somebody_waits(&self) -> Outcome {
        let sql = match self.kind {
            Kind::Sqlite => return Ok(()),
            Kind::Postgres => {
                "SELECT COUNT(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event_type = 'Lock'"
            }
            Kind::MariaDb => {
                // Not INNODB_TRX: it shows an old state to whoever asks often.
                "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() \
                 AND command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND time_ms > 300"
            }
        };
        eventually("somebody waits for a lock", SOON, || async {
            if self.number(sql).await? > 0 { Ok(()) } else { bail!("nobody waits") }
        })
        .await
    }
}

pub(super) async fn open(url: &str) -> Outcome<Arc<SqlCatalog>> {
    Ok(Arc::new(SqlCatalog::open(url, SqlOptions::default()).await?))
}

/// The same, and nothing that it does is ended because it takes long: whoever waits for it in vain is
/// told so by the limits of its own.
pub(super) async fn open_patient(url: &str) -> Outcome<Arc<SqlCatalog>> {
    let (call, lock_wait, statement, idle_in_transaction) = (SOON, SOON, SOON, SOON);
    let options = SqlOptions { call, lock_wait, statement, idle_in_transaction, ..SqlOptions::default() };
    Ok(Arc::new(SqlCatalog::open(url, options).await?))
}

/// A statement past the catalogue.
pub(super) async fn exec(on: &DatabaseTransaction, sql: &str) -> Outcome<u64> {
    Ok(on.execute_unprepared(sql).await?.rows_affected())
}

pub(super) async fn create_feed(catalog: &SqlCatalog, name: &str) -> Outcome<Feed> {
    let name = sample::feed_name(name);
    let settings = FeedSettings::default();
    let create = FeedChange::Create { name: name.clone(), format: sample::format_id(), settings };
    catalog.commit(set().with(create)).await?;
    catalog.feed(&name).await?.context("the feed that was created")
}

pub(super) async fn reserve_for(catalog: &SqlCatalog, bytes: &str, hold: Duration) -> Outcome<BlobRow> {
    let fresh = sample::blob_key(bytes);
    let reserve = BlobChange::Reserve { store: sample::store(), fresh, size: bytes.len() as u64, hold };
    let committed = catalog.commit(set().with(reserve)).await?;
    committed.reserved.into_iter().next().context("the row of the reservation")
}

/// A blob that was published once, is referred to by nothing and reserved by nobody.
pub(super) async fn abandoned_blob(catalog: &SqlCatalog, bytes: &str) -> Outcome<BlobRow> {
    reserve_for(catalog, bytes, Duration::ZERO).await
}

pub(super) fn journal_entry(subject: &str) -> JournalEntry {
    JournalEntry { action: Action::Published, feed: None, subject: subject.into() }
}

/// The commit of a publish, as the use-case makes it.
pub(super) fn publication(feed: &Feed, new: NewFile) -> ChangeSet {
    let subject = format!("{} {}", new.package, new.version);
    set()
        .expect(Expect::Feed(feed.id, feed.revision))
        .with(PackageChange::AddFile(Box::new(new)))
        .record(journal_entry(&subject))
}

/// Reserves and publishes a version whose bytes are its name.
pub(super) async fn publish(
    catalog: &SqlCatalog,
    feed: &Feed,
    name: &str,
    number: &str,
) -> Result<Committed, CatalogError> {
    let bytes = format!("{name} {number}");
    let fresh = sample::blob_key(&bytes);
    let reserve = BlobChange::Reserve { store: sample::store(), fresh, size: bytes.len() as u64, hold: LONG };
    let reserved = catalog.commit(set().with(reserve)).await?.reserved;
    let blob = reserved.first().ok_or(CatalogError::Other { doing: "reserving", source: None })?;
    catalog.commit(publication(feed, sample::new_file(feed.id, name, number, &bytes, blob))).await
}

/// Plants a term for a new holder and returns its fence.
pub(super) async fn plant(catalog: &SqlCatalog, term: i64) -> Result<Fence, CatalogError> {
    let fence = Fence { role: Role::SWEEPER, term, holder: Incarnation::random() };
    let plant = FenceChange::Plant { role: fence.role, term, holder: fence.holder };
    catalog.commit(set().with(plant)).await?;
    Ok(fence)
}
