//! From a configuration to parts: the one file that names every concrete type. What can go wrong
//! here goes wrong at start, so each error is one sentence for the person who starts the server.

use crate::builder::{BuildError, ServerBuilder, compiled_in};
use crate::cli::Ending;
use crate::cluster::ClusterParts;
use crate::config::{Config, Places};
use crate::control::ControlError;
use crate::http::ListenError;
use crate::server::Server;
use crate::upgrade::{self, Waits};
use proget_cluster::election::{Election, SqlElection};
#[cfg(feature = "etcd")]
use proget_cluster::election::{EtcdElection, EtcdError};
use proget_cluster::membership::SqlMembership;
use proget_cluster::messenger::LateMessenger;
use proget_cluster::node::{Cluster, Facts};
use proget_cluster::sql::ClusterDatabase;
use proget_core::blob::{BlobStore, IntakeLimits, PackageStore, Staging};
use proget_core::cluster::NodeName;
use proget_core::keys::MachineKey;
use proget_core::memory::{MemoryStaging, MemoryStore};
use proget_core::registry::{FreshCatalog, Registry};
use proget_storage::blobs::create_durably;
use proget_storage::sql::{Dialect, Migrate, OpenError as DatabaseError};
use proget_storage::{OpenError as StoreError, Scratch, SqlCatalog, SqlOptions, TokioRuntime};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest that a call about the cluster may take. Its timings may ask for less.
const CLUSTER_CALL: Duration = Duration::from_secs(3);

/// Why something cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Older programs would stop working.
    #[error(transparent)]
    Upgrade(Waits),
    /// There is no database yet, and a command other than `run` does not make one.
    #[error(
        "there is no database {}; start the server once, or name its data directory with --data-dir", .0.display()
    )]
    NoDatabase(PathBuf),
    /// The data directory.
    #[error("cannot create the data directory {}; create it, or name another with --data-dir", path.display())]
    DataDirectory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The package store or its scratch directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file for speaking to etcd.
    #[cfg(feature = "etcd")]
    #[error(transparent)]
    Election(#[from] EtcdError),
    /// The parts do not fit together.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl From<Waits> for StartError {
    fn from(waits: Waits) -> Self {
        match waits {
            Waits::Database(error) => Self::Database(error),
            waits => Self::Upgrade(waits),
        }
    }
}

impl StartError {
    /// How a command ends because of it.
    #[must_use]
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Database(DatabaseError::BadUrl { .. }) => Ending::Misconfigured,
            Self::Database(_) | Self::NoDatabase(_) => Ending::NoDatabase,
            _ => Ending::CannotStart,
        }
    }
}

/// A server as it was configured, and the catalogue under it, to be closed last.
#[derive(Debug)]
pub(crate) struct Assembled {
    /// The server; nothing listens yet.
    pub(crate) server: Server,
    /// Its catalogue.
    pub(crate) catalog: Arc<SqlCatalog>,
}

/// Puts a server together.
///
/// # Errors
/// The first part that cannot be had.
pub(crate) async fn server(config: &Config) -> Result<Assembled, StartError> {
    prepare_data_directory(&config.places)?;
    let catalog = catalog(&config.places, &config.node_name, Migrate::OnOpen).await?;
    let (store, staging) = packages(&config.places).await?;
    let shared_store = store.abilities().shared;
    let front = &config.front;
    let mut builder: ServerBuilder = Server::builder()
        .cluster(cluster(config, &catalog, shared_store)?)
        .catalog(catalog.clone())
        .packages(store, staging)
        .administrator(config.first_administrator.clone())
        .addressing(front.addressing.clone())
        .limits(front.limits.clone())
        .timeouts(front.timeouts.clone())
        .grace(front.grace)
        .metrics(front.metrics)
        .stale_reads(front.stale);
    for address in &front.listen {
        builder = builder.listen(address);
    }
    if let Some(files) = &front.tls {
        builder = builder.tls(files.clone());
    }
    Ok(Assembled { server: builder.build().await?, catalog })
}

/// Registers in the catalogue's own database, each over a connection that serves nothing else; leases may
/// be kept in etcd instead.
fn cluster(config: &Config, catalog: &SqlCatalog, shared_store: bool) -> Result<ClusterParts, StartError> {
    let line = || Arc::new(ClusterDatabase::new(catalog.line(), CLUSTER_CALL));
    let ring = config.keys.ring.as_ref();
    let election: Arc<dyn Election> = match &config.places.election {
        None => Arc::new(SqlElection::new(line())),
        #[cfg(feature = "etcd")]
        Some(address) => Arc::new(EtcdElection::new(address, CLUSTER_CALL)?),
        #[cfg(not(feature = "etcd"))]
        Some(nowhere) => match *nowhere {},
    };
    Ok(ClusterParts {
        name: config.node_name.clone(),
        components: config.components.clone(),
        membership: Arc::new(SqlMembership::new(line())),
        election,
        messaging: config.messenger.messaging(&config.front.listen, database_host(catalog, config)),
        keys: ring.cloned(),
        machine_key: config.keys.machine.as_ref().map(MachineKey::fingerprint),
        facts: Facts {
            shared_database: catalog.dialect() != Dialect::Sqlite,
            single_database_host: names_one_host(config.places.database.reveal()),
            shared_store,
            has_key: ring.is_some(),
        },
    })
}

/// Where the database is, if other servers can use it too: the first host, if there are several.
fn database_host(catalog: &SqlCatalog, config: &Config) -> Option<(String, u16)> {
    let usual = match catalog.dialect() {
        Dialect::Sqlite => return None,
        Dialect::Postgres => 5432,
        Dialect::MySql => 3306,
    };
    let address = config.places.database.reveal();
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    let hosts = place.rsplit_once('@').map_or(place, |(_, hosts)| hosts);
    let first = hosts.split(',').next().unwrap_or_default();
    let (host, port) = match first.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().unwrap_or(usual)),
        _ => (first, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((if host.is_empty() { "127.0.0.1" } else { host }.to_owned(), port))
}

/// `postgres://…@a,b/…` names two, and so does `?host=a,b`.
fn names_one_host(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let hosts = place.split('/').next().unwrap_or_default();
    let hosts = hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts);
    !hosts.contains(',') && !query.split('&').any(|part| part.starts_with("host=") && part.contains(','))
}

/// Does a command read or write packages? One that looks at the cluster must work while the store is away,
/// because that is when it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packages {
    /// It does.
    Wanted,
    /// It does not.
    Unwanted,
}

/// The cluster and its use-cases without a server around them: for commands that work by themselves.
///
/// # Errors
/// The first part that cannot be had.
pub(crate) async fn cluster_of(
    config: &Config,
    migrate: Migrate,
    wanted: Packages,
) -> Result<Cluster, StartError> {
    let places = &config.places;
    let catalog = catalog(places, &config.node_name, migrate).await?;
    let (store, staging): (Arc<dyn BlobStore>, Arc<dyn Staging>) = match wanted {
        Packages::Wanted => packages(places).await?,
        Packages::Unwanted => (Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new())),
    };
    let parts = cluster(config, &catalog, store.abilities().shared)?;
    let packages = PackageStore::new(store, staging, IntakeLimits::default());
    let formats = compiled_in().iter().map(|protocol| protocol.format()).collect();
    let runtime = Arc::new(TokioRuntime);
    let registry = Registry::new(FreshCatalog::new(catalog, runtime.clone()), packages, formats, runtime);
    Ok(parts.cluster(Arc::new(registry), LateMessenger::default()))
}

/// A command in the wrong directory would otherwise make a new, empty database and call it the truth.
///
/// # Errors
/// `NoDatabase` if the database is a SQLite file that is not there.
pub(crate) fn demand_database(places: &Places) -> Result<(), StartError> {
    match places.sqlite_file() {
        Some(file) if !file.exists() => Err(StartError::NoDatabase(file)),
        _ => Ok(()),
    }
}

async fn catalog(places: &Places, node: &NodeName, migrate: Migrate) -> Result<Arc<SqlCatalog>, StartError> {
    let connections = places.database_connections;
    let (writers, readers) = (connections, connections);
    let options = SqlOptions { migrate, writers, readers, ..upgrade::wanted_steps() };
    let address = places.database.reveal();
    if migrate == Migrate::OnOpen {
        upgrade::leave_nobody_behind(address, &options, node).await?;
    }
    Ok(Arc::new(SqlCatalog::open(address, options).await?))
}

/// Scratch lies in the store's own directory, so that accepting an upload is a link and no copy.
async fn packages(places: &Places) -> Result<(Arc<dyn BlobStore>, Arc<dyn Staging>), StartError> {
    let store = places.store.open().await?;
    let scratch = Scratch::open(places.store.directory().unwrap_or(&places.data_dir)).await?;
    Ok((store, Arc::new(scratch)))
}

/// Made for its owner alone: password hashes lie in it. One that is there stays as it is.
fn prepare_data_directory(places: &Places) -> Result<(), StartError> {
    let path = &places.data_dir;
    let failed = |source| StartError::DataDirectory { path: path.clone(), source };
    if places.uses_data_dir() { make_own_directory(path).map_err(failed) } else { Ok(()) }
}

fn make_own_directory(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        create_durably(path.parent().unwrap_or(Path::new("/")))?;
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            outcome => outcome?,
        }
    }
    // Now for its name, which a power cut would take away with all that is in it.
    create_durably(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
    use std::os::unix::fs::PermissionsExt as _;

    /// What was opened tells what was synced: making directories and looking at them opens nothing.
    #[test]
    fn the_data_directory_is_private_and_every_name_above_it_is_synced() {
        let above = tempfile::tempdir().unwrap();
        let data = above.path().join("var/proget");
        let opened = |folder: &Path| {
            let watch = inotify::init(CreateFlags::NONBLOCK).unwrap();
            inotify::add_watch(&watch, folder, WatchFlags::OPEN).unwrap();
            make_own_directory(&data).unwrap();
            let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
            let mut events = Reader::new(&watch, &mut buffer);
            let mut names = Vec::new();
            while let Ok(event) = events.next() {
                names.push(event.file_name().unwrap_or_default().to_str().unwrap().to_owned());
            }
            names
        };
        let first = opened(above.path());
        assert!(first.iter().any(String::is_empty), "not synced itself: {first:?}");
        // Once when it was made, once more when the data directory lay in it.
        assert_eq!(first.iter().filter(|name| *name == "var").count(), 2, "{first:?}");
        assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let again = opened(&above.path().join("var"));
        assert!(again.iter().any(String::is_empty), "whoever made it may not have synced it: {again:?}");
    }
}
