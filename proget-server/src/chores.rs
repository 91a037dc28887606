//! What a server does without being asked: sweeping, and writing down what it counted.

use crate::plain::sentence;
use async_trait::async_trait;
use proget_cluster::{Chore, ChoreError, Findings, Runner};
use proget_core::registry::{SweepOptions, SweepReport};
use proget_core::{Problem, Registry};
use std::sync::Arc;
use std::time::Duration;

/// How often space is given back.
const SWEEP: Duration = Duration::from_secs(3600);

/// How often download counts are written down; a killed process loses what it counted since.
const FLUSH: Duration = Duration::from_secs(30);

/// All chores of a server.
pub(crate) fn runner(registry: &Arc<Registry>) -> Runner {
    Runner::new().chore(Arc::new(Sweep(registry.clone()))).chore(Arc::new(FlushDownloads(registry.clone())))
}

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

    async fn tend(&self) -> Result<Findings, ChoreError> {
        let report =
            self.0.sweep(SweepOptions::default()).await.map_err(|problem| failed("sweeping", &problem))?;
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

fn found(report: &SweepReport) -> String {
    let counts = [
        (report.condemned, "condemned"),
        (report.doomed + report.strays, "doomed"),
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

    async fn tend(&self) -> Result<Findings, ChoreError> {
        let outcome = self.0.flush_downloads().await;
        outcome.map(|()| Findings::default()).map_err(|problem| failed("writing download counts", &problem))
    }
}

fn failed(doing: &str, problem: &Problem) -> ChoreError {
    ChoreError { doing: format!("{doing}: {}", sentence(problem)), source: None }
}
