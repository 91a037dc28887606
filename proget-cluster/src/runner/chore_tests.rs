//! Chores: on every node, and where a role is held.

use super::Runner;
use super::stage::{a_while, campaign, catalog, until};
use crate::election::{BootClock, MemoryElection};
use crate::{Chore, ChoreError, ChoreWork, Findings};
use proget_core::catalog::{Fence, Role};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const S: Duration = Duration::from_secs(1);

/// Fails the first time; then takes as long as it was told, and remembers its fences.
#[derive(Debug, Default)]
struct Counting {
    role: Option<Role>,
    every: Duration,
    takes: Duration,
    begun: AtomicU32,
    cut_off: AtomicU32,
    fences: Mutex<Vec<(Option<Fence>, Instant)>>,
}

impl Counting {
    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }
}

/// Counts a run that was dropped.
struct Dropped<'a>(&'a AtomicU32, bool);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(u32::from(!self.1), Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Chore for Counting {
    fn name(&self) -> &'static str {
        "count"
    }

    fn about(&self) -> &'static str {
        "counts its own runs"
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn held_as(&self) -> Option<Role> {
        self.role
    }

    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError> {
        let run = self.begun.fetch_add(1, Ordering::SeqCst);
        self.fences.lock().unwrap().push((work.fence, Instant::now()));
        let mut dropped = Dropped(&self.cut_off, false);
        sleep(self.takes).await;
        dropped.1 = true;
        if run == 0 {
            return Err(ChoreError { doing: "the first time fails".into(), source: None });
        }
        Ok(Findings(format!("run {run}")))
    }
}

#[tokio::test]
async fn a_failed_chore_is_tried_again_and_its_status_tells_how_it_went() {
    let chore = Arc::new(Counting { every: 3600 * S, ..Counting::default() });
    let running = Runner::new().chore(chore.clone()).start();
    assert!(!running.run_now("nothing of that name"));
    a_while().await;
    assert_eq!(running.status()[0].runs, 0, "it waits its time before the first run");
    assert!(running.run_now("count"));
    until("it has run", async || running.status()[0].runs == 1).await;
    assert_eq!(running.status()[0].last, Some(Err("the first time fails".into())));
    assert!(running.run_now("count"));
    until("it has run again", async || running.status()[0].runs == 2).await;
    assert_eq!(running.status()[0].last, Some(Ok("run 1".into())));
    assert!(running.work().is_none(), "there is no queue");
    running.stop(S).await;
}

#[tokio::test]
async fn a_chore_runs_again_and_again_at_its_time() {
    let chore = Arc::new(Counting { every: Duration::from_millis(20), ..Counting::default() });
    let _running = Runner::new().chore(chore.clone()).start();
    until("it has run three times", async || chore.begun() >= 3).await;
    let when: Vec<Instant> = chore.fences.lock().unwrap().iter().map(|(_, at)| *at).collect();
    assert!(when[2] - when[0] >= Duration::from_millis(40), "{when:?}");
}

#[tokio::test]
async fn after_stop_returns_nothing_runs_any_more() {
    let chore = Arc::new(Counting { takes: 3600 * S, every: 3600 * S, ..Counting::default() });
    let running = Runner::new().chore(chore.clone()).start();
    running.run_now("count");
    until("it runs", async || chore.begun() == 1).await;
    running.stop(S).await;
    assert_eq!(chore.cut_off.load(Ordering::SeqCst), 1);
    assert_eq!(Arc::strong_count(&chore), 1, "the runner still holds the chore");
}

#[tokio::test]
async fn a_chore_of_a_role_runs_where_nobody_was_told_who_leads_it_without_a_fence() {
    let chore = Arc::new(Counting {
        role: Some(Role::PRIMARY),
        every: Duration::from_millis(20),
        ..Counting::default()
    });
    let _running = Runner::new().chore(chore.clone()).start();
    until("its time has come", async || chore.begun() == 1).await;
    assert_eq!(chore.fences.lock().unwrap()[0].0, None);
}

#[tokio::test]
async fn a_chore_of_a_role_runs_where_the_role_is_held_is_cut_off_when_it_is_lost_and_goes_on_elsewhere_at_once()
 {
    let catalog = catalog().await;
    let election = MemoryElection::new(Arc::new(BootClock));
    let (role, every) = (Some(Role::PRIMARY), Duration::from_millis(100));
    let chores =
        [3600, 0].map(|takes| Arc::new(Counting { role, every, takes: takes * S, ..Counting::default() }));
    let (first, mut first_watch) = campaign(&catalog, &election, "a");
    first_watch.held().await.unwrap();
    let (_second, second_watch) = campaign(&catalog, &election, "b");
    let _runners = [
        Runner::new().led(first_watch.clone()).chore(chores[0].clone()).start(),
        Runner::new().led(second_watch.clone()).chore(chores[1].clone()).start(),
    ];
    until("it runs where the role is held", async || chores[0].begun() == 1).await;
    a_while().await;
    assert_eq!(chores[1].begun(), 0, "the other does not hold the role, though its time has come");
    first.stand_down().await;
    until("it goes on elsewhere", async || chores[1].begun() >= 1).await;
    until("it is cut off here", async || chores[0].cut_off.load(Ordering::SeqCst) == 1).await;
    let fences = [0, 1].map(|index: usize| chores[index].fences.lock().unwrap()[0].0.unwrap());
    assert!(fences[1].term > fences[0].term && fences[1].holder != fences[0].holder, "{fences:?}");
    a_while().await;
    assert_eq!(chores[0].begun(), 1, "the role is not held here any more");
}
