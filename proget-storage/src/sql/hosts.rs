//! Several servers that may hold the database, of which one at a time takes writes.
//!
//! The driver's addresses name one server each, so the choice is made here: every server is asked,
//! all at once and each for a short time, and the one that takes writes is remembered. Asking happens
//! when a catalogue is opened and whenever a way to the database breaks; nothing is asked while all
//! is well. What lives elsewhere: taking an address apart (`target`), connecting (`pools`).
//!
//! What surprised us: a demoted MariaDB keeps its sessions and lets them read what has grown old. So
//! finding that the chosen server only reads ends all pools (by the *edition*), not only the one
//! that was refused a commit.

use super::pooler;
use super::pools::not_the_writer;
use sea_orm::SqlxError;
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A server that says nothing for this long is not the one.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Nobody asks again before this has passed, however many calls fail.
const PAUSE: Duration = Duration::from_millis(300);

/// One server and how to connect to it.
#[derive(Clone)]
pub(super) struct Host<O> {
    /// As it was written, without user and password.
    pub(super) name: String,
    pub(super) connect: O,
}

/// What a server answered.
#[derive(Debug)]
pub(super) enum Verdict {
    Writes,
    OnlyReads,
    /// Sessions are not one's own behind it: a pooler that changes them between transactions.
    Pooled,
    Failed(SqlxError),
}

/// All servers of an address. Clones of a target share it.
pub(super) struct Hosts<O> {
    all: Vec<Host<O>>,
    chosen: AtomicUsize,
    demoted: AtomicBool,
    edition: AtomicU64,
    asking: AtomicBool,
}

impl<O: Asked> Hosts<O> {
    /// Of at least one server; the first is tried first.
    pub(super) fn new(all: Vec<Host<O>>) -> Arc<Self> {
        Arc::new(Self {
            all,
            chosen: AtomicUsize::new(0),
            demoted: AtomicBool::new(false),
            edition: AtomicU64::new(0),
            asking: AtomicBool::new(false),
        })
    }

    /// How to connect to the server that took writes when they were asked last.
    pub(super) fn chosen(&self) -> Option<&O> {
        let chosen = self.chosen.load(Ordering::Acquire);
        self.all.get(chosen).or(self.all.first()).map(|host| &host.connect)
    }

    /// Changes when connections made before must not be used any more.
    pub(super) fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    /// Asks all servers and chooses. Returns what each answered, in the order of the address.
    pub(super) async fn ask(&self) -> Vec<(String, Verdict)> {
        let mut asking = JoinSet::new();
        for (place, host) in self.all.iter().enumerate() {
            let connect = host.connect.clone();
            asking.spawn(async move {
                let answer = timeout(PATIENCE, connect.ask()).await;
                let silent = || SqlxError::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
                (place, answer.unwrap_or_else(|_| Err(silent())).unwrap_or_else(Verdict::Failed))
            });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        self.choose(&answers);
        let named = |(place, verdict): (usize, Verdict)| {
            (self.all.get(place).map(|host| host.name.clone()).unwrap_or_default(), verdict)
        };
        answers.into_iter().map(named).collect()
    }

    fn choose(&self, answers: &[(usize, Verdict)]) {
        let chosen = self.chosen.load(Ordering::Acquire);
        let writes = |wanted: &&(usize, Verdict)| matches!(wanted.1, Verdict::Writes);
        let writers: Vec<usize> = answers.iter().filter(writes).map(|(place, _)| *place).collect();
        let name = |place: usize| self.all.get(place).map_or("?", |host| host.name.as_str());
        if writers.len() > 1 {
            let names: Vec<&str> = writers.iter().map(|place| name(*place)).collect();
            tracing::error!(
                servers = names.join(", "),
                "several database servers take writes: what one acknowledges the others do not know; \
                 stop all but the true primary"
            );
        }
        if writers.contains(&chosen) {
            self.demoted.store(false, Ordering::Release);
        } else if let Some(writer) = writers.first() {
            self.chosen.store(*writer, Ordering::Release);
            self.demoted.store(false, Ordering::Release);
            self.edition.fetch_add(1, Ordering::AcqRel);
            tracing::warn!(
                from = name(chosen),
                to = name(*writer),
                "another database server takes the writes now"
            );
        } else if answers
            .iter()
            .any(|(place, verdict)| *place == chosen && matches!(verdict, Verdict::OnlyReads))
            && !self.demoted.swap(true, Ordering::AcqRel)
        {
            self.edition.fetch_add(1, Ordering::AcqRel);
            tracing::error!(
                server = name(chosen),
                "the database server only reads (a replica or a demoted primary), and no other is known \
                 that takes writes; promote it, or name the primary in the address"
            );
        }
    }

    /// Asks in a task of its own, unless that is under way; for whoever met a broken way.
    pub(super) fn ask_soon(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let hosts = Arc::clone(self);
        runtime.spawn(async move {
            for (server, verdict) in hosts.ask().await {
                tracing::debug!(server, ?verdict, "a database server was asked whether it takes writes");
            }
            sleep(PAUSE).await;
            hosts.asking.store(false, Ordering::Release);
        });
    }
}

impl<O> fmt::Debug for Hosts<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|host| &host.name)).finish()
    }
}

/// How a server is asked whether it takes writes.
pub(super) trait Asked: Clone + Send + Sync + 'static {
    fn ask(&self) -> impl Future<Output = Result<Verdict, SqlxError>> + Send;
}

impl Asked for PgConnectOptions {
    async fn ask(&self) -> Result<Verdict, SqlxError> {
        let mut connection = self.connect().await?;
        // Without a prepared statement, which some poolers do not know.
        let row = connection.fetch_one("SELECT pg_is_in_recovery()").await?;
        let standby: bool = row.try_get(0)?;
        let verdict = if standby {
            Verdict::OnlyReads
        } else if pooler::shares_sessions(self, &mut connection).await? {
            Verdict::Pooled
        } else {
            Verdict::Writes
        };
        // It was asked, and how it takes its leave changes nothing.
        let _ = connection.close().await;
        Ok(verdict)
    }
}

/// Fails on a server that only reads.
pub(super) async fn must_write(connection: &mut sea_orm::sqlx::MySqlConnection) -> Result<(), SqlxError> {
    let row = connection
        .fetch_one("SELECT CAST(@@global.read_only OR @@global.innodb_read_only AS SIGNED)")
        .await?;
    let only_reads: i64 = row.try_get(0)?;
    if only_reads == 0 { Ok(()) } else { Err(not_the_writer()) }
}

impl Asked for MySqlConnectOptions {
    async fn ask(&self) -> Result<Verdict, SqlxError> {
        let mut connection = self.connect().await?;
        let verdict =
            if must_write(&mut connection).await.is_ok() { Verdict::Writes } else { Verdict::OnlyReads };
        // As above.
        let _ = connection.close().await;
        Ok(verdict)
    }
}
