//! A MariaDB server of our own, from the distribution's package.
//!
//! Started with `--no-defaults`: no character set, SQL mode or packet size is set for us, so a
//! table definition that forgets to say what it needs is found out here.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::sync::OnceCell;

use crate::database::{self, Database};
use crate::place::Place;
use crate::process::{Process, Signal, run_to_end};
use crate::program::{User, find, service_user};
use crate::{Outcome, SOON, free_port};

/// The environment variable with the address of a server that is already there.
pub const MARIADB_VARIABLE: &str = "PROGET_TEST_MARIADB";

/// A MariaDB server that belongs to whoever holds this value.
#[derive(Debug)]
pub struct MariaDb {
    process: Option<Process>,
    place: Arc<Place>,
    user: Option<User>,
    port: u16,
    url: String,
}

impl MariaDb {
    /// An empty database on the shared server (see the crate's opening words).
    pub async fn fresh_database() -> Outcome<Database> {
        static SHARED: OnceCell<MariaDb> = OnceCell::const_new();
        if let Ok(url) = std::env::var(MARIADB_VARIABLE) {
            return database::create(&url).await;
        }
        SHARED.get_or_try_init(Self::start).await?.database().await
    }

    /// Starts a server and waits until it answers queries.
    pub async fn start() -> Outcome<Self> {
        let user = service_user("mysql")?;
        let place = Arc::new(Place::new("mariadb", user)?);
        let password = uuid::Uuid::new_v4().simple().to_string();
        // Carried out at every start, hence "if not exists".
        let account = "'proget'@'127.0.0.1'";
        let first_words = format!(
            "CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{password}';\n\
             GRANT ALL ON *.* TO {account} WITH GRANT OPTION;\n"
        );
        let init = place.path().join("init.sql");
        fs::write(&init, first_words)?;
        let mut install = Command::new(find("mariadb-install-db")?);
        install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=socket"]);
        install.arg(format!("--datadir={}", place.path().join("data").display()));
        run_to_end("mariadb-install-db", install, user, &place).await?;
        let port = free_port()?;
        let url = format!("mysql://proget:{password}@127.0.0.1:{port}/mysql");
        let mut server = Self { process: None, place, user, port, url };
        server.resume().await?;
        Ok(server)
    }

    /// An empty database on this server.
    pub async fn database(&self) -> Outcome<Database> {
        database::create(&self.url).await
    }

    /// The administrator's address of this server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts the stopped or killed server again, on the same port with the same data.
    pub async fn resume(&mut self) -> Outcome {
        ensure!(self.process.is_none(), "the MariaDB server already runs");
        let mut command = Command::new(find("mariadbd")?);
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.args(["--max-connections=400", "--socket=mariadb.sock", "--pid-file=mariadb.pid"]);
        for (option, file) in [("datadir", "data"), ("init-file", "init.sql")] {
            command.arg(format!("--{option}={}", self.place.path().join(file).display()));
        }
        command.arg(format!("--port={}", self.port));
        let mut process = Process::start("mariadb", command, self.user, &self.place, Signal::Kill)?;
        let url = &self.url;
        process.until_ready(SOON, || database::answers(url)).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops it the orderly way.
    pub async fn stop(&mut self) -> Outcome {
        self.end(Signal::Terminate).await
    }

    /// Kills it with SIGKILL, as a power cut would.
    pub async fn kill(&mut self) -> Outcome {
        self.end(Signal::Kill).await
    }

    /// Stops and starts it.
    pub async fn restart(&mut self) -> Outcome {
        self.stop().await?;
        self.resume().await
    }

    async fn end(&mut self, signal: Signal) -> Outcome {
        let mut process = self.process.take().context("the MariaDB server does not run")?;
        process.end(signal, Duration::from_secs(30)).await?;
        Ok(())
    }
}
