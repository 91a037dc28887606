//! One process: a tokio runtime of its own, whose time runs at its own rate and only when it is let. To freeze
//! it is not to let it run; when it goes on, its clock has jumped, as after SIGCONT. To kill it is to drop
//! the runtime with all that is in it.

use super::chance::Chance;
use super::client::{Desk, Wish};
use super::defence::timing;
use super::duties::{Ledger, Sweep, Toil, believe};
use super::plain::Plain;
use super::wire::{Letter, Reply, Weather, Wire};
use super::wired_catalog::WiredCatalog;
use super::wired_register::WiredRegister;
use super::wired_store::WiredStore;
use super::world::World;
use async_trait::async_trait;
use futures::future::BoxFuture;
use proget_cluster::election::{Campaign, RunningElector, SteadyClock, Tick};
use proget_cluster::node::CatalogPlanter;
use proget_cluster::{Queue, Runner, Running, WorkTiming};
use proget_core::blob::{IntakeLimits, PackageStore};
use proget_core::catalog::{Catalog, Role};
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use proget_core::memory::MemoryStaging;
use proget_core::registry::{FreshCatalog, Registry, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::Instant;
use uuid::Uuid;

/// A process's own clock, and how it stands to the simulated time.
#[derive(Debug)]
pub(crate) struct ProcessClock {
    /// When the process began, in simulated microseconds.
    begun: u64,
    /// So many thousandths of the simulated time pass here.
    rate: u64,
    /// What its clock showed then.
    origin: Duration,
    start: Instant,
    dead: AtomicBool,
}

impl ProcessClock {
    /// The simulated time at this process's present moment. Only from within its runtime.
    pub(crate) fn global(&self) -> u64 {
        let passed = u64::try_from(self.start.elapsed().as_micros()).unwrap();
        self.begun + passed * 1000 / self.rate
    }

    /// The same; `None` if the process is no more, and its runtime with it.
    pub(crate) fn global_if_alive(&self) -> Option<u64> {
        (!self.dead.load(Ordering::SeqCst)).then(|| self.global())
    }

    /// The first whole millisecond of this clock at which the simulated time is that, or later.
    fn at(&self, global: u64) -> Instant {
        let passed = global.saturating_sub(self.begun) * self.rate;
        self.start + Duration::from_millis(passed.div_ceil(1_000_000))
    }
}

impl SteadyClock for ProcessClock {
    fn tick(&self) -> Tick {
        Tick(self.origin + self.start.elapsed())
    }
}

/// What the use-cases ask of tokio.
#[derive(Debug)]
struct Tokio;

#[async_trait]
impl Runtime for Tokio {
    async fn offload(&self, work: proget_core::registry::Work) -> bool {
        work();
        true
    }

    async fn complete(&self, work: BoxFuture<'static, ()>) {
        // It ends well unless the process dies.
        let _ = tokio::spawn(work).await;
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// How a new process comes into the world.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) seat: usize,
    pub(crate) at: u64,
    pub(crate) rate: u64,
    pub(crate) chance: Chance,
}

pub(crate) struct Process {
    pub(crate) me: Incarnation,
    /// Where it is in the simulated time.
    pub(crate) now: u64,
    clock: Arc<ProcessClock>,
    wire: Arc<Wire>,
    desk: Arc<Desk>,
    _elector: RunningElector,
    _running: Running,
    /// Last, because what is above is in it.
    runtime: tokio::runtime::Runtime,
}

impl Process {
    pub(crate) fn begin(birth: Birth, world: &Arc<World>, weather: &Arc<Weather>) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (now, seat) = (birth.at, birth.seat);
        let parts = async { Parts::start(birth, world, weather) };
        let Parts { me, clock, wire, desk, elector, running } = runtime.block_on(parts);
        world.history.lock().unwrap().note(now, || format!("{seat} begins"));
        Self { me, now, clock, wire, desk, _elector: elector, _running: running, runtime }
    }

    /// Lets it run until it has sent something, or until that moment.
    pub(crate) fn run(&mut self, due: Vec<Reply>, wishes: Vec<Wish>, until: u64) {
        let (clock, wire, desk) = (&self.clock, &self.wire, &self.desk);
        self.now = self.runtime.block_on(async {
            due.into_iter().for_each(|reply| reply());
            for wish in wishes {
                tokio::spawn(wish.carry_out(Arc::clone(desk)));
            }
            tokio::select! {
                biased;
                () = wire.sent.notified() => {}
                () = tokio::time::sleep_until(clock.at(until)) => {}
            }
            clock.global()
        });
    }

    /// Goes on after it stood still: first with what it had heard meanwhile, or first with what it had waited for.
    pub(crate) fn thaw(&mut self, at: u64, due: Vec<Reply>, heard_first: bool) {
        let clock = &self.clock;
        self.now = self.runtime.block_on(async {
            let (before, after) = if heard_first { (due, Vec::new()) } else { (Vec::new(), due) };
            before.into_iter().for_each(|reply| reply());
            tokio::time::advance(clock.at(at).saturating_duration_since(Instant::now())).await;
            after.into_iter().for_each(|reply| reply());
            clock.global()
        });
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.wire.take()
    }

    /// SIGKILL.
    pub(crate) fn kill(self) {
        self.clock.dead.store(true, Ordering::SeqCst);
        drop(self);
    }
}

struct Parts {
    me: Incarnation,
    clock: Arc<ProcessClock>,
    wire: Arc<Wire>,
    desk: Arc<Desk>,
    elector: RunningElector,
    running: Running,
}

impl Parts {
    /// Within the process's runtime; nothing here waits.
    fn start(mut birth: Birth, world: &Arc<World>, weather: &Arc<Weather>) -> Self {
        let Birth { seat, at: begun, rate, .. } = birth;
        let chance = &mut birth.chance;
        let me = Incarnation(Uuid::from_u64_pair(chance.next(), chance.next()));
        let origin = Duration::from_millis(chance.below(1_000_000));
        let start = Instant::now();
        let clock = Arc::new(ProcessClock { begun, rate, origin, start, dead: AtomicBool::new(false) });
        let wire = Wire::new(seat, Arc::clone(&clock), Arc::clone(weather), chance.fork());
        let wired = WiredCatalog::new(Arc::clone(world), Arc::clone(&wire));
        let catalog: Arc<dyn Catalog> = Arc::new(wired);
        let store = Arc::new(WiredStore { world: Arc::clone(world), wire: Arc::clone(&wire) });
        // Nothing is kept in memory, so that every read asks the store.
        let limits = IntakeLimits { hot_blob_bytes: 0, hot_bytes: 0, ..IntakeLimits::default() };
        let packages = PackageStore::new(store, Arc::new(MemoryStaging::new()), limits);
        let fresh = FreshCatalog::new(Arc::clone(&catalog), Arc::new(Tokio));
        let registry = Registry::new(fresh, packages, vec![&Plain], Arc::new(Tokio)).known_as(me);
        let registry = Arc::new(registry);

        let name = NodeName::new(format!("node-{seat}")).unwrap();
        let campaign = Campaign {
            me,
            election: Arc::new(WiredRegister { world: Arc::clone(world), wire: Arc::clone(&wire) }),
            fences: Arc::new(CatalogPlanter::new(Arc::clone(&catalog), name.clone())),
            clock: clock.clone(),
        };
        let roles = [Role::PRIMARY, Role::SWEEPER];
        let elector = campaign.start(&roles, timing(world.without));
        elector.stand();
        let watches = roles.map(|role| elector.watch(role).unwrap());
        for watch in watches.clone() {
            tokio::spawn(believe(watch, (seat, me), Arc::clone(&clock), Arc::clone(&world.history)));
        }

        let mut queue = Queue::new(Arc::clone(&catalog), name, me);
        (queue.clock, queue.timing) = (clock.clone(), work_timing());
        let history = Arc::clone(&world.history);
        let toil = Toil { seat, me, clock: Arc::clone(&clock), history, chance: chance.fork().into() };
        let runner = watches.into_iter().fold(Runner::new(), Runner::led);
        let running = runner
            .queue(queue.job(Arc::new(toil)))
            .chore(Arc::new(Sweep(Arc::clone(&registry))))
            .chore(Arc::new(Ledger(Arc::clone(&catalog))))
            .start();
        let history = Arc::clone(&world.history);
        let desk = Arc::new(Desk { seat, registry, catalog, clock: Arc::clone(&clock), history });
        Self { me, clock, wire, desk, elector, running }
    }
}

fn work_timing() -> WorkTiming {
    let ms = Duration::from_millis;
    let timing = WorkTiming {
        hold: ms(10_000),
        renew: ms(2000),
        margin: ms(1500),
        call: ms(2000),
        poll: ms(1500),
        grace: ms(1000),
    };
    timing.checked().unwrap()
}
