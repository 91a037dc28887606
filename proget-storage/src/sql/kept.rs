//! One connection that is kept at hand for the hottest statement there is.
//!
//! What surprised us: the driver's pool asks a connection for a sign of life each time it comes back,
//! a second round trip behind every single statement, and gives the connections out in turn, so that
//! each session of the database is as cold as can be. One after the other, and hot, is half the work.
//!
//! The connection is the pool's all the same: it goes back after a while, and at once when a read
//! fails or is broken off, and there it is judged like any other.

use super::pools::{still_there, still_writes};
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{AssertSqlSafe, MySql, Postgres, query};
use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, SqlxError, Value,
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// It goes back to its pool after this, whose rules on age then hold for it too.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// The query with its values; only kinds that questions about stamps have.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::BigInt(value) => query.bind(value),
                Value::String(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
                other => return Err(SqlxError::Encode(format!("no such value here: {other:?}").into())),
            };
        }
        query
    }};
}

/// Room for one connection.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Room>);

#[derive(Debug, Default)]
enum Room {
    #[default]
    Empty,
    Taken(Box<Hot>),
    /// The pool is being closed, and waits for all connections.
    Closed,
}

#[derive(Debug)]
struct Hot {
    connection: Connection,
    since: Instant,
    used: Instant,
}

#[derive(Debug)]
enum Connection {
    Postgres(PoolConnection<Postgres>),
    MySql(PoolConnection<MySql>),
}

impl Kept {
    /// All rows of one statement, on the connection that is at hand or on one of this pool, which must be
    /// PostgreSQL's or MariaDB's.
    ///
    /// While the statement is under way the connection is nobody's: whoever leaves before its end
    /// cannot leave half an answer to the next.
    pub(super) async fn all(
        &self,
        pool: &DatabaseConnection,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut hot = match self.take() {
            Some(hot) => hot,
            None => Box::new(Hot::from(pool).await.map_err(no_connection)?),
        };
        let outcome = hot.all(sql, values).await;
        match outcome {
            Ok(rows) => {
                hot.used = Instant::now();
                self.put(hot);
                Ok(rows)
            }
            Err(error) => {
                hot.close_when_dropped();
                Err(DbErr::Query(RuntimeErr::SqlxError(error.into())))
            }
        }
    }

    /// Gives the connection back, and keeps none from now on.
    pub(super) fn close(&self) {
        drop(std::mem::replace(&mut *self.room(), Room::Closed));
    }

    fn take(&self) -> Option<Box<Hot>> {
        let mut room = self.room();
        match std::mem::take(&mut *room) {
            Room::Taken(hot) => Some(hot).filter(|hot| hot.since.elapsed() < KEPT_FOR),
            Room::Empty => None,
            Room::Closed => {
                *room = Room::Closed;
                None
            }
        }
    }

    /// If there is one already, this one goes back.
    fn put(&self, hot: Box<Hot>) {
        let mut room = self.room();
        if matches!(*room, Room::Empty) {
            *room = Room::Taken(hot);
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // Nothing that is done under this lock can end half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hot {
    async fn from(pool: &DatabaseConnection) -> Result<Self, SqlxError> {
        let connection = match pool.get_database_backend() {
            DbBackend::MySql => Connection::MySql(pool.get_mysql_connection_pool().acquire().await?),
            _ => Connection::Postgres(pool.get_postgres_connection_pool().acquire().await?),
        };
        let now = Instant::now();
        Ok(Self { connection, since: now, used: now })
    }

    async fn all(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, SqlxError> {
        let idle = self.used.elapsed();
        match &mut self.connection {
            Connection::Postgres(connection) => {
                still_there(connection, idle).await?;
                let rows = bound!(query(AssertSqlSafe(sql)), values).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
            Connection::MySql(connection) => {
                still_writes(connection, idle).await?;
                let rows = bound!(query(AssertSqlSafe(sql)), values).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
        }
    }

    /// It is not to come back to its pool.
    fn close_when_dropped(&mut self) {
        match &mut self.connection {
            Connection::Postgres(connection) => connection.close_on_drop(),
            Connection::MySql(connection) => connection.close_on_drop(),
        }
    }
}

/// In the words that waiting for a connection in vain has elsewhere.
fn no_connection(error: SqlxError) -> DbErr {
    match error {
        SqlxError::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        SqlxError::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
    }
}
