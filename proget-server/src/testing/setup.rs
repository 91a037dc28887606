//! From a wish for a cluster to one that is ready: nodes are put together, join, and high availability is
//! switched on, as an operator does it.

use super::cluster::{LOOK, Place, TestCluster};
use super::process::{Assembly, Process};
use super::shared::Shared;
use super::{Shape, TestServerError};
use crate::accounts::{FirstAdministrator, FirstPassword, KeyText};
use crate::builder::ServerBuilder;
use crate::server::Server;
use futures::future::try_join_all;
use proget_cluster::election::Preset;
use proget_cluster::node::Configuration;
use proget_cluster::node::settings::TimingSetting;
use proget_core::Principal;
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::memory::MemoryStaging;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long is waited for anything unless a test says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster that is to be started.
#[derive(Clone)]
pub struct TestClusterSetup {
    nodes: usize,
    database: Option<String>,
    preset: Preset,
    pub(super) patience: Duration,
    pub(super) shape: Shape,
}

impl fmt::Debug for TestClusterSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClusterSetup").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl TestClusterSetup {
    pub(super) fn of(nodes: usize) -> Self {
        let shape: Shape = Arc::new(|builder| builder);
        Self { nodes, database: None, preset: Preset::Fast, patience: PATIENCE, shape }
    }

    /// Keeps everything but packages in an empty PostgreSQL or MariaDB database instead of memory.
    #[must_use]
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = Some(url.into());
        self
    }

    /// How quickly duties move. By default [`Preset::Fast`], within three seconds.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    /// How long this cluster waits for anything before it is an error. By default a minute.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What differs from the usual server, on every node: feeds, limits, a policy, an authenticator.
    #[must_use]
    pub fn with(mut self, shape: impl Fn(ServerBuilder) -> ServerBuilder + Send + Sync + 'static) -> Self {
        self.shape = Arc::new(shape);
        self
    }

    /// Starts all nodes and switches high availability on; returns when one of them is primary and all
    /// do background work. Must be called within a tokio runtime; the nodes have runtimes of their own.
    ///
    /// # Errors
    /// If there is no room for it, or the database cannot be reached or be shared.
    pub async fn start(self) -> Result<TestCluster, TestServerError> {
        let key =
            KeyText::random().map_err(|error| TestServerError::because("making a key")(error.into()))?;
        let shared = Shared::new(self.database.clone())?;
        let bystander = node_name("bystander".into())?;
        let names: Result<Vec<_>, _> = (0..self.nodes).map(|n| node_name(format!("node{n}"))).collect();
        let desk = shared.for_bystander(bystander).await?;
        let nodes = names?.into_iter().map(|name| Place { name, process: None }).collect();
        let mut cluster = TestCluster { shared, desk, nodes, admin_key: key, setup: self };
        cluster.begin().await?;
        Ok(cluster)
    }
}

impl TestCluster {
    async fn begin(&mut self) -> Result<(), TestServerError> {
        let timing =
            TimingSetting { preset: Some(self.setup.preset.name().into()), ..TimingSetting::default() };
        let configured = self.desk.configure(&Principal::system(), &configuration(timing)).await;
        configured.map_err(TestServerError::problem("configuring the cluster"))?;
        let all = 0..self.nodes.len();
        // The first one alone: it makes what a new instance needs.
        for group in [all.start..all.end.min(1), all.end.min(1)..all.end] {
            let started = try_join_all(group.clone().map(|node| self.process(node))).await?;
            for (node, process) in group.zip(started) {
                self.nodes[node].process = Some(process);
            }
        }
        for mode in [ClusterMode::LoadBalanced, ClusterMode::HighAvailability] {
            self.enable(mode).await?;
        }
        self.wait_until("one node is primary and all work", |status| {
            status.primary.is_some() && status.nodes.iter().all(|node| node.service == "running")
        })
        .await?;
        self.wait_for_primary_other_than(all.end).await.map(drop)
    }

    /// A checklist may refuse at first, as long as nodes have not found out about each other.
    async fn enable(&self, mode: ClusterMode) -> Result<(), TestServerError> {
        let doing = "switching high availability on";
        let end = Instant::now() + self.setup.patience;
        loop {
            let changed = self.desk.set_mode(&Principal::system(), mode, None).await;
            let changed = changed.map_err(TestServerError::problem(doing))?;
            if changed.made {
                return Ok(());
            }
            if Instant::now() >= end {
                let why: Vec<_> = changed.findings.into_iter().map(|finding| finding.what).collect();
                return Err(TestServerError { doing, why: why.join("; ") });
            }
            sleep(LOOK).await;
        }
    }

    pub(super) async fn process(&self, node: usize) -> Result<Process, TestServerError> {
        let (shared, shape) = (self.shared.clone(), self.setup.shape.clone());
        let (name, key) = (self.place(node)?.name.clone(), self.admin_key.clone());
        let called = name.to_string();
        Process::start(&called, move || assemble(shared, name, shape, key)).await
    }
}

fn configuration(timing: TimingSetting) -> Configuration {
    Configuration { timing, ..Configuration::default() }
}

fn node_name(name: String) -> Result<NodeName, TestServerError> {
    NodeName::new(&name).map_err(|error| TestServerError::because("naming a node")(error.into()))
}

/// Puts a node together, on the node's own runtime.
async fn assemble(
    shared: Shared,
    name: NodeName,
    shape: Shape,
    key: KeyText,
) -> Result<Assembly, TestServerError> {
    let (parts, wired) = shared.for_node(name).await?;
    let builder = Server::builder()
        .catalog(wired.catalog.clone())
        .packages(shared.store.clone(), Arc::new(MemoryStaging::new()))
        .administrator(FirstAdministrator { password: FirstPassword::Absent, api_key: Some(key) })
        .cluster(parts)
        .listen("127.0.0.1:0");
    let server = shape(builder).build().await;
    let server = server.map_err(|error| TestServerError::because("building a node")(error.into()))?;
    Ok((server, wired))
}
