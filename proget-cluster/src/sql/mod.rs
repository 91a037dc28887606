//! A way of its own to the database: one connection, used by nothing else, so that beats and leases
//! never wait behind requests.
//!
//! How a connection is made is the caller's: the server takes the catalogue's own way, with its rules
//! for sessions and its several hosts. Here is what follows from there being only one: every call has
//! a time limit, and after any failure the connection is thrown away, because nobody knows what state
//! it is in. A connection that turns out to belong to a server that only reads goes the same way.

mod statement;

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement,
    TransactionTrait as _, Value,
};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

pub(crate) use statement::{Row, marks};

/// Makes a pool of one connection; connects when it is first used.
pub type Connect = Arc<dyn Fn() -> DatabaseConnection + Send + Sync>;

/// Values of a statement, in the order of their question marks.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::Value::from($value)),*] };
}
pub(crate) use values;

/// One connection to a database that several processes share.
pub struct ClusterDatabase {
    connect: Connect,
    backend: DbBackend,
    limit: Duration,
    line: Mutex<DatabaseConnection>,
}

/// The database did not do what was asked of it. Unless it says that it refused, nobody knows whether
/// the call had its effect.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database or the way to it.
    #[error("the database answered with an error")]
    Failed(#[from] DbErr),
    /// No answer in time.
    #[error("the database did not answer in time")]
    NoAnswer,
    /// A row does not hold what it must.
    #[error("a row of the database cannot be understood: {0}")]
    Damaged(String),
}

impl ClusterDatabase {
    /// Over connections that `connect` makes; each call is given up after `limit`.
    #[must_use]
    pub fn new(connect: Connect, limit: Duration) -> Self {
        let line = connect();
        let backend = line.get_database_backend();
        Self { connect, backend, limit, line: Mutex::new(line) }
    }

    /// Which family of databases it is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Carries one statement out; how many rows it hit.
    pub(crate) async fn exec(&self, template: &str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        let statement = statement::build(self.backend, template, values);
        self.call(async |line| Ok(line.execute_raw(statement).await?.rows_affected())).await
    }

    /// All rows of one question.
    pub(crate) async fn all(
        &self,
        template: &str,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DatabaseError> {
        let statement = statement::build(self.backend, template, values);
        self.call(async |line| line.query_all_raw(statement).await).await
    }

    /// Several statements in one transaction, in a task of its own that goes on if the caller leaves: a
    /// driver that is left in the middle of a BEGIN returns its connection inside of a transaction.
    pub(crate) async fn transaction<T, W, F>(&self, work: W) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<(Transaction, Decided<T>), DatabaseError>> + Send,
    {
        let unsettled = Unsettled(Some(self));
        let (line, backend) = (self.line(), self.backend);
        let task = tokio::spawn(async move {
            let begun = Transaction { inner: line.begin().await?, backend };
            // Where it fails the transaction is dropped, and taken back.
            let (transaction, decided) = work(begun).await?;
            match decided {
                Decided::Commit(value) => {
                    transaction.inner.commit().await?;
                    Ok(value)
                }
                Decided::Abandon(value) => {
                    transaction.inner.rollback().await?;
                    Ok(value)
                }
            }
        });
        let outcome = match timeout(self.limit * 2, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(DatabaseError::NoAnswer),
        };
        unsettled.judge(outcome)
    }

    async fn call<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, DbErr>,
    ) -> Result<T, DatabaseError> {
        let unsettled = Unsettled(Some(self));
        let line = self.line();
        let outcome = match timeout(self.limit, work(&line)).await {
            Ok(outcome) => outcome.map_err(DatabaseError::Failed),
            Err(_) => Err(DatabaseError::NoAnswer),
        };
        unsettled.judge(outcome)
    }

    fn line(&self) -> DatabaseConnection {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on there is a new connection.
    fn reconnect(&self) {
        // A file of one's own does not go away.
        if self.backend == DbBackend::Sqlite {
            return;
        }
        let old = {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *line, (self.connect)())
        };
        // Closing waits for whatever still uses it, and cannot fail in a way that matters.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { old.close().await });
        }
    }
}

/// A call under way. Unless it ends well the next one gets a new connection: also if the caller has
/// less patience than we and leaves, because then nobody else would ever notice that it hangs.
struct Unsettled<'d>(Option<&'d ClusterDatabase>);

impl Unsettled<'_> {
    fn judge<T>(mut self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if outcome.is_ok() {
            self.0 = None;
        }
        outcome
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if let Some(database) = self.0 {
            database.reconnect();
        }
    }
}

impl fmt::Debug for ClusterDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterDatabase").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// How a transaction ends.
pub(crate) enum Decided<T> {
    /// What was done is kept.
    Commit(T),
    /// What was done is taken back.
    Abandon(T),
}

/// A transaction under way.
pub(crate) struct Transaction {
    inner: DatabaseTransaction,
    backend: DbBackend,
}

impl Transaction {
    /// As [`ClusterDatabase::exec`].
    pub(crate) async fn exec(&self, template: &str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        let statement: Statement = statement::build(self.backend, template, values);
        Ok(self.inner.execute_raw(statement).await?.rows_affected())
    }

    /// As [`ClusterDatabase::all`].
    pub(crate) async fn all(
        &self,
        template: &str,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DatabaseError> {
        Ok(self.inner.query_all_raw(statement::build(self.backend, template, values)).await?)
    }
}
