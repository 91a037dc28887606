//! What the nodes of a test share, and how each of them gets at it: memory, or a database with a line of
//! its own for each node. Packages are in memory either way, since all nodes are one process.

use super::TestServerError;
use super::cut::Wired;
use crate::builder::compiled_in;
use crate::cluster::{ClusterParts, Messaging, schema_steps};
use proget_cluster::election::{BootClock, Election, MemoryElection, SqlElection};
use proget_cluster::membership::{Membership, MemoryMembership, SqlMembership};
use proget_cluster::messenger::{LateMessenger, LocalMessenger};
use proget_cluster::node::{Cluster, Facts};
use proget_cluster::sql::ClusterDatabase;
use proget_core::blob::{IntakeLimits, PackageStore};
use proget_core::cluster::NodeName;
use proget_core::keys::{EncryptionKey, KeyRing};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::registry::FreshCatalog;
use proget_core::{Catalog, Registry};
use proget_storage::sql::Dialect;
use proget_storage::{SqlCatalog, SqlOptions, TokioRuntime};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a call about the cluster may take. Its timings ask for less.
const CLUSTER_CALL: Duration = Duration::from_secs(3);

/// How many connections a node has for reading and for writing each: tests start many nodes.
const CONNECTIONS: u32 = 4;

/// What all nodes share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    base: Base,
    pub(super) store: Arc<MemoryStore>,
    messenger: LocalMessenger,
    keys: KeyRing,
}

#[derive(Debug, Clone)]
enum Base {
    Memory { catalog: Arc<MemoryCatalog>, membership: MemoryMembership, election: MemoryElection },
    Database(String),
}

/// A way to what all nodes share.
struct Opened {
    catalog: Arc<dyn Catalog>,
    membership: Arc<dyn Membership>,
    election: Arc<dyn Election>,
    shared_database: bool,
}

impl Shared {
    /// With a new key, and nothing in it but what is in the database.
    pub(super) fn new(database: Option<String>) -> Result<Self, TestServerError> {
        let failed = || TestServerError::because("making an encryption key");
        let key = EncryptionKey::generate().map_err(|error| failed()(error.into()))?;
        let keys = KeyRing::new(vec![key]).map_err(|error| failed()(error.into()))?;
        let memory = || {
            let election = MemoryElection::new(Arc::new(BootClock));
            let membership = MemoryMembership::new(Arc::new(BootClock)).beside(election.clone());
            Base::Memory { catalog: Arc::default(), membership, election }
        };
        let base = database.map_or_else(memory, Base::Database);
        Ok(Self { base, store: Arc::default(), messenger: LocalMessenger::new(), keys })
    }

    async fn open(&self) -> Result<Opened, TestServerError> {
        match &self.base {
            Base::Memory { catalog, membership, election } => Ok(Opened {
                catalog: catalog.clone(),
                membership: Arc::new(membership.clone()),
                election: Arc::new(election.clone()),
                shared_database: true,
            }),
            Base::Database(address) => {
                let failed = |error: Box<dyn Error + Send + Sync>| {
                    TestServerError::because("opening the database")(error)
                };
                let (writers, readers) = (CONNECTIONS, CONNECTIONS);
                let options = SqlOptions { writers, readers, also: schema_steps(), ..SqlOptions::default() };
                let catalog =
                    SqlCatalog::open(address, options).await.map_err(|error| failed(error.into()))?;
                let line = || Arc::new(ClusterDatabase::new(catalog.line(), CLUSTER_CALL));
                Ok(Opened {
                    membership: Arc::new(SqlMembership::new(line())),
                    election: Arc::new(SqlElection::new(line())),
                    shared_database: catalog.dialect() != Dialect::Sqlite,
                    catalog: Arc::new(catalog),
                })
            }
        }
    }

    fn parts(&self, name: NodeName, opened: Opened) -> (ClusterParts, Arc<dyn Catalog>) {
        let shared_database = opened.shared_database;
        let parts = ClusterParts {
            membership: opened.membership,
            election: opened.election,
            messaging: Messaging::Given(Arc::new(self.messenger.clone())),
            keys: Some(self.keys.clone()),
            facts: Facts { shared_database, single_database_host: false, shared_store: true, has_key: true },
            ..ClusterParts::alone(name)
        };
        (parts, opened.catalog)
    }

    /// What a node is put together from, and what cuts it off from all of that.
    pub(super) async fn for_node(
        &self,
        name: NodeName,
    ) -> Result<(ClusterParts, Arc<Wired>), TestServerError> {
        let (mut parts, catalog) = self.parts(name, self.open().await?);
        let wired = Arc::new(Wired::new(catalog, parts.membership, parts.election));
        (parts.membership, parts.election) = (wired.membership.clone(), wired.election.clone());
        Ok((parts, wired))
    }

    /// The cluster as a bystander deals with it, whom no cut and no frost reaches.
    pub(super) async fn for_bystander(&self, name: NodeName) -> Result<Cluster, TestServerError> {
        let (parts, catalog) = self.parts(name, self.open().await?);
        let packages =
            PackageStore::new(self.store.clone(), Arc::new(MemoryStaging::new()), IntakeLimits::default());
        let formats = compiled_in().iter().map(|protocol| protocol.format()).collect();
        let runtime = Arc::new(TokioRuntime);
        let registry = Registry::new(FreshCatalog::new(catalog, runtime.clone()), packages, formats, runtime);
        let hints = LateMessenger::default();
        hints.connect(Arc::new(self.messenger.clone()));
        Ok(parts.cluster(Arc::new(registry), hints))
    }
}
