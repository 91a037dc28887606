//! PgBouncer before a PostgreSQL, in one of its pool modes.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;

use crate::place::Place;
use crate::process::{Process, Signal};
use crate::program::{find, service_user};
use crate::{Database, Outcome, SOON, free_port};

/// A running PgBouncer. Dropped, it is ended.
#[derive(Debug)]
pub struct PgBouncer {
    _process: Process,
    /// The same database through it.
    pub url: String,
}

impl PgBouncer {
    /// Starts it before the server of a database; `mode` is its `pool_mode`, `more` is added to its settings.
    pub async fn start(before: &Database, mode: &str, more: &str) -> Outcome<Self> {
        let mut url = url::Url::parse(&before.url)?;
        let user = service_user("postgres")?;
        let place = Arc::new(Place::new("pgbouncer", user)?);
        let port = free_port()?;
        let (server, password) = (url.port().unwrap_or(5432), url.password().unwrap_or_default().to_owned());
        let users = place.path().join("users.txt");
        fs::write(&users, format!("\"{}\" \"{password}\"\n", url.username()))?;
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
             pool_mode = {mode}\ndefault_pool_size = 40\n{more}\n",
            users.display()
        );
        let file = place.path().join("pgbouncer.ini");
        fs::write(&file, settings)?;
        let mut command = Command::new(find("pgbouncer")?);
        command.arg(&file);
        let mut process = Process::start("pgbouncer", command, user, &place, Signal::Kill)?;
        let connects = || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .map(drop)
                .context("connecting to pgbouncer")
        };
        process.until_ready(SOON, connects).await?;
        url.set_port(Some(port)).ok().context("a port")?;
        Ok(Self { _process: process, url: url.into() })
    }
}
