//! What the processes share: the catalogue, the package store and the register of leases, in memory and on one
//! clock. Messages are carried out here one at a time, at the moment at which they arrive.

use super::defence::{Defence, catalog};
use super::history::History;
use super::plain::Plain;
use futures::FutureExt as _;
use proget_cluster::election::{MemoryElection, SteadyClock, Tick};
use proget_core::access::Actor;
use proget_core::blob::{BlobKey, BlobStore as _, StoreError};
use proget_core::catalog::*;
use proget_core::clock::{Clock, Timestamp};
use proget_core::cluster::ClusterMode;
use proget_core::feed::{FeedName, FeedSettings};
use proget_core::format::FeedFormat as _;
use proget_core::memory::{MemoryCatalog, MemoryStore};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Where the catalogue's clock begins: a quarter of a minute before a full one.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_345_185_000);

/// The name of the one feed.
pub(crate) const FEED: &str = "internal";

/// Nothing in memory ever waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("parts in memory answer at once")
}

/// The simulated time, in microseconds.
#[derive(Debug)]
pub(crate) struct WorldClock {
    start: Instant,
    now: AtomicU64,
}

impl WorldClock {
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, now: u64) {
        let before = self.now.swap(now, Ordering::SeqCst);
        assert!(before <= now, "the simulated time went back from {before} to {now}");
    }

    fn passed(&self) -> Duration {
        Duration::from_micros(self.now())
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        BEGIN.plus(self.passed())
    }

    fn tick(&self) -> Instant {
        self.start + self.passed()
    }
}

impl SteadyClock for WorldClock {
    fn tick(&self) -> Tick {
        Tick(self.passed())
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<WorldClock>,
    /// With its defences, or without one.
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) store: MemoryStore,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) without: Option<Defence>,
    register: Mutex<MemoryElection>,
    replica: Mutex<MemoryElection>,
}

impl World {
    /// With one feed, one schedule, and high availability enabled.
    pub(crate) fn new(without: Option<Defence>) -> Arc<Self> {
        let clock = Arc::new(WorldClock { start: Instant::now(), now: AtomicU64::new(0) });
        let memory = Arc::new(MemoryCatalog::new(clock.clone()));
        let from = at_once(memory.revision()).unwrap();
        let schedule = JobChange::PutSchedule {
            name: "each-minute".into(),
            cron: "* * * * *".into(),
            kind: super::duties::TOIL.as_str().into(),
            key: "scheduled".into(),
            input: String::new(),
            enabled: true,
        };
        let (name, format) = (FeedName::new(FEED).unwrap(), Plain.id());
        let set = ChangeSet::by(Actor("test".into()))
            .with(InstanceChange::Mode { from, mode: ClusterMode::HighAvailability, service_node: None })
            .with(FeedChange::Create { name, format, settings: FeedSettings::default() })
            .with(schedule);
        at_once(memory.commit(set)).unwrap();
        let register = MemoryElection::new(clock.clone());
        Arc::new(Self {
            catalog: catalog(memory, without),
            store: MemoryStore::new(),
            history: Arc::default(),
            without,
            replica: Mutex::new(register.replica()),
            register: Mutex::new(register),
            clock,
        })
    }

    pub(crate) fn register(&self) -> MemoryElection {
        self.register.lock().unwrap().clone()
    }

    /// The replica has caught up.
    pub(crate) fn replicate(&self) {
        *self.replica.lock().unwrap() = self.register().replica();
    }

    /// The replica takes over, without what it had not got yet.
    pub(crate) fn fail_over(&self) {
        let promoted = self.replica.lock().unwrap().replica();
        self.replace(promoted, "the register fails over");
    }

    /// The register is built anew and knows nothing.
    pub(crate) fn forget_leases(&self) {
        self.replace(MemoryElection::new(self.clock.clone()), "the register forgets everything");
    }

    fn replace(&self, register: MemoryElection, what: &str) {
        *self.register.lock().unwrap() = register;
        self.history.lock().unwrap().shaken(self.clock.now(), what);
    }

    /// Commits, and tells the history what became of it.
    pub(crate) fn commit(&self, set: ChangeSet) -> Result<Committed, CatalogError> {
        let outcome = at_once(self.catalog.commit(set.clone()));
        let mut history = self.history.lock().unwrap();
        let now = self.clock.now();
        match &outcome {
            Ok(done) => {
                let is_there = |key: &BlobKey| at_once(self.store.head(key)).unwrap().is_some();
                history.committed(now, &set, done, is_there);
            }
            Err(error) => history.refused(now, &set, error),
        }
        outcome
    }

    /// Deletes from the store, and tells the history.
    pub(crate) fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.history.lock().unwrap().deleted(self.clock.now(), key);
        at_once(self.store.delete(key))
    }
}
