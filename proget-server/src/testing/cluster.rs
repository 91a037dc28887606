//! A throw-away cluster for tests of fail-over: several real servers in this process, to be killed,
//! frozen, cut off, drained and started again, by whoever wants to know what his own program does then.
//!
//! Nodes are known by their number, from 0. What is said about the cluster here is read from what all
//! share and not from a node, so it is true whatever was done to the nodes.

use super::TestServerError;
use super::process::Process;
use super::setup::TestClusterSetup;
use super::shared::Shared;
use crate::accounts::KeyText;
use proget_cluster::node::Cluster;
use proget_cluster::node::status::ClusterStatus;
use proget_core::catalog::{CatalogError, FenceRow, Role};
use proget_core::cluster::NodeName;
use proget_core::{Catalog, Principal, Registry};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How often a level is looked at that is waited for.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Several servers that are one cluster with high availability, in this process.
///
/// ```
/// use proget_server::TestCluster;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut cluster = TestCluster::nodes(2).with(|server| server.feed("internal", "npm")).start().await?;
/// let first = cluster.primary().await?.ok_or("nobody is primary")?;
/// cluster.kill(first).await?;
/// let next = cluster.wait_for_primary_other_than(first).await?;
/// assert_ne!(next, first);
/// assert_eq!(cluster.urls().len(), 1, "one is left to ask");
/// # Ok(())
/// # }
/// ```
///
/// # Promises
/// - When `start` returns, every node answers requests and one of them is primary.
/// - Nothing that is done to a node here is helped by that node: a killed one says no farewell, and a
///   frozen one does not know that it was.
/// - Dropping it ends everything that it started, also when the test panics. A database is left as it is.
///
/// # What it is not
/// Nodes share a process and its clock, and packages lie in memory: what becomes of files and clocks when
/// a machine is lost is for real processes to show.
pub struct TestCluster {
    pub(super) setup: TestClusterSetup,
    pub(super) nodes: Vec<Place>,
    pub(super) desk: Cluster,
    pub(super) shared: Shared,
    pub(super) admin_key: KeyText,
}

pub(super) struct Place {
    pub(super) name: NodeName,
    pub(super) process: Option<Process>,
}

impl fmt::Debug for TestCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCluster").field("urls", &self.urls()).finish_non_exhaustive()
    }
}

impl TestCluster {
    /// Begins to set up a cluster of so many nodes.
    #[must_use]
    pub fn nodes(nodes: usize) -> TestClusterSetup {
        TestClusterSetup::of(nodes)
    }

    /// Ends a node as a power cut would: at once, without leaving, its connections break.
    ///
    /// # Errors
    /// If there is no such node or it does not run.
    pub async fn kill(&mut self, node: usize) -> Result<(), TestServerError> {
        self.take(node)?.kill().await;
        Ok(())
    }

    /// Starts a node again that was killed; one that runs is stopped before, in order: it finishes its
    /// requests and leaves. It is another process then, at another address. A killed one waits until the
    /// others could have noticed.
    ///
    /// # Errors
    /// As when the cluster was started.
    pub async fn restart(&mut self, node: usize) -> Result<(), TestServerError> {
        self.place(node)?;
        if let Some(process) = self.nodes[node].process.take() {
            process.stop().await;
        }
        self.nodes[node].process = Some(self.process(node).await?);
        Ok(())
    }

    /// Lets a node stand still as it is, with timers, calls and requests, until [`thaw`](Self::thaw):
    /// what a suspended machine looks like to the others, and to itself afterwards.
    ///
    /// # Errors
    /// If there is no such node or it does not run.
    pub async fn freeze(&self, node: usize) -> Result<(), TestServerError> {
        self.running(node)?.freeze().await;
        Ok(())
    }

    /// Lets a frozen node go on where it was.
    ///
    /// # Errors
    /// If there is no such node or it does not run.
    pub fn thaw(&self, node: usize) -> Result<(), TestServerError> {
        self.running(node)?.thaw();
        Ok(())
    }

    /// Cuts a node off: its catalogue and both registers answer that they cannot be reached. Its clients
    /// reach it as before.
    ///
    /// # Errors
    /// If there is no such node or it does not run.
    pub fn cut(&self, node: usize) -> Result<(), TestServerError> {
        self.running(node)?.wired.cut();
        Ok(())
    }

    /// Ends what [`cut`](Self::cut) began.
    ///
    /// # Errors
    /// If there is no such node or it does not run.
    pub fn heal(&self, node: usize) -> Result<(), TestServerError> {
        self.running(node)?.wired.heal();
        Ok(())
    }

    /// Wants a node to drain, as an operator does: it hands over and takes no new work. Returns when that
    /// is wanted; what comes of it can be waited for.
    ///
    /// # Errors
    /// If there is no such node.
    pub async fn drain(&self, node: usize) -> Result<(), TestServerError> {
        let drained = self.desk.drain(&Principal::system(), &self.place(node)?.name).await;
        drained.map_err(TestServerError::problem("draining a node"))
    }

    /// Wants a draining node to take part again.
    ///
    /// # Errors
    /// If there is no such node.
    pub async fn resume(&self, node: usize) -> Result<(), TestServerError> {
        let resumed = self.desk.resume(&Principal::system(), &self.place(node)?.name).await;
        resumed.map_err(TestServerError::problem("letting a node take part again"))
    }

    /// Where a node is, without trailing slash: `http://127.0.0.1:34567`.
    ///
    /// # Errors
    /// If there is no such node or it does not run.
    pub fn url(&self, node: usize) -> Result<&str, TestServerError> {
        Ok(&self.running(node)?.url)
    }

    /// Where the nodes are that run, frozen and cut ones too; by their numbers.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().filter_map(|node| node.process.as_ref()).map(|one| one.url.clone()).collect()
    }

    /// A key that may do everything, on every node.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        self.admin_key.reveal()
    }

    /// The use-cases of a bystander, who shares everything with the nodes and is none of them.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.desk.registry
    }

    /// What exists, as the bystander reaches it.
    #[must_use]
    pub fn catalog(&self) -> Arc<dyn Catalog> {
        self.desk.registry.fresh().catalog()
    }

    /// What an operator would be told.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn status(&self) -> Result<ClusterStatus, TestServerError> {
        let status = self.desk.status(&Principal::system()).await;
        status.map_err(TestServerError::problem("asking for the cluster's status"))
    }

    /// Who may act as primary now: the node that holds the lease and whose fence is planted. `None` while
    /// that changes.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn primary(&self) -> Result<Option<usize>, TestServerError> {
        let leases = self.desk.election.look(&[Role::PRIMARY]).await;
        let leases = leases.map_err(|error| TestServerError::because("reading leases")(error.into()))?;
        let holder = leases.first().filter(|lease| lease.left.is_some()).and_then(|lease| lease.holder);
        let planted = self.fence().await?.map(|fence| fence.holder);
        let holder = holder.filter(|holder| planted == Some(*holder));
        let holds = |place: &Place| place.process.as_ref().map(|one| one.incarnation) == holder;
        Ok(holder.and_then(|_| self.nodes.iter().position(holds)))
    }

    /// The fence of the primary, which everything it writes must carry.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn fence(&self) -> Result<Option<FenceRow>, TestServerError> {
        let failed = |error: CatalogError| TestServerError::because("reading the fence")(error.into());
        self.catalog().fence(Role::PRIMARY).await.map_err(failed)
    }

    /// Waits until another node is primary, and tells which.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn wait_for_primary_other_than(&self, former: usize) -> Result<usize, TestServerError> {
        let end = Instant::now() + self.setup.patience;
        loop {
            match timeout_at(end, self.primary()).await {
                Ok(Ok(Some(node))) if node != former => return Ok(node),
                Ok(Ok(_)) if Instant::now() < end => sleep(LOOK).await,
                Ok(Err(error)) => return Err(error),
                _ => {
                    let status = self.status().await?;
                    return Err(late("another node is primary", &status));
                }
            }
        }
    }

    /// Waits until the status is as wanted, and tells it; `wanted` completes "waited until …".
    ///
    /// # Errors
    /// If that takes too long, with the last status.
    pub async fn wait_until(
        &self,
        wanted: &str,
        is_so: impl Fn(&ClusterStatus) -> bool,
    ) -> Result<ClusterStatus, TestServerError> {
        let end = Instant::now() + self.setup.patience;
        loop {
            let status = self.status().await?;
            if is_so(&status) {
                return Ok(status);
            }
            if Instant::now() >= end {
                return Err(late(wanted, &status));
            }
            sleep(LOOK).await;
        }
    }

    pub(super) fn place(&self, node: usize) -> Result<&Place, TestServerError> {
        let why = || format!("there is no node {node}; there are {}, from 0", self.nodes.len());
        self.nodes.get(node).ok_or_else(|| TestServerError { doing: "finding a node", why: why() })
    }

    fn running(&self, node: usize) -> Result<&Process, TestServerError> {
        let process = self.place(node)?.process.as_ref();
        process.ok_or_else(|| not_running(node))
    }

    fn take(&mut self, node: usize) -> Result<Process, TestServerError> {
        self.place(node)?;
        self.nodes[node].process.take().ok_or_else(|| not_running(node))
    }
}

fn not_running(node: usize) -> TestServerError {
    let why = format!("node {node} does not run; `restart` starts it again");
    TestServerError { doing: "finding a node", why }
}

fn late(wanted: &str, status: &ClusterStatus) -> TestServerError {
    TestServerError { doing: "waiting", why: format!("until {wanted}: it is {status:#?}") }
}
