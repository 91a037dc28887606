//! Our own server as it is measured: the program that `PROGET_BIN` names, alone on SQLite or as a
//! node on PostgreSQL, with private feeds. All durability is on, as it always is.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_tests::{Database, Outcome, Postgres, ProgetProcess, ServerSetup};

use crate::door::{Door, Upload};
use crate::formats::Kind;
use crate::load;

/// A server and what it needs.
#[derive(Debug)]
pub(crate) struct Node {
    /// The program.
    pub(crate) process: ProgetProcess,
    /// Its database, if that is a server of its own. Declared later, so dropped later.
    pub(crate) postgres: Option<Postgres>,
    /// Its place in there.
    pub(crate) database: Option<Database>,
}

/// A feed as those see it who read and who publish.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) read: Door,
    pub(crate) publish: Door,
}

impl Node {
    /// Alone, with SQLite.
    pub(crate) async fn alone() -> Outcome<Self> {
        Ok(Self { process: ServerSetup::new().start().await?, postgres: None, database: None })
    }

    /// A node of a cluster, with a PostgreSQL of its own.
    pub(crate) async fn on_postgres() -> Outcome<Self> {
        let postgres = Postgres::start().await?;
        let database = postgres.database().await?;
        let process = ServerSetup::new().database(&database).start().await?;
        Ok(Self { process, postgres: Some(postgres), database: Some(database) })
    }

    /// A new private feed, and a key that may read it and publish to it.
    pub(crate) async fn feed(&self, kind: Kind, name: &str) -> Outcome<Feed> {
        feed(&self.process, kind, name).await
    }
}

/// The same on any server.
pub(crate) async fn feed(server: &ProgetProcess, kind: Kind, name: &str) -> Outcome<Feed> {
    let url = server.create_feed(kind.name(), name).await?.url;
    let key = server.create_key(&["--feed", name, "--may", "view,add"]).await?.text;
    let words = match kind {
        Kind::Npm => format!("Bearer {key}"),
        Kind::Pypi => format!("Basic {}", STANDARD.encode(format!("api:{key}"))),
        Kind::Cargo => key,
    };
    let uploads = if kind == Kind::Pypi { format!("{url}legacy/") } else { url.clone() };
    let read = Door::new(&url, Some(words.clone()))?;
    Ok(Feed { read, publish: Door::new(&uploads, Some(words))? })
}

/// Publishes all of these in their order, and fails if one is not accepted.
pub(crate) async fn publish(door: &Door, uploads: &[Upload]) -> Outcome {
    let requests: Vec<_> = uploads.iter().map(|upload| door.request(upload)).collect::<Outcome<_>>()?;
    let (address, many) = (door.address()?, requests.len());
    let sending = move || load::send(address, &requests, 1, Duration::from_secs(3600));
    let sent = tokio::task::spawn_blocking(sending).await?.context("publishing what is to be measured")?;
    ensure!(sent.accepted == many, "{} of {many} were not accepted: {:?}", sent.failed, sent.failure);
    Ok(())
}
