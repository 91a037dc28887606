//! What a running server does for its node: background work while the Service runs, no publishes
//! while the store is not well, draining when an operator wants it, and leaving.

use super::figures;
use super::messenger::Begun;
use crate::chores;
use crate::health::Health;
use futures::StreamExt as _;
use proget_cluster::messenger::{Messenger, Topic, Topics};
use proget_cluster::node::duty::Duty;
use proget_cluster::node::{JoinError, Node, NodeParts};
use proget_cluster::{DrainReport, Running};
use proget_core::Registry;
use proget_core::keys::KeyRing;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long jobs may take to end when a node drains; then they are told to, and given back.
const JOBS: Duration = Duration::from_secs(10);

/// Said to whoever publishes while the store cannot be written to.
const HELD: &str = "the package store, which this server cannot write to";

/// A node that has joined, with all that runs because of it. Dropping it ends everything at once.
#[derive(Debug)]
pub(crate) struct Attendance {
    node: Option<Arc<Node>>,
    chores: Option<Arc<Running>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Joins and begins to work.
///
/// # Errors
/// If the node may not join, or the database cannot be reached.
pub(crate) async fn attend(
    parts: NodeParts,
    hints: Begun,
    registry: &Arc<Registry>,
    health: &Health,
    keys: Option<KeyRing>,
    background: bool,
) -> Result<Attendance, JoinError> {
    let (me, messenger) = (parts.card.incarnation, parts.messenger.clone());
    let node = Arc::new(Node::join(parts).await?);
    health.attend(&node);
    let chores = background.then(|| Arc::new(chores::runner(registry, &node, keys).start()));
    if let Some(chores) = &chores {
        health.watch(chores);
    }
    let mut tasks = vec![
        tokio::spawn(hints.keep_calling(node.pulse(), me, node.timing().lost)),
        tokio::spawn(hold_publishes(node.clone(), registry.clone())),
        tokio::spawn(drain(node.clone(), chores.clone())),
        tokio::spawn(figures::keep_writing(node.clone(), messenger.clone(), chores.clone())),
        tokio::spawn(figures::keep_counting_jobs(node.clone(), registry.clone())),
        tokio::spawn(health.reach().clone().keep_looking(node.clone(), registry.clone())),
    ];
    if let Some(chores) = &chores {
        tasks.push(tokio::spawn(follow_duty(node.clone(), chores.clone())));
        tasks.push(tokio::spawn(heed(messenger, chores.clone())));
    }
    Ok(Attendance { node: Some(node), chores, tasks })
}

impl Attendance {
    /// From now on it takes part; requests reach it there.
    pub(crate) fn serve(&self, addresses: Vec<String>) {
        if let Some(node) = &self.node {
            node.serve(addresses);
        }
    }

    /// It is about to stop: balancers are to send requests elsewhere.
    pub(crate) fn begin_leaving(&self) {
        if let Some(node) = &self.node {
            node.begin_leaving();
        }
    }

    /// Ends jobs, within a time, and hands the node's roles over.
    pub(crate) async fn hand_over(&mut self) {
        if let Some(chores) = &self.chores {
            report(&chores.drain(JOBS).await);
        }
        if let Some(node) = &self.node {
            node.resign().await;
        }
    }

    /// Gives the node's seats up. Requests have been finished by now.
    pub(crate) async fn leave(mut self) {
        self.hand_over().await;
        for task in self.tasks.drain(..) {
            task.abort();
            // It holds the node until it has really ended.
            let _ = task.await;
        }
        if let Some(chores) = self.chores.take().and_then(Arc::into_inner) {
            chores.stop(Duration::ZERO).await;
        }
        if let Some(node) = self.node.take().and_then(Arc::into_inner) {
            node.leave().await;
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A node that cannot write to the store takes no publishes, and says why.
async fn hold_publishes(node: Arc<Node>, registry: Arc<Registry>) {
    let mut problem = node.store_problem();
    loop {
        let held = problem.borrow_and_update().as_ref().map(|_| HELD);
        registry.hold_publishes(held);
        if problem.changed().await.is_err() {
            return;
        }
    }
}

/// Jobs are looked for at once when somebody says that there are some.
async fn heed(messenger: Arc<dyn Messenger>, chores: Arc<Running>) {
    let mut hints = messenger.hints(Topics::of(&[Topic::Jobs]));
    while hints.next().await.is_some() {
        chores.hint();
    }
}

/// Jobs are claimed while the Service runs, and only then.
async fn follow_duty(node: Arc<Node>, chores: Arc<Running>) {
    let mut duty = node.duty();
    loop {
        match *duty.borrow_and_update() {
            Duty::Running => chores.resume(),
            Duty::Idle(_) => chores.pause(),
        }
        if duty.changed().await.is_err() {
            return;
        }
    }
}

/// An operator wants the node to drain, or to take part again. Chores that run because of a role end by
/// themselves when the role is given back.
async fn drain(node: Arc<Node>, chores: Option<Arc<Running>>) {
    loop {
        if node.drain_wanted().await {
            tracing::info!("draining: no new requests, jobs end, and the roles of this node go to others");
            if let Some(chores) = &chores {
                report(&chores.drain(JOBS).await);
            }
            node.resign().await;
        } else {
            tracing::info!("taking part again");
            if let Some(chores) = &chores {
                chores.resume();
            }
        }
    }
}

fn report(drained: &DrainReport) {
    tracing::info!(?drained, "jobs have ended or were given back");
}
