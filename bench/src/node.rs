//! Our own server as it is measured: the program that `PROGET_BIN` names, alone on SQLite or as a
//! node on PostgreSQL, with private feeds. All durability is on, as it always is.

use proget_tests::{Outcome, Postgres, ProgetProcess, ServerSetup};

use crate::door::Door;

/// A server and what it needs.
#[derive(Debug)]
pub(crate) struct Node {
    /// The program.
    pub(crate) process: ProgetProcess,
    /// Its database, if that is a server of its own. Declared later, so dropped later.
    pub(crate) postgres: Option<Postgres>,
}

impl Node {
    /// Alone, with SQLite.
    pub(crate) async fn alone() -> Outcome<Self> {
        Ok(Self { process: ServerSetup::new().start().await?, postgres: None })
    }

    /// A node of a cluster, with a PostgreSQL of its own.
    pub(crate) async fn on_postgres() -> Outcome<Self> {
        let postgres = Postgres::start().await?;
        let database = postgres.database().await?;
        Ok(Self { process: ServerSetup::new().database(&database).start().await?, postgres: Some(postgres) })
    }

    /// A new private feed, and a key that may read it and publish to it.
    pub(crate) async fn feed(&self, kind: &str, name: &str) -> Outcome<Door> {
        let feed = self.process.create_feed(kind, name).await?;
        let key = self.process.create_key(&["--feed", name, "--may", "view,publish"]).await?;
        Door::new(&feed.url, Some(format!("Bearer {}", key.text)))
    }
}
