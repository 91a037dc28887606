//! Connections: one pool that writes, one that reads, with the rules of each session.
//!
//! The rules are set on every new connection, never left to the server's defaults: isolation,
//! time limits (a frozen node's kernel keeps its connection alive, so only the server can end its
//! transaction) and, in MariaDB, strictness (it would cut a text that is too long in silence).
//!
//! Readers are sessions of their own, because their isolation differs: REPEATABLE READ and read
//! only, so that a plain BEGIN is a snapshot on PostgreSQL and MariaDB alike. (MariaDB's START
//! TRANSACTION WITH CONSISTENT SNAPSHOT does nothing in READ COMMITTED, without a word.)

use super::dialect::Dialect;
use super::hosts::must_write;
use super::kept::Kept;
use super::options::SqlOptions;
use super::session::Session;
use super::target::Target;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlPoolOptions};
use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::postgres::{PgConnection, PgPoolOptions};
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Database, Executor as _};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, SqliteTransactionMode, SqlxError,
    SqlxMySqlConnector, SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions,
    TransactionTrait as _, Value,
};
use std::time::Duration;

/// A hot connection is not asked whether it lives before every use; one that has idled is.
const ASK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
    /// Changing the schema: one connection, statements may take long.
    Migrate,
}

/// The pools of one catalogue. Replaced as a whole when a database has left calls without an answer.
#[derive(Debug)]
pub(super) struct Pools {
    pub(super) writer: DatabaseConnection,
    pub(super) reader: DatabaseConnection,
    /// One of the reader's, at hand for who asks again and again; see [`Pools::hot`].
    kept: Option<Kept>,
    pub(super) dialect: Dialect,
    /// Of the servers that were known when they were made; see [`Target::edition`].
    pub(super) edition: u64,
}

impl Pools {
    /// Pools that connect when they are first used.
    pub(super) fn new(target: &Target, options: &SqlOptions) -> Self {
        // First: what changes meanwhile makes these pools old at once.
        let edition = target.edition();
        Self {
            edition,
            writer: pool(target, options, Purpose::Write),
            reader: pool(target, options, Purpose::Read),
            kept: keeps_one(target, options).then(Kept::default),
            dialect: target.dialect(),
        }
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> Result<Session, DbErr> {
        let options = TransactionOptions {
            // Takes the write lock at once; a later upgrade could fail however long one waits.
            sqlite_transaction_mode: (self.dialect == Dialect::Sqlite)
                .then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let writer = self.writer.clone();
        let begun = to_its_end(async move { writer.begin_with_options(options).await }).await?;
        Ok(Session::transaction(begun, self.dialect))
    }

    /// Begins a transaction whose reads all see the same moment.
    pub(super) async fn snapshot(&self) -> Result<Session, DbErr> {
        let reader = self.reader.clone();
        let begun = to_its_end(async move { reader.begin().await }).await?;
        Ok(Session::transaction(begun, self.dialect))
    }

    /// Single reads, each of its own moment.
    pub(super) fn reads(&self) -> Session {
        Session::pooled(self.reader.clone(), self.dialect)
    }

    /// One read that is made all the time and never twice at once.
    pub(super) async fn hot(&self, template: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbErr> {
        let reads = self.reads();
        let Some(kept) = &self.kept else { return reads.all(template, values).await };
        let Statement { sql, values, .. } = reads.statement(template, values);
        kept.all(&self.reader, sql, values.map(|values| values.0).unwrap_or_default()).await
    }

    /// Closes both; connections that are in use close when they come back.
    pub(super) async fn close(&self) {
        if let Some(kept) = &self.kept {
            kept.close();
        }
        // Closing a pool cannot fail in a way that anybody could act on.
        let _ = self.writer.close_by_ref().await;
        let _ = self.reader.close_by_ref().await;
    }
}

/// Begins a transaction in a task of its own, which goes on if the caller leaves.
///
/// What surprised us: a driver that is left while its BEGIN is under way counts no transaction, so it
/// takes none back, and the connection returns to the pool inside of one. Whoever reads on it next
/// fixes its moment, and whoever reads after that is shown what was there then.
async fn to_its_end<F>(begin: F) -> Result<DatabaseTransaction, DbErr>
where
    F: Future<Output = Result<DatabaseTransaction, DbErr>> + Send + 'static,
{
    let begun = tokio::spawn(begin).await;
    begun.unwrap_or_else(|error| {
        Err(DbErr::Custom(format!("beginning a transaction was broken off: {error}")))
    })
}

/// One pool that connects when it is first used.
pub(super) fn pool(target: &Target, options: &SqlOptions, purpose: Purpose) -> DatabaseConnection {
    match target {
        Target::Sqlite(path) => {
            let mut connect = SqliteConnectOptions::new()
                .filename(path)
                .foreign_keys(true)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(options.lock_wait)
                // Savepoints keep journals; as files they cost more than the rows.
                .pragma("temp_store", "memory")
                .disable_statement_logging();
            connect = match purpose {
                Purpose::Read => connect.read_only(true),
                Purpose::Write | Purpose::Migrate => {
                    connect.create_if_missing(true).journal_mode(SqliteJournalMode::Wal)
                }
            };
            let size = if purpose == Purpose::Read { sqlite_readers(options) } else { 1 };
            // A file does not go away, and a closed connection would only lose its cache.
            let pool: SqlitePoolOptions = sized(options, size)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_release(|connection, _| Box::pin(is_at_rest(connection)));
            SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(connect))
        }
        Target::Postgres(hosts, _) => {
            let connect = hosts
                .chosen()
                .cloned()
                .unwrap_or_default()
                .application_name("proget")
                .disable_statement_logging();
            let rules = postgres_rules(options, purpose);
            let pool: PgPoolOptions = sized(options, size_for(options, purpose))
                .after_connect(move |connection, _| Box::pin(prepare_postgres(connection, rules.clone())))
                .before_acquire(|connection, last| Box::pin(still_there(connection, last.idle_for)));
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(connect))
        }
        Target::MySql(hosts, _) => {
            let connect = hosts.chosen().cloned().unwrap_or_default().disable_statement_logging();
            let options = options.clone();
            let pool: MySqlPoolOptions = sized(&options, size_for(&options, purpose))
                .after_connect(move |connection, _| {
                    let options = options.clone();
                    Box::pin(async move { prepare_mysql(connection, &options, purpose).await })
                })
                .before_acquire(|connection, last| Box::pin(still_writes(connection, last.idle_for)));
            SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(connect))
        }
    }
}

fn sqlite_readers(options: &SqlOptions) -> u32 {
    options.readers.clamp(1, 4)
}

/// Is one of the connections for reads kept at hand? Never the only one.
fn keeps_one(target: &Target, options: &SqlOptions) -> bool {
    !matches!(target, Target::Sqlite(_)) && options.readers > 1
}

/// How many searches for words may have a connection at the same moment: three of four.
pub(super) fn searches_at_once(target: &Target, options: &SqlOptions) -> usize {
    let readers = match target {
        Target::Sqlite(_) => sqlite_readers(options),
        Target::Postgres(..) | Target::MySql(..) => options.readers - u32::from(keeps_one(target, options)),
    };
    usize::try_from(readers * 3 / 4).unwrap_or(1).max(1)
}

fn size_for(options: &SqlOptions, purpose: Purpose) -> u32 {
    match purpose {
        Purpose::Write => options.writers.max(1),
        Purpose::Read => options.readers.max(1),
        Purpose::Migrate => 1,
    }
}

fn sized<DB: Database>(options: &SqlOptions, size: u32) -> PoolOptions<DB> {
    PoolOptions::new().max_connections(size).acquire_timeout(options.acquire).test_before_acquire(false)
}

/// Always true, or an error.
pub(super) async fn still_there(connection: &mut PgConnection, idle: Duration) -> Result<bool, SqlxError> {
    if idle >= ASK_AFTER_IDLE {
        connection.ping().await?;
    }
    Ok(true)
}

/// A demoted MariaDB keeps its sessions, which a PostgreSQL cannot. One that is about to be used after
/// a pause is asked for that as well.
pub(super) async fn still_writes(
    connection: &mut MySqlConnection,
    idle: Duration,
) -> Result<bool, SqlxError> {
    if idle >= ASK_AFTER_IDLE {
        must_write(connection).await?;
    }
    Ok(true)
}

/// May this connection be used again? One that takes itself to be in a transaction is closed.
///
/// What surprised us: when a COMMIT fails (a full disk), SQLite has rolled back by itself, so the
/// driver's own ROLLBACK fails and it goes on counting a transaction that is none. The next BEGIN
/// becomes a savepoint then, taking *that* back leaves it open, and every commit behind it succeeds
/// inside of a transaction that nobody ever commits: acknowledged, and gone with the process.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, SqlxError> {
    // Behind a rollback that is still on its way.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// <https://www.postgresql.org/docs/15/runtime-config-client.html>
fn postgres_rules(options: &SqlOptions, purpose: Purpose) -> String {
    let isolation = match purpose {
        Purpose::Read => {
            "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on"
        }
        Purpose::Write | Purpose::Migrate => {
            "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off"
        }
    };
    let (lock, statement) = match purpose {
        Purpose::Migrate => (Duration::from_secs(60), Duration::ZERO),
        Purpose::Write | Purpose::Read => (options.lock_wait, options.statement),
    };
    // Whoever switched it off for the database or the role had other data in mind: an acknowledged
    // publish must be on the disk. Weaker and stronger degrees of replication stay as they are.
    let durable = "SELECT set_config('synchronous_commit', 'on', false) \
                   WHERE current_setting('synchronous_commit') = 'off'";
    format!(
        "{isolation}; {durable}; SET lock_timeout = {}; SET statement_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}",
        lock.as_millis(),
        statement.as_millis(),
        options.idle_in_transaction.as_millis().max(1),
    )
}

async fn prepare_postgres(connection: &mut PgConnection, rules: String) -> Result<(), SqlxError> {
    connection.execute(AssertSqlSafe(rules)).await?;
    let query = sea_orm::sqlx::query_scalar("SELECT pg_is_in_recovery()");
    let standby: bool = query.fetch_one(connection).await?;
    if standby { Err(not_the_writer()) } else { Ok(()) }
}

/// <https://mariadb.com/docs/server/server-management/variables-and-modes/server-system-variables>
async fn prepare_mysql(
    connection: &mut MySqlConnection,
    options: &SqlOptions,
    purpose: Purpose,
) -> Result<(), SqlxError> {
    must_write(connection).await?;
    let version: String = sea_orm::sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut *connection).await?;
    let mode = match purpose {
        Purpose::Read => "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        Purpose::Write | Purpose::Migrate => {
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"
        }
    };
    connection.execute(mode).await?;
    let seconds = |limit: Duration| limit.as_secs().max(1);
    let mut rules = vec![
        "sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')".to_owned(),
        format!("innodb_lock_wait_timeout = {}", seconds(options.lock_wait)),
    ];
    if version.contains("MariaDB") {
        // MySQL has no like of these two; its own limit is for SELECT alone.
        rules.push(format!("idle_transaction_timeout = {}", seconds(options.idle_in_transaction)));
        if purpose != Purpose::Migrate {
            rules.push(format!("max_statement_time = {:.3}", options.statement.as_secs_f64()));
        }
    }
    let rules = rules.iter().map(|rule| format!("SESSION {rule}")).collect::<Vec<_>>().join(", ");
    connection.execute(AssertSqlSafe(format!("SET {rules}"))).await?;
    Ok(())
}

/// A replica answers reads from the past and would refuse every commit.
pub(super) fn not_the_writer() -> SqlxError {
    SqlxError::Io(std::io::Error::other("this database server only reads (a replica or a demoted primary)"))
}
