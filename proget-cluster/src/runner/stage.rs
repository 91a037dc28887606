//! What the runner's tests play on: a catalogue in memory on a clock that can be turned forward, handlers
//! that do as they are told, and electors.

use super::{Queue, Runner, Running, WorkTiming};
use crate::election::{
    BootClock, Campaign, MemoryElection, RoleWatch, RunningElector, SteadyClock, Tick, Timing,
};
use crate::job::{Job, JobError, Work};
use crate::node::CatalogPlanter;
use async_trait::async_trait;
use proget_core::access::Actor;
use proget_core::catalog::{
    Catalog, CatalogError, ChangeSet, Committed, InstanceChange, JobChange, JobKind, JobRow, JobState,
    Jobs as _, Role,
};
use proget_core::clock::{Clock, Timestamp};
use proget_core::cluster::{ClusterMode, NodeName};
use proget_core::ids::{Incarnation, JobId};
use proget_core::memory::MemoryCatalog;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(super) const KIND: JobKind = JobKind::new("play");

/// Where the clocks begin: a Sunday, ten seconds before a full hour.
pub(super) const BEGIN: Timestamp = Timestamp(1_795_345_190_000);

/// Real time, which a test turns forward where it would be long; catalogue and runners agree on it.
#[derive(Debug)]
pub(super) struct StageClock(std::time::Instant, AtomicU64);

impl StageClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(std::time::Instant::now(), AtomicU64::new(0)))
    }

    pub(super) fn advance(&self, by: Duration) {
        self.1.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn passed(&self) -> Duration {
        self.0.elapsed() + Duration::from_millis(self.1.load(Ordering::SeqCst))
    }
}

impl Clock for StageClock {
    fn now(&self) -> Timestamp {
        BEGIN.plus(self.passed())
    }

    fn tick(&self) -> std::time::Instant {
        self.0 + self.passed()
    }
}

impl SteadyClock for StageClock {
    fn tick(&self) -> Tick {
        Tick(self.passed())
    }
}

/// Derefs to its catalogue.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) clock: Arc<StageClock>,
    pub(super) catalog: Arc<MemoryCatalog>,
}

impl std::ops::Deref for Stage {
    type Target = MemoryCatalog;

    fn deref(&self) -> &MemoryCatalog {
        &self.catalog
    }
}

/// The clock of a process that does not notice that it was frozen.
#[derive(Debug)]
pub(super) struct StoppedClock;

impl SteadyClock for StoppedClock {
    fn tick(&self) -> Tick {
        Tick::default()
    }
}

/// A catalogue in high availability, so that every node may serve.
pub(super) async fn catalog() -> Stage {
    let clock = StageClock::new();
    let catalog = Arc::new(MemoryCatalog::new(clock.clone()));
    mode(&*catalog, ClusterMode::HighAvailability, None).await;
    Stage { clock, catalog }
}

pub(super) async fn mode(catalog: &dyn Catalog, mode: ClusterMode, service_node: Option<NodeName>) {
    let from = catalog.revision().await.unwrap();
    let change = InstanceChange::Mode { from, mode, service_node };
    commit(catalog, ChangeSet::by(Actor("test".into())).with(change)).await.unwrap();
}

pub(super) async fn commit(catalog: &dyn Catalog, set: ChangeSet) -> Result<Committed, CatalogError> {
    catalog.commit(set).await
}

pub(super) fn changing(change: JobChange) -> ChangeSet {
    ChangeSet::by(Actor("test".into())).with(change)
}

pub(super) fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

/// What a handler is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Ends well, when it gets a permit of the gate.
    Well,
    /// Fails, unless this is the attempt of that number.
    FailUntil(u32),
    Panic,
    /// Passes over being told to stop.
    Deaf,
}

/// A handler that counts.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) act: Act,
    /// Each run that ends well takes one permit.
    pub(super) gate: Semaphore,
    pub(super) begun: AtomicU32,
    pub(super) at_once: AtomicU32,
    pub(super) most: AtomicU32,
    pub(super) told_to_stop: AtomicU32,
    pub(super) when: Mutex<Vec<(String, Instant)>>,
}

impl Player {
    pub(super) fn new(act: Act, permits: usize) -> Arc<Self> {
        Arc::new(Self {
            act,
            gate: Semaphore::new(permits),
            begun: AtomicU32::new(0),
            at_once: AtomicU32::new(0),
            most: AtomicU32::new(0),
            told_to_stop: AtomicU32::new(0),
            when: Mutex::default(),
        })
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }

    pub(super) fn told_to_stop(&self) -> u32 {
        self.told_to_stop.load(Ordering::SeqCst)
    }
}

/// Counts down even if the run is dropped.
struct AtOnce<'a>(&'a AtomicU32);

impl Drop for AtOnce<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Job for Player {
    fn kind(&self) -> JobKind {
        KIND
    }

    fn about(&self) -> &'static str {
        "plays its part in a test"
    }

    fn attempts(&self) -> u32 {
        3
    }

    fn back_off(&self, attempt: u32) -> Duration {
        Duration::from_millis(200) * attempt
    }

    async fn run(&self, work: &Work) -> Result<String, JobError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(self.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _at_once = AtOnce(&self.at_once);
        self.when.lock().unwrap().push((work.node().to_string(), Instant::now()));
        work.progress("half of it");
        match self.act {
            Act::Panic => panic!("as it was told"),
            Act::FailUntil(attempt) if work.job().attempt < attempt => Err(JobError::new("not yet")),
            Act::FailUntil(_) => Ok("at last".into()),
            Act::Deaf => std::future::pending().await,
            Act::Well => {
                tokio::select! {
                    permit = self.gate.acquire() => permit.unwrap().forget(),
                    () = work.stop().cancelled() => {
                        self.told_to_stop.fetch_add(1, Ordering::SeqCst);
                        return Err(JobError::new("told to stop"));
                    }
                }
                work.say("it goes well").await;
                Ok("played".into())
            }
        }
    }
}

pub(super) fn queue(stage: &Stage, name: &str, player: &Arc<Player>) -> Queue {
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    let catalog: Arc<dyn Catalog> = stage.catalog.clone();
    let mut queue = Queue::new(catalog, node(name), Incarnation::random()).job(player.clone());
    queue.clock = stage.clock.clone();
    let timing =
        WorkTiming { hold: s(10), renew: ms(400), margin: ms(500), call: s(3), poll: ms(30), grace: ms(300) };
    queue.timing = timing.checked().unwrap();
    queue
}

pub(super) fn start(stage: &Stage, name: &str, player: &Arc<Player>) -> Running {
    Runner::new().queue(queue(stage, name, player)).start()
}

pub(super) async fn enqueue(catalog: &MemoryCatalog, player: &Player, key: &str) -> JobId {
    let done = commit(catalog, changing(JobChange::Enqueue(player.wanted(key, "{}")))).await.unwrap();
    done.enqueued[0]
}

pub(super) async fn row(catalog: &MemoryCatalog, id: JobId) -> JobRow {
    catalog.job(id).await.unwrap().unwrap()
}

/// Waits until the job stands there.
pub(super) async fn stands(catalog: &MemoryCatalog, id: JobId, state: JobState) -> JobRow {
    until("the job stands as awaited", async || row(catalog, id).await.state == state).await;
    row(catalog, id).await
}

/// Waits for a level.
pub(super) async fn until(what: &str, reached: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reached().await {
        assert!(Instant::now() < deadline, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Long enough for what must not happen to happen; if it is too short, nothing fails for that.
pub(super) async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// An elector of the primary's role over a register of leases, standing; fences go to the catalogue.
pub(super) fn campaign(stage: &Stage, election: &MemoryElection, name: &str) -> (RunningElector, RoleWatch) {
    let campaign = Campaign {
        me: Incarnation::random(),
        election: Arc::new(election.clone()),
        fences: Arc::new(CatalogPlanter::new(stage.catalog.clone(), node(name))),
        clock: Arc::new(BootClock),
    };
    let elector = campaign.start(&[Role::PRIMARY], Timing::default());
    elector.stand();
    let watch = elector.watch(Role::PRIMARY).unwrap();
    (elector, watch)
}
