//! A PostgreSQL server of our own, from the distribution's package.
//!
//! Started without its start scripts: `initdb` into a temporary directory, then `postgres` itself,
//! so that its id is ours to signal. Durability settings stay at their defaults; a test that is
//! fast because nothing is written down proves little.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::sync::OnceCell;

use crate::database::{self, Database};
use crate::place::Place;
use crate::process::{Process, Signal, children_of, is_alive, run_to_end, signal_process};
use crate::program::{User, find, service_user};
use crate::{Outcome, SOON, eventually, free_port};

/// The environment variable with the address of a server that is already there.
pub const POSTGRES_VARIABLE: &str = "PROGET_TEST_POSTGRES";

/// A PostgreSQL server that belongs to whoever holds this value.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    place: Arc<Place>,
    data: PathBuf,
    user: Option<User>,
    port: u16,
    url: String,
}

impl Postgres {
    /// An empty database on the shared server (see the crate's opening words).
    pub async fn fresh_database() -> Outcome<Database> {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        if let Ok(url) = std::env::var(POSTGRES_VARIABLE) {
            return database::create(&url).await;
        }
        SHARED.get_or_try_init(Self::start).await?.database().await
    }

    /// Starts a server and waits until it answers queries.
    pub async fn start() -> Outcome<Self> {
        let user = service_user("postgres")?;
        let place = Arc::new(Place::new("postgres", user)?);
        let data = place.path().join("data");
        let password_file = place.path().join("password");
        let password = uuid::Uuid::new_v4().simple().to_string();
        fs::write(&password_file, &password)?;
        let mut initdb = Command::new(find("initdb")?);
        initdb.args(["--auth=scram-sha-256", "--username=proget", "--encoding=UTF8", "--locale=C"]);
        // The data directory is thrown away at a power cut anyway; only initdb skips its sync.
        initdb.arg("--no-sync").arg("--pwfile").arg(&password_file).arg("-D").arg(&data);
        run_to_end("initdb", initdb, user, &place).await?;
        let port = free_port()?;
        let url = format!("postgres://proget:{password}@127.0.0.1:{port}/postgres");
        let mut server = Self { process: None, place, data, user, port, url };
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
        ensure!(self.process.is_none(), "the PostgreSQL server already runs");
        let mut command = Command::new(find("postgres")?);
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        // Only loopback, and no socket file: its path could become too long below a deep TMPDIR.
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400"] {
            command.args(["-c", setting]);
        }
        let mut process = Process::start("postgres", command, self.user, &self.place, Signal::Quit)?;
        let url = &self.url;
        process.until_ready(SOON, || database::answers(url)).await?;
        self.process = Some(process);
        Ok(())
    }

    /// A second server that follows this one as a streaming standby.
    pub async fn standby(&self) -> Outcome<Self> {
        let user = service_user("postgres")?;
        let place = Arc::new(Place::new("standby", user)?);
        let data = place.path().join("data");
        let mut copy = Command::new(find("pg_basebackup")?);
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-d"]).arg(&self.url);
        copy.arg("-D").arg(&data);
        run_to_end("pg_basebackup", copy, user, &place).await?;
        let port = free_port()?;
        let url = self.url.replace(&format!(":{}/", self.port), &format!(":{port}/"));
        let mut server = Self { process: None, place, data, user, port, url };
        server.resume().await?;
        Ok(server)
    }

    /// From now on commits wait until a standby has them too.
    pub async fn commit_on_both(&self) -> Outcome {
        self.tell(&["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"]).await
    }

    /// A standby receives nothing more, as if its network was gone.
    pub async fn stop_receiving(&self) -> Outcome {
        self.tell(&["ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()"]).await?;
        let connection = database::connect(&self.url).await?;
        eventually("the receiver has ended", SOON, || async {
            let receivers = "SELECT 1 FROM pg_stat_wal_receiver";
            let receivers = Statement::from_string(DbBackend::Postgres, receivers);
            ensure!(connection.query_one_raw(receivers).await?.is_none(), "it goes on");
            Ok(())
        })
        .await?;
        Ok(connection.close().await?)
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) -> Outcome {
        self.tell(&["SELECT pg_promote()"]).await
    }

    async fn tell(&self, statements: &[&str]) -> Outcome {
        let connection = database::connect(&self.url).await?;
        for statement in statements {
            connection.execute_unprepared(statement).await?;
        }
        Ok(connection.close().await?)
    }

    /// The same database with both servers in its address, this one first.
    pub fn and(&self, other: &Self, database: &Database) -> Database {
        let both = format!(":{},127.0.0.1:{}/", self.port, other.port);
        Database { url: database.url.replace(&format!(":{}/", self.port), &both) }
    }

    /// The same database on this server, for one that is on another.
    pub fn here(&self, other: &Self, database: &Database) -> Database {
        Database { url: database.url.replace(&format!(":{}/", other.port), &format!(":{}/", self.port)) }
    }

    /// Stops it the orderly way, cutting its clients off ("fast shutdown").
    pub async fn stop(&mut self) -> Outcome {
        self.end(Signal::Interrupt).await
    }

    /// Kills the server and its sessions with SIGKILL, as a power cut would.
    pub async fn kill(&mut self) -> Outcome {
        self.end(Signal::Kill).await
    }

    /// Freezes the server and all its sessions with SIGSTOP: whoever talks to it hears nothing.
    pub fn freeze(&mut self) -> Outcome {
        self.signal_all(Signal::Stop)
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub fn thaw(&mut self) -> Outcome {
        self.signal_all(Signal::Continue)
    }

    /// The main process first, so that no session is made which would miss the signal.
    fn signal_all(&mut self, signal: Signal) -> Outcome {
        let process = self.process.as_mut().context("the PostgreSQL server does not run")?;
        process.signal(signal)?;
        for session in children_of(process.id()) {
            signal_process(session, signal)?;
        }
        Ok(())
    }

    /// Stops and starts it.
    pub async fn restart(&mut self) -> Outcome {
        self.stop().await?;
        self.resume().await
    }

    async fn end(&mut self, signal: Signal) -> Outcome {
        let mut process = self.process.take().context("the PostgreSQL server does not run")?;
        // Each session is a process in a session of its own. When the main process is killed they
        // notice and end by themselves; a restart before the last has ended would be refused.
        let sessions = children_of(process.id());
        process.end(signal, Duration::from_secs(20)).await?;
        eventually("PostgreSQL's sessions have ended", SOON, || {
            let left = sessions.iter().filter(|session| is_alive(**session)).count();
            async move {
                ensure!(left == 0, "{left} sessions still live");
                Ok(())
            }
        })
        .await
    }
}
