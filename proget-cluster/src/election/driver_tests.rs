//! Electors that run, over leases in memory, in real time with short leases.

use super::super::{BootClock, MemoryElection, RoleWatch};
use super::*;
use std::sync::Mutex;
use std::time::Instant;

const SWEEPER: Role = Role::SWEEPER;

/// Fences as a catalogue keeps them.
#[derive(Debug, Default)]
struct Fences(Mutex<Option<Fence>>);

#[async_trait]
impl FencePlanter for Fences {
    async fn plant(&self, fence: Fence) -> Plant {
        let mut planted = self.0.lock().unwrap();
        match *planted {
            Some(before) if before == fence => Plant::Planted,
            Some(before) if before.term >= fence.term => Plant::TooLow(before.term),
            _ => {
                *planted = Some(fence);
                Plant::Planted
            }
        }
    }
}

/// A register that does not answer any more.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Election for Silent {
    async fn acquire(
        &self,
        _: Incarnation,
        _: Role,
        _: i64,
        _: Duration,
    ) -> Result<Option<i64>, super::super::ElectionError> {
        std::future::pending().await
    }

    async fn renew(
        &self,
        _: Incarnation,
        _: &[Holding],
        _: Duration,
    ) -> Result<Vec<Holding>, super::super::ElectionError> {
        std::future::pending().await
    }

    async fn resign(&self, _: Incarnation, _: Holding) -> Result<(), super::super::ElectionError> {
        std::future::pending().await
    }

    async fn look(&self, _: &[Role]) -> Result<Vec<Lease>, super::super::ElectionError> {
        std::future::pending().await
    }
}

fn quick() -> Timing {
    let ms = Duration::from_millis;
    let timing = Timing {
        lease: ms(3000),
        renew: ms(200),
        margin: ms(200),
        poll: ms(50),
        call: ms(200),
        beat: ms(100),
        late: ms(400),
        lost: ms(3000),
    };
    timing.checked().unwrap()
}

fn elector(election: Arc<dyn Election>, fences: &Arc<Fences>) -> (RunningElector, RoleWatch) {
    let campaign = Campaign {
        me: Incarnation::random(),
        election,
        fences: Arc::clone(fences) as Arc<dyn FencePlanter>,
        clock: Arc::new(BootClock),
    };
    let running = campaign.start(&[SWEEPER], quick());
    let watch = running.watch(SWEEPER).unwrap();
    (running, watch)
}

/// What is awaited comes, or the test fails.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("it did not come in time")
}

#[tokio::test]
async fn a_successor_takes_over_with_a_higher_term_when_the_holder_dies_and_at_once_when_it_stands_down() {
    let election = Arc::new(MemoryElection::new(Arc::new(BootClock)));
    let fences = Arc::new(Fences::default());
    let (first, mut first_watch) = elector(election.clone(), &fences);
    first.stand();
    let held = soon(first_watch.held()).await.unwrap();
    assert_eq!(held.fence().unwrap().term, 1);
    let (second, mut second_watch) = elector(election.clone(), &fences);
    second.stand();
    // It dies: its task is gone, and nothing is given back.
    drop(first);
    let successor = soon(second_watch.held()).await.unwrap();
    assert_eq!(successor.term(), 2);
    assert!(held.fence().is_err(), "the dead one still trusts itself");
    let (third, mut third_watch) = elector(election, &fences);
    third.stand();
    soon(second.stand_down()).await;
    assert!(successor.fence().is_err());
    soon(successor.lost()).await;
    let began = Instant::now();
    assert_eq!(soon(third_watch.held()).await.unwrap().term(), 3);
    // Not after the whole lease; generous, because machines are busy.
    assert!(began.elapsed() < quick().lease, "it waited for the lease: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_role_given_up_is_lost_to_those_who_work_because_of_it() {
    let election = Arc::new(MemoryElection::new(Arc::new(BootClock)));
    let (running, mut watch) = elector(election, &Arc::default());
    running.stand();
    let held = soon(watch.held()).await.unwrap();
    running.resign(SWEEPER);
    soon(held.lost()).await;
    assert!(held.fence().is_err());
    // It may take it again, and that is another holding.
    assert_eq!(soon(watch.held()).await.unwrap().term(), 2);
    assert!(held.fence().is_err(), "an older holding came back to life");
}

#[tokio::test]
async fn a_fence_that_a_fail_over_lost_is_planted_again_by_its_holder() {
    let fences = Arc::new(Fences::default());
    let (running, mut watch) = elector(Arc::new(MemoryElection::new(Arc::new(BootClock))), &fences);
    running.stand();
    let held = soon(watch.held()).await.unwrap();
    *fences.0.lock().unwrap() = None;
    let planted_again = async {
        while fences.0.lock().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(planted_again).await;
    assert_eq!(*fences.0.lock().unwrap(), Some(held.fence().unwrap()), "the same holding goes on");
}

#[tokio::test]
async fn a_register_that_never_answers_makes_nobody_holder_and_does_not_keep_anybody_from_leaving() {
    let (running, watch) = elector(Arc::new(Silent), &Arc::default());
    running.stand();
    tokio::time::sleep(quick().call * 2).await;
    assert!(watch.now().is_none());
    soon(running.stand_down()).await;
}

#[tokio::test]
async fn a_fence_that_the_catalogue_has_passed_is_asked_for_anew_above_it() {
    let fences = Arc::new(Fences::default());
    let before = Fence { role: SWEEPER, term: 41, holder: Incarnation::random() };
    assert_eq!(fences.plant(before).await, Plant::Planted);
    let (running, mut watch) = elector(Arc::new(MemoryElection::new(Arc::new(BootClock))), &fences);
    running.stand();
    assert_eq!(soon(watch.held()).await.unwrap().term(), 42);
}
