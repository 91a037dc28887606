//! Orders about the cluster.

use super::order::{Failure, Outcome};
use crate::documents::JobDocument;
use crate::jobs::Verify;
use crate::plain::sentence;
use crate::schedules::{self, ScheduleChange, ScheduleWish};
use proget_cluster::node::settings::ServiceWish;
use proget_cluster::node::{Cluster, Configuration};
use proget_core::catalog::{JobFilter, JobState, PageRequest};
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::ids::JobId;
use proget_core::{Principal, Problem};
use serde::{Deserialize, Serialize};

/// So many jobs are listed.
const JOBS: u32 = 100;

/// So many lines of a job's log are shown.
const LINES: u32 = 1000;

/// An order about the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterOrder {
    /// Who is here, who holds what, what is wrong.
    Status,
    /// The newest jobs.
    Jobs {
        /// In this state only.
        state: Option<String>,
        /// Of this kind only.
        kind: Option<String>,
    },
    /// One job with its log.
    Job(i64),
    /// A job is to end.
    CancelJob(i64),
    /// Every package is to be verified, by whichever node gets to it.
    Verify,
    /// All schedules.
    Schedules,
    /// A new schedule.
    AddSchedule(ScheduleWish),
    /// A schedule is to be different.
    ChangeSchedule {
        /// Which.
        name: String,
        /// What.
        change: ScheduleChange,
    },
    /// A schedule's job is wanted now.
    RunSchedule(String),
    /// A schedule, gone.
    RemoveSchedule(String),
    /// Another mode.
    Mode {
        /// Which.
        mode: ClusterMode,
        /// The service node, if it is to be named.
        service_node: Option<NodeName>,
    },
    /// Other settings.
    Configure(Configuration),
    /// A node is to drain.
    Drain(NodeName),
    /// A node is to take part again.
    Resume(NodeName),
    /// A node's Service is to run, or not to.
    Service {
        /// Whose.
        node: NodeName,
        /// What.
        wish: ServiceWish,
        /// Also if it is disabled?
        enabling: bool,
    },
    /// A node is to go from the roster.
    Remove {
        /// Which.
        node: NodeName,
        /// Also if it beats?
        force: bool,
    },
}

pub(super) async fn execute(order: &ClusterOrder, cluster: &Cluster) -> Result<Outcome, Failure> {
    let caller = Principal::system();
    let done = |what: String| Ok(Outcome::Done(what));
    match order {
        ClusterOrder::Status => {
            Ok(Outcome::Cluster(Box::new(cluster.status(&caller).await.map_err(failure)?)))
        }
        ClusterOrder::Jobs { state, kind } => {
            let state = state.as_deref().map(str::parse::<JobState>).transpose();
            let state = state.map_err(|error| Failure(error.to_string()))?;
            let filter = JobFilter { state, kind: kind.clone() };
            let page = cluster.registry.jobs(&caller, &filter, &PageRequest::first(JOBS)).await;
            let rows = page.map_err(failure)?.rows;
            Ok(Outcome::Jobs(rows.into_iter().map(JobDocument::from).collect()))
        }
        ClusterOrder::Job(id) => {
            let (row, lines) = cluster.registry.job(&caller, JobId(*id), 0, LINES).await.map_err(failure)?;
            Ok(Outcome::Job(Box::new(JobDocument::from(row).with_log(lines))))
        }
        ClusterOrder::Schedules => {
            Ok(Outcome::Schedules(schedules::list(&cluster.registry, &caller).await.map_err(failure)?))
        }
        ClusterOrder::AddSchedule(wish) => {
            let made = schedules::add(&cluster.registry, &caller, wish.clone()).await.map_err(failure)?;
            Ok(Outcome::Schedules(vec![made]))
        }
        ClusterOrder::ChangeSchedule { name, change } => {
            let changed = schedules::change(&cluster.registry, &caller, name, change.clone()).await;
            Ok(Outcome::Schedules(vec![changed.map_err(failure)?]))
        }
        ClusterOrder::RunSchedule(name) => {
            let id = schedules::run(&cluster.registry, &caller, name).await.map_err(failure)?;
            done(format!("job {id} does it; 'proget cluster jobs {id}' tells how far it is"))
        }
        ClusterOrder::RemoveSchedule(name) => {
            schedules::remove(&cluster.registry, &caller, name).await.map_err(failure)?;
            done(format!("the schedule {name} is removed; jobs that it wanted stay"))
        }
        ClusterOrder::Verify => {
            let id = cluster.registry.enqueue(&caller, Verify::wanted()).await.map_err(failure)?;
            done(format!("job {id} verifies every package; 'proget cluster jobs {id}' tells how far it is"))
        }
        ClusterOrder::CancelJob(id) => {
            cluster.registry.cancel_job(&caller, JobId(*id)).await.map_err(failure)?;
            done(format!("job {id} is called off; if it runs, it ends when it can"))
        }
        ClusterOrder::Mode { mode, service_node } => {
            let change = cluster.set_mode(&caller, *mode, service_node.clone()).await.map_err(failure)?;
            let lines = change.findings.iter().map(|finding| {
                format!("{}: {}", if finding.refuses { "refused" } else { "warning" }, finding.what)
            });
            let lines: Vec<String> = lines.collect();
            if !change.made {
                return Err(Failure(format!("the mode stays as it is\n{}", lines.join("\n"))));
            }
            let said = format!("the mode is {mode} now; every server follows at its next beat");
            done([vec![said], lines].concat().join("\n"))
        }
        ClusterOrder::Configure(wanted) => {
            cluster.configure(&caller, wanted).await.map_err(failure)?;
            done("the settings are changed; every server follows at its next beat".into())
        }
        ClusterOrder::Drain(node) => {
            cluster.drain(&caller, node).await.map_err(failure)?;
            done(format!("{node} drains; 'proget cluster resume {node}' ends that"))
        }
        ClusterOrder::Resume(node) => {
            cluster.resume(&caller, node).await.map_err(failure)?;
            done(format!("{node} takes part again"))
        }
        ClusterOrder::Service { node, wish, enabling } => {
            cluster.set_service(&caller, node, *wish, *enabling).await.map_err(failure)?;
            done(format!("the Service of {node} is to be {}", wish.as_str()))
        }
        ClusterOrder::Remove { node, force } => {
            cluster.remove(&caller, node, *force).await.map_err(failure)?;
            done(format!("{node} is removed; if its process still runs, its Service stops"))
        }
    }
}

fn failure(problem: Problem) -> Failure {
    Failure(sentence(&problem))
}
