//! Several real `proget` processes that are one cluster: one database, one package store, one key.
//!
//! What lives here: starting them, telling them apart by name, and asking and ordering through the
//! API of any of them. What does not: clients (a test's affair) and what is promised about it all.
//! Each node is a [`ProgetProcess`], to be killed, frozen and stopped as such.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_cluster::node::status::{ClusterStatus, NodeStatus};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::ADMIN_KEY;
use crate::{Database, Firewalled, Outcome, ProgetProcess, SOON, ServerSetup, eventually};

/// The encryption key that all nodes share, unless a test says otherwise.
pub const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The environment variable that puts the messenger's port of every node behind a firewall: what passes without
/// it must pass with it.
pub const FIREWALLED: &str = "PROGET_TEST_FIREWALLED";

/// What the API answered to an order.
#[derive(Debug)]
pub struct Answered {
    /// The status of the response.
    pub status: u16,
    /// Its body as it came.
    pub text: String,
}

impl Answered {
    /// Fails unless the order was carried out.
    pub fn done(self) -> Outcome<Self> {
        ensure!((200..300).contains(&self.status), "answered {}: {}", self.status, self.text);
        Ok(self)
    }
}

/// Server processes by the names of their nodes. Dropped, all of them are killed.
#[derive(Debug)]
pub struct Cluster {
    base: ServerSetup,
    special: BTreeMap<String, ServerSetup>,
    nodes: BTreeMap<String, ProgetProcess>,
    store: TempDir,
    _firewall: Option<Firewalled>,
}

impl Cluster {
    /// No node yet; each will say for `grace` that it is about to stop before it does.
    pub fn new(database: &Database, grace: &str) -> Outcome<Self> {
        let store = tempfile::tempdir()?;
        let firewall = std::env::var_os(FIREWALLED).map(|_| Firewalled::port()).transpose()?;
        let mut base = ServerSetup::new()
            .database(database)
            .packages_in(store.path())
            .env("PROGET_ENCRYPTION_KEY", KEY)
            .env("PROGET_TIMEOUT_GRACE", grace);
        if let Some(firewall) = &firewall {
            base = base.env("PROGET_MESSENGER_ADDRESS", firewall.address().to_string());
        }
        Ok(Self { base, special: BTreeMap::new(), nodes: BTreeMap::new(), store, _firewall: firewall })
    }

    /// What a node of this name is started with.
    pub fn setup(&self, name: &str) -> ServerSetup {
        self.special.get(name).cloned().unwrap_or_else(|| self.base.clone().env("PROGET_NODE_NAME", name))
    }

    /// Starts the node of this name otherwise than the rest, whenever it is started.
    pub fn vary(&mut self, name: &str, change: impl FnOnce(ServerSetup) -> ServerSetup) {
        self.special.insert(name.to_owned(), change(self.setup(name)));
    }

    /// The folder of the package store.
    pub fn store(&self) -> &Path {
        self.store.path()
    }

    /// Starts further nodes at the same moment and waits until they are ready.
    pub async fn add(&mut self, names: &[&str]) -> Outcome {
        let starting = names.iter().map(|name| self.setup(name).start());
        for (name, node) in names.iter().zip(futures::future::try_join_all(starting).await?) {
            self.nodes.insert((*name).to_owned(), node);
        }
        Ok(())
    }

    /// Takes in a node that a test has started by itself.
    pub fn adopt(&mut self, name: &str, node: ProgetProcess) {
        self.nodes.insert(name.to_owned(), node);
    }

    /// A node.
    pub fn node(&self, name: &str) -> Outcome<&ProgetProcess> {
        self.nodes.get(name).with_context(|| format!("there is no node {name}"))
    }

    /// A node, to do something to it.
    pub fn node_mut(&mut self, name: &str) -> Outcome<&mut ProgetProcess> {
        self.nodes.get_mut(name).with_context(|| format!("there is no node {name}"))
    }

    /// All names with the addresses of their nodes, whether they run or not.
    pub fn addresses(&self) -> Vec<(String, String)> {
        self.nodes.iter().map(|(name, node)| (name.clone(), node.url())).collect()
    }

    /// The names of all nodes whose process runs, a frozen one included.
    pub fn running(&self) -> Vec<String> {
        let running = self.nodes.iter().filter(|(_, node)| node.id().is_ok());
        running.map(|(name, _)| name.clone()).collect()
    }

    /// Any node that runs and is none of these.
    pub fn other_than(&self, names: &[&str]) -> Outcome<String> {
        let other = self.running().into_iter().find(|name| !names.contains(&name.as_str()));
        other.with_context(|| format!("no node runs except {names:?}"))
    }

    /// Kills several nodes at the same moment.
    pub async fn kill(&mut self, names: &[&str]) -> Outcome {
        let doomed = self.nodes.iter_mut().filter(|(name, _)| names.contains(&name.as_str()));
        futures::future::try_join_all(doomed.map(|(_, node)| node.kill())).await?;
        Ok(())
    }

    /// Starts several nodes again at the same moment and waits until they are ready.
    pub async fn bring_back(&mut self, names: &[&str]) -> Outcome {
        let absent = self.nodes.iter_mut().filter(|(name, _)| names.contains(&name.as_str()));
        futures::future::try_join_all(absent.map(|(_, node)| node.resume())).await?;
        Ok(())
    }

    /// The cluster as this node sees it.
    pub async fn status(&self, through: &str) -> Outcome<ClusterStatus> {
        let answered = self.order(through, Method::GET, "status", Value::Null).await?.done()?;
        Ok(serde_json::from_str(&answered.text)?)
    }

    /// Waits until what a node says about the cluster is as it should be; `what` completes "waited
    /// until …".
    pub async fn until(
        &self,
        through: &str,
        what: &str,
        is_so: impl Fn(&ClusterStatus) -> bool,
    ) -> Outcome<ClusterStatus> {
        eventually(what, SOON, || async {
            let status = self.status(through).await?;
            ensure!(is_so(&status), "{} says {status:#?}", status.answered_by);
            Ok(status)
        })
        .await
    }

    /// Orders something through a node; `path` is below `/api/cluster/`, and a body of `null` is none.
    pub async fn order(&self, through: &str, method: Method, path: &str, body: Value) -> Outcome<Answered> {
        let node = self.node(through)?;
        let url = format!("{}/api/cluster/{path}", node.url());
        let mut request = node.http().request(method, url).header("X-ApiKey", ADMIN_KEY).timeout(SOON);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        Ok(Answered { status: answer.status().as_u16(), text: answer.text().await? })
    }

    /// Wants another mode, whatever comes of it.
    pub async fn want_mode(&self, through: &str, mode: &str) -> Outcome<Answered> {
        self.order(through, Method::POST, "mode", json!({ "mode": mode })).await
    }

    /// Changes settings, which must succeed.
    pub async fn configure(&self, through: &str, settings: Value) -> Outcome {
        self.order(through, Method::POST, "settings", settings).await?.done()?;
        Ok(())
    }
}

/// What a status says about a node.
pub fn node<'a>(status: &'a ClusterStatus, name: &str) -> Option<&'a NodeStatus> {
    status.nodes.iter().find(|node| node.name.as_str() == name)
}
