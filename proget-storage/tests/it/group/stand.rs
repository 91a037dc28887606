//! A catalogue in a file of its own, sets that publish two files each (so that half of one would
//! show), and a look at the write-ahead log to see how many commits there were.

use futures::future::BoxFuture;
use proget_core::access::Actor;
use proget_core::catalog::{
    Action, BlobChange, Catalog as _, CatalogError, ChangeSet, Committed, FeedChange, Feeds as _,
    JournalEntry, NewFile, PackageChange, Packages as _,
};
use proget_core::conformance::sample;
use proget_core::feed::FeedSettings;
use proget_core::ids::FeedId;
use proget_core::package::FileRef;
use proget_storage::{SqlCatalog, SqlOptions};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, Statement};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The two packages of a set.
pub(super) const HALVES: [&str; 2] = ["left", "right"];

pub(super) type Outcome = Result<Committed, CatalogError>;

pub(super) struct Stand {
    pub(super) file: PathBuf,
    pub(super) catalog: Arc<SqlCatalog>,
    pub(super) feed: FeedId,
}

impl Stand {
    /// Opens the catalogue in `folder`, with a feed; patient, because the machine may be busy.
    pub(super) async fn open(folder: &Path) -> Self {
        let long = Duration::from_secs(60);
        Self::open_with(folder, SqlOptions { lock_wait: long, call: long, ..SqlOptions::default() }).await
    }

    pub(super) async fn open_with(folder: &Path, options: SqlOptions) -> Self {
        Self::at(folder.join("proget.db"), options).await
    }

    pub(super) async fn at(file: PathBuf, options: SqlOptions) -> Self {
        let address = format!("sqlite://{}", file.display());
        let catalog = Arc::new(SqlCatalog::open(&address, options).await.unwrap());
        let name = sample::feed_name("group");
        let feed = match catalog.feed(&name).await.unwrap() {
            Some(feed) => feed.id,
            None => {
                let settings = FeedSettings::default();
                let create = FeedChange::Create { name: name.clone(), format: sample::format_id(), settings };
                catalog.commit(sample::set().with(create)).await.unwrap();
                catalog.feed(&name).await.unwrap().unwrap().id
            }
        };
        Self { file, catalog, feed }
    }

    /// Packages without anything in them, past the catalogue: there are to be many.
    pub(super) async fn fill_feed(&self, packages: usize) {
        let connection = self.connect().await;
        let fill = format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {packages}) \
             INSERT INTO packages (feed_id, name, name_key, stamp, created, modified) \
             SELECT {}, 'p' || n, 'p' || n, randomblob(16), 0, 0 FROM n",
            self.feed.0
        );
        connection.execute_unprepared(&fill).await.unwrap();
        connection.close().await.unwrap();
    }

    /// A file whose bytes are reserved.
    pub(super) async fn file(&self, package: &str, version: &str, bytes: &str) -> NewFile {
        let hold = Duration::from_secs(3600);
        let (store, fresh) = (sample::store(), sample::blob_key(bytes));
        let reserve = BlobChange::Reserve { store, fresh, size: bytes.len() as u64, hold };
        let reserved = self.catalog.commit(sample::set().with(reserve)).await.unwrap().reserved;
        sample::new_file(self.feed, package, version, bytes, &reserved[0])
    }

    /// A set that publishes version `number` of both packages, and is called so in the journal.
    pub(super) async fn set(&self, number: usize) -> ChangeSet {
        let mut set = named(&number.to_string());
        for half in HALVES {
            let file = self.file(half, &format!("{number}.0.0"), &format!("{half} {number}")).await;
            set = set.with(PackageChange::AddFile(Box::new(file)));
        }
        set
    }

    /// How many of the two files of set `number` are there.
    pub(super) async fn parts(&self, number: usize) -> usize {
        let mut found = 0;
        for half in HALVES {
            let version = format!("{number}.0.0");
            let file = FileRef { package: sample::name(half), file: sample::file_of(half, &version) };
            found += usize::from(self.catalog.file(self.feed, &file).await.unwrap().is_some());
        }
        found
    }

    /// A commit that has not begun.
    pub(super) fn commit(&self, set: ChangeSet) -> BoxFuture<'static, Outcome> {
        let catalog = self.catalog.clone();
        Box::pin(async move { catalog.commit(set).await })
    }

    /// What the journal says was committed, in its order.
    pub(super) async fn journal(&self) -> Vec<String> {
        let connection = self.connect().await;
        let select = "SELECT subject FROM journal WHERE actor = 'group' ORDER BY rowid";
        let rows = connection
            .query_all_raw(Statement::from_string(connection.get_database_backend(), select))
            .await
            .unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| row.try_get("", "subject").unwrap()).collect()
    }

    /// A connection past the catalogue.
    async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(format!("sqlite://{}", self.file.display()));
        options.max_connections(1).sqlx_logging(false);
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// Gives the room of the write-ahead log back to the disk.
    pub(super) async fn empty_log(&self) {
        let connection = self.connect().await;
        connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        connection.close().await.unwrap();
        assert_eq!(std::fs::metadata(format!("{}-wal", self.file.display())).unwrap().len(), 0);
    }

    /// Keeps the writer's place: whoever begins a commit now waits, and others behind him.
    pub(super) async fn close_gate(&self) -> Gate {
        let connection = self.connect().await;
        connection.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
        Gate(connection)
    }

    /// How many transactions the write-ahead log holds: its frames that end one.
    /// See <https://www.sqlite.org/fileformat2.html#walformat>.
    pub(super) fn commits(&self) -> usize {
        let log = std::fs::read(format!("{}-wal", self.file.display())).unwrap();
        let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
        let (page, salts) = (number(8) as usize, &log[16..24]);
        let frames = (32..log.len()).step_by(24 + page).take_while(|at| {
            // Behind the last one may lie what was written before the log began anew.
            at + 24 + page <= log.len() && &log[at + 8..at + 16] == salts
        });
        frames.filter(|at| number(at + 4) != 0).count()
    }
}

/// The writer's place, kept.
pub(super) struct Gate(DatabaseConnection);

impl Gate {
    pub(super) async fn open(self) {
        self.0.execute_unprepared("ROLLBACK").await.unwrap();
        self.0.close().await.unwrap();
    }
}

/// An empty set that is called so in the journal.
pub(super) fn named(subject: &str) -> ChangeSet {
    let entry = JournalEntry { action: Action::Published, feed: None, subject: subject.to_owned() };
    ChangeSet::by(Actor("group".into())).record(entry)
}

/// Lets each begin, in this order: the first gets the turn, the others wait behind it.
pub(super) async fn begin(commits: &mut [BoxFuture<'static, Outcome>]) {
    for commit in commits {
        assert!(futures::poll!(commit.as_mut()).is_pending(), "the gate is closed");
    }
}
