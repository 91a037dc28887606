//! Schedules: what is due becomes a job once, whoever dispatches.

use super::dispatch::chores;
use super::stage::{
    Act, BEGIN, KIND, Player, Stage, campaign, catalog, changing, commit, enqueue, queue, row, until,
};
use super::{Queue, Runner};
use crate::election::{BootClock, MemoryElection};
use crate::{Chore, ChoreWork};
use proget_core::access::Actor;
use proget_core::catalog::{
    ChangeSet, Fence, FenceChange, JobChange, JobFilter, JobRow, JobState, Jobs as _, PageRequest, Role,
};
use proget_core::ids::Incarnation;
use proget_core::memory::MemoryCatalog;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const S: Duration = Duration::from_secs(1);

async fn put(catalog: &MemoryCatalog, name: &str, cron: &str, kind: &str, enabled: bool) {
    let put = JobChange::PutSchedule {
        name: name.into(),
        cron: cron.into(),
        kind: kind.into(),
        key: String::new(),
        input: "{}".into(),
        enabled,
    };
    commit(catalog, changing(put)).await.unwrap();
}

async fn jobs(catalog: &MemoryCatalog) -> Vec<JobRow> {
    let mut jobs = catalog.jobs(&JobFilter::default(), &PageRequest::first(1000)).await.unwrap().rows;
    jobs.sort_by_key(|job| job.occurrence.clone());
    jobs
}

/// Plants a fence as an elector would; each has a higher term.
async fn plant(catalog: &MemoryCatalog, term: i64) -> ChoreWork {
    let fence = Fence { role: Role::PRIMARY, term, holder: Incarnation::random() };
    let Fence { role, holder, .. } = fence;
    let plant = ChangeSet::by(Actor("test".into())).with(FenceChange::Plant { role, term, holder });
    commit(catalog, plant).await.unwrap();
    ChoreWork { fence: Some(fence), stop: CancellationToken::new() }
}

fn idle(catalog: &Stage) -> Queue {
    let mut queue = queue(catalog, "a", &Player::new(Act::Well, 0));
    queue.jobs.clear();
    queue
}

fn dispatcher(catalog: &Stage) -> Arc<dyn Chore> {
    let [dispatch, _] = chores(&idle(catalog));
    dispatch
}

#[tokio::test]
async fn two_nodes_that_take_turns_as_primary_make_exactly_one_job_for_each_occurrence() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 1000));
    put(&catalog, "minutely", "* * * * *", KIND.as_str(), true).await;
    let election = MemoryElection::new(Arc::new(BootClock));
    let nodes = ["a", "b"].map(|name| {
        let (elector, watch) = campaign(&catalog, &election, name);
        (elector, Runner::new().led(watch).queue(queue(&catalog, name, &player)).start())
    });
    for turn in 0..12_usize {
        catalog.clock.advance(60 * S);
        until("this minute's job is done", async || {
            for (_, runner) in &nodes {
                assert!(runner.run_now("dispatch-schedules"));
            }
            let jobs = jobs(&catalog).await;
            jobs.len() == turn + 1 && jobs.iter().all(|job| job.state == JobState::Done)
        })
        .await;
        if turn % 3 == 2 {
            nodes.iter().for_each(|(elector, _)| elector.resign(Role::PRIMARY));
        }
    }
    let jobs = jobs(&catalog).await;
    let due: Vec<i64> = jobs.iter().map(|job| job.occurrence.as_ref().unwrap().due.0 - BEGIN.0).collect();
    let expected: Vec<i64> = (0..12).map(|minute| 10_000 + minute * 60_000).collect();
    assert_eq!(due, expected, "each minute from the first on, once");
    assert_eq!(player.begun(), 12);
    assert!(jobs.iter().all(|job| job.attempt == 1), "{jobs:?}");
}

#[tokio::test]
async fn two_dispatchers_at_once_make_one_job_and_one_with_an_old_fence_makes_none() {
    let catalog = catalog().await;
    put(&catalog, "minutely", "* * * * *", "of-another-build", true).await;
    let old = plant(&catalog, 1).await;
    let new = plant(&catalog, 2).await;
    catalog.clock.advance(11 * S);
    let dispatcher = dispatcher(&catalog);
    let fenced = dispatcher.tend(&old).await.unwrap_err();
    assert!(fenced.to_string().contains("'minutely'"), "{fenced}");
    assert_eq!(jobs(&catalog).await, Vec::new());
    let (one, two) = tokio::join!(dispatcher.tend(&new), dispatcher.tend(&new));
    let mut found = [one.unwrap().0, two.unwrap().0];
    found.sort();
    assert_eq!(found, [String::new(), "dispatched minutely".to_owned()]);
    let jobs = jobs(&catalog).await;
    assert_eq!((jobs.len(), jobs[0].kind.as_str(), jobs[0].attempts), (1, "of-another-build", 5));
}

#[tokio::test]
async fn several_missed_occurrences_are_one_and_disabled_schedules_and_wrong_ones_keep_nobody_waiting() {
    let catalog = catalog().await;
    put(&catalog, "a-wrong", "61 * * * *", "x", true).await;
    put(&catalog, "disabled", "* * * * *", "x", false).await;
    put(&catalog, "hourly", "0 * * * *", "x", true).await;
    let primary = plant(&catalog, 1).await;
    catalog.clock.advance(5 * 3600 * S);
    let told = dispatcher(&catalog).tend(&primary).await.unwrap_err();
    assert!(told.to_string().contains("'a-wrong' cannot be followed"), "{told}");
    let jobs = jobs(&catalog).await;
    let occurrence = jobs[0].occurrence.clone().unwrap();
    assert_eq!((jobs.len(), occurrence.schedule.as_str()), (1, "hourly"));
    assert_eq!(occurrence.due, BEGIN.plus(10 * S + 4 * 3600 * S), "the latest of those that were missed");
}

#[tokio::test]
async fn the_primary_forgets_jobs_that_have_long_been_over_and_no_others() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 0));
    let over = enqueue(&catalog, &player, "over").await;
    commit(&*catalog, changing(JobChange::Cancel(over))).await.unwrap();
    let waiting = enqueue(&catalog, &player, "waits").await;
    let [_, forget] = chores(&idle(&catalog));
    let primary = plant(&catalog, 1).await;
    catalog.clock.advance(29 * 24 * 3600 * S);
    forget.tend(&primary).await.unwrap();
    assert_eq!(row(&catalog, over).await.state, JobState::Cancelled);
    catalog.clock.advance(2 * 24 * 3600 * S);
    forget.tend(&primary).await.unwrap();
    assert_eq!(catalog.job(over).await.unwrap(), None);
    assert_eq!(row(&catalog, waiting).await.state, JobState::Waiting);
}
