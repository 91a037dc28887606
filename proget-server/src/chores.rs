//! What a server does without being asked: sweeping, and writing down what it counted.

use crate::cluster::{ROLES, Reseal};
use crate::jobs::Verify;
use crate::plain::sentence;
use async_trait::async_trait;
use proget_cluster::membership::Component;
use proget_cluster::node::Node;
use proget_cluster::{Chore, ChoreError, ChoreWork, Findings, Queue, Runner};
use proget_core::catalog::Role;
use proget_core::keys::KeyRing;
use proget_core::registry::{SweepOptions, SweepReport};
use proget_core::{Problem, Registry};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often space is given back.
const SWEEP: Duration = Duration::from_secs(3600);

/// How often departed servers are looked for.
const FORGET: Duration = Duration::from_secs(60);

/// How often download counts are written down; a killed process loses what it counted since.
const FLUSH: Duration = Duration::from_secs(30);

/// Everything that a server does in the background.
pub(crate) fn runner(registry: &Arc<Registry>, node: &Arc<Node>, keys: Option<KeyRing>) -> Runner {
    let (card, catalog) = (node.card(), registry.fresh().catalog());
    let mut queue = Queue::new(catalog, card.name, card.incarnation);
    if card.components.contains(&Component::Service) {
        queue = queue.job(Arc::new(Verify(registry.clone())));
        queue = queue.job(Arc::new(Reseal::new(registry.clone(), keys)));
    }
    let led = ROLES.iter().filter_map(|role| node.role(*role));
    led.fold(Runner::new(), Runner::led)
        .queue(queue)
        .chore(Arc::new(FlushDownloads(registry.clone())))
        .chore(Arc::new(Sweep(registry.clone())))
        .chore(Arc::new(Forget(Arc::downgrade(node))))
}

/// Where this node holds the role of the sweeper.
#[derive(Debug)]
struct Sweep(Arc<Registry>);

#[async_trait]
impl Chore for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    fn about(&self) -> &'static str {
        "gives back the space of packages that nobody refers to and of uploads that never ended"
    }

    fn every(&self) -> Duration {
        SWEEP
    }

    fn held_as(&self) -> Option<Role> {
        Some(Role::SWEEPER)
    }

    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError> {
        let options = SweepOptions::default();
        let report = match work.fence {
            Some(fence) => self.0.sweep_under(fence, options).await,
            None => self.0.sweep(options).await,
        };
        let report = report.map_err(|problem| failed("sweeping", &problem))?;
        match &report.deletes_stopped {
            Some(why) => Err(ChoreError {
                doing: format!(
                    "nothing is deleted until an operator confirms with `proget sweep --confirm`: {why}"
                ),
                source: None,
            }),
            None => Ok(Findings(found(&report))),
        }
    }
}

/// Departed servers are forgotten after a time, by the primary.
#[derive(Debug)]
struct Forget(Weak<Node>);

#[async_trait]
impl Chore for Forget {
    fn name(&self) -> &'static str {
        "forget-departed"
    }

    fn about(&self) -> &'static str {
        "forgets servers that have been gone for as long as the instance's settings say"
    }

    fn every(&self) -> Duration {
        FORGET
    }

    fn held_as(&self) -> Option<Role> {
        Some(Role::PRIMARY)
    }

    async fn tend(&self, _: &ChoreWork) -> Result<Findings, ChoreError> {
        let Some(node) = self.0.upgrade() else { return Ok(Findings::default()) };
        let gone = node.forget_departed().await.map_err(|error| ChoreError {
            doing: "forgetting departed servers".into(),
            source: Some(Box::new(error)),
        })?;
        let names: Vec<String> = gone.iter().map(|(name, _)| name.to_string()).collect();
        Ok(Findings(if names.is_empty() { String::new() } else { format!("forgot {}", names.join(", ")) }))
    }
}

fn found(report: &SweepReport) -> String {
    let counts = [
        (report.condemned, "condemned"),
        (report.doomed + report.abandoned + report.strays, "doomed"),
        (report.deleted, "deleted"),
        (report.leftovers, "left-over uploads removed"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    told.join(", ")
}

#[derive(Debug)]
struct FlushDownloads(Arc<Registry>);

#[async_trait]
impl Chore for FlushDownloads {
    fn name(&self) -> &'static str {
        "flush-downloads"
    }

    fn about(&self) -> &'static str {
        "writes the download counts of this process to the catalogue"
    }

    fn every(&self) -> Duration {
        FLUSH
    }

    async fn tend(&self, _: &ChoreWork) -> Result<Findings, ChoreError> {
        let outcome = self.0.flush_downloads().await;
        outcome.map(|()| Findings::default()).map_err(|problem| failed("writing download counts", &problem))
    }
}

fn failed(doing: &str, problem: &Problem) -> ChoreError {
    ChoreError { doing: format!("{doing}: {}", sentence(problem)), source: None }
}
