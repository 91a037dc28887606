//! What a process does in the background: it sweeps and keeps a ledger where it holds the roles, does jobs, and
//! says when it believes what. The runner and the elector around it are those of production.

use super::chance::Chance;
use super::history::{Held, History};
use super::process::ProcessClock;
use super::trouble::CALM;
use async_trait::async_trait;
use proget_cluster::election::RoleWatch;
use proget_cluster::{Chore, ChoreError, ChoreWork, Findings, Job, JobError, Work};
use proget_core::Registry;
use proget_core::access::Actor;
use proget_core::catalog::{Catalog, ChangeSet, JobChange, JobKind, Role};
use proget_core::ids::Incarnation;
use proget_core::registry::SweepOptions;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const TOIL: JobKind = JobKind::new("toil");

/// How long doomed bytes are kept. Whoever reads for longer may find them gone.
pub(crate) const DELETE_DELAY: Duration = Duration::from_secs(5);

/// The sweep of a server, only more often.
#[derive(Debug)]
pub(crate) struct Sweep(pub(crate) Arc<Registry>);

#[async_trait]
impl Chore for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    fn about(&self) -> &'static str {
        "gives back the space of packages that nobody refers to"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn held_as(&self) -> Option<Role> {
        Some(Role::SWEEPER)
    }

    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError> {
        let fence = work.fence.expect("it is held as a role");
        let options = SweepOptions { delete_delay: DELETE_DELAY, witness_wait: Duration::from_millis(200) };
        let swept = self.0.sweep_under(fence, options).await;
        swept.map(|_| Findings::default()).map_err(|_| failed("sweeping"))
    }
}

/// The chore that forgets jobs, only more often: a fenced write of the primary every second.
#[derive(Debug)]
pub(crate) struct Ledger(pub(crate) Arc<dyn Catalog>);

#[async_trait]
impl Chore for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn about(&self) -> &'static str {
        "forgets what is long over, which here is nothing"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn held_as(&self) -> Option<Role> {
        Some(Role::PRIMARY)
    }

    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError> {
        let fence = work.fence.expect("it is held as a role");
        let forget = JobChange::Forget { over_for: Duration::from_secs(24 * 3600) };
        let set = ChangeSet::by(Actor("SYSTEM".into())).fenced(fence).with(forget);
        self.0.commit(set).await.map(|_| Findings::default()).map_err(|_| failed("writing"))
    }
}

fn failed(doing: &str) -> ChoreError {
    ChoreError { doing: doing.into(), source: None }
}

/// Takes a while, writes in between, fails now and then, and stops when it is told to.
#[derive(Debug)]
pub(crate) struct Toil {
    pub(crate) seat: usize,
    pub(crate) me: Incarnation,
    pub(crate) clock: Arc<ProcessClock>,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) chance: Mutex<Chance>,
}

#[async_trait]
impl Job for Toil {
    fn kind(&self) -> JobKind {
        TOIL
    }

    fn about(&self) -> &'static str {
        "takes a while"
    }

    fn attempts(&self) -> u32 {
        1000
    }

    fn back_off(&self, _: u32) -> Duration {
        Duration::from_millis(500)
    }

    async fn run(&self, work: &Work) -> Result<String, JobError> {
        let (job, begun) = (work.job().id, self.clock.global());
        self.history.lock().unwrap().begin(begun, self.seat, self.me, Held::Job(job));
        let _at_it = AtIt(self, Held::Job(job));
        tokio::select! {
            biased;
            () = work.stop().cancelled() => Err(JobError::new("told to stop")),
            outcome = self.toil(work, begun) => outcome,
        }
    }
}

impl Toil {
    async fn toil(&self, work: &Work, begun: u64) -> Result<String, JobError> {
        let steps = self.throw(1, 5);
        for step in 0..steps {
            tokio::time::sleep(Duration::from_millis(self.throw(50, 2000))).await;
            work.say(format!("step {step}")).await;
            work.progress(format!("{step} of {steps}"));
        }
        match self.throw(0, 8) {
            // Later than that it might not have the time to try again.
            0 if begun < CALM => Err(JobError::new("bad luck")),
            0..=3 => {
                work.complete(ChangeSet::by(work.actor()), "toiled").await?;
                Ok(String::new())
            }
            _ => Ok("toiled".into()),
        }
    }

    fn throw(&self, from: u64, until: u64) -> u64 {
        self.chance.lock().unwrap().within(from, until)
    }
}

/// Ends also when the work is dropped.
struct AtIt<'a>(&'a Toil, Held);

impl Drop for AtIt<'_> {
    fn drop(&mut self) {
        let Self(toil, held) = self;
        // Of a process that is no more, the history knows already.
        if let Some(now) = toil.clock.global_if_alive() {
            toil.history.lock().unwrap().end(now, toil.me, *held);
        }
    }
}

/// Says when this process believes that it holds a role, and when no longer.
pub(crate) async fn believe(
    mut watch: RoleWatch,
    (seat, me): (usize, Incarnation),
    clock: Arc<ProcessClock>,
    history: Arc<Mutex<History>>,
) {
    let role = Held::Role(watch.role());
    while let Some(leadership) = watch.held().await {
        history.lock().unwrap().begin(clock.global(), seat, me, role);
        leadership.lost().await;
        history.lock().unwrap().end(clock.global(), me, role);
    }
}
