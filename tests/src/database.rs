//! What PostgreSQL and MariaDB have in common here: an address, a name for each test, a first query.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection};

use crate::Outcome;

/// An empty database that belongs to one test.
///
/// It goes away with its server. Dropping each one would cost a second on a busy machine and
/// would fail while a killed server's connections still linger.
#[derive(Clone, Debug)]
pub struct Database {
    /// What `PROGET_DATABASE_URL` takes: `postgres://…` or `mysql://…`, password included.
    pub url: String,
}

impl Database {
    /// A plain connection for looking behind the server's back.
    pub async fn connect(&self) -> Outcome<DatabaseConnection> {
        connect(&self.url).await
    }
}

/// Connects with one connection and little patience.
pub(crate) async fn connect(url: &str) -> Outcome<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).acquire_timeout(Duration::from_secs(3)).sqlx_logging(false);
    Ok(sea_orm::Database::connect(options).await?)
}

/// Succeeds when the server at `url` answers a query: an open port is not enough, both servers
/// open it long before they accept queries.
pub(crate) async fn answers(url: &str) -> Outcome {
    let connection = connect(url).await?;
    connection.execute_unprepared("SELECT 1").await?;
    Ok(connection.close().await?)
}

/// Creates a database with a name of its own on the server at `url` (whose path is replaced).
pub(crate) async fn create(url: &str) -> Outcome<Database> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Several test programs share one server: the process id keeps them apart.
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let connection = connect(url).await.context("connecting to the test database server")?;
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    connection.close().await?;
    let mut address = url::Url::parse(url)?;
    address.set_path(&name);
    Ok(Database { url: address.into() })
}
