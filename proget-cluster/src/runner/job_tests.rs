//! Jobs, done by runners over one catalogue in memory.

use super::stage::{
    Act, Player, StoppedClock, a_while, catalog, changing, commit, enqueue, mode, node, queue, row, stands,
    start, until,
};
use super::{DrainReport, Intake, Runner};
use crate::job::{Job, JobError, Work};
use proget_core::access::Actor;
use proget_core::catalog::{
    CatalogError, ChangeSet, Conflict, Expect, Instance as _, InstanceChange, JobChange, JobKind, JobState,
    Jobs as _,
};
use proget_core::cluster::ClusterMode;
use proget_core::ids::{ClaimToken, Incarnation};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

const S: Duration = Duration::from_secs(1);

#[tokio::test]
async fn three_runners_do_each_job_once() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 100));
    let mut jobs = Vec::new();
    for key in 0..20 {
        jobs.push(enqueue(&catalog, &player, &key.to_string()).await);
    }
    let runners = ["a", "b", "c"].map(|name| start(&catalog, name, &player));
    for id in jobs {
        let row = stands(&catalog, id, JobState::Done).await;
        assert_eq!((row.attempt, row.outcome.as_deref()), (1, Some("played")));
        let log = catalog.job_log(id, 0, 9).await.unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].text, "it goes well");
    }
    assert_eq!(player.begun(), 20);
    let tallies = runners.each_ref().map(|runner| runner.work().unwrap().tally);
    assert_eq!(tallies.iter().map(|tally| tally.done).sum::<u64>(), 20);
    assert_eq!(tallies.iter().map(|tally| tally.lost + tally.failed).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_runner_does_at_most_as_many_jobs_at_once_as_it_may_and_a_hint_is_faster_than_a_poll() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 0));
    let mut queue = queue(&catalog, "a", &player);
    (queue.limit, queue.timing.poll) = (3, 3600 * S);
    enqueue(&catalog, &player, "0").await;
    let running = Runner::new().queue(queue).start();
    until("the first is claimed", async || player.begun() == 1).await;
    // It polls once an hour; by now it has looked again and found nothing.
    a_while().await;
    for key in 1..7 {
        enqueue(&catalog, &player, &key.to_string()).await;
    }
    running.hint();
    until("its seats are taken", async || player.begun() == 3).await;
    a_while().await;
    assert_eq!((player.begun(), running.work().unwrap().running.len()), (3, 3));
    player.gate.add_permits(7);
    until("all are done", async || running.work().unwrap().tally.done == 7).await;
    assert_eq!(player.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_job_that_takes_longer_than_its_claim_is_renewed_and_says_how_far_it_is() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 0));
    let id = enqueue(&catalog, &player, "").await;
    let _runners = ["a", "b"].map(|name| start(&catalog, name, &player));
    until("it is claimed", async || player.begun() == 1).await;
    for _ in 0..8 {
        catalog.clock.advance(4 * S);
        until("it is renewed", async || {
            let left = row(&catalog, id).await.claim.and_then(|claim| claim.left);
            left.is_some_and(|left| left > 7 * S)
        })
        .await;
    }
    let now = row(&catalog, id).await;
    assert_eq!((now.state, now.attempt, now.progress.as_str()), (JobState::Running, 1, "half of it"));
    player.gate.add_permits(1);
    stands(&catalog, id, JobState::Done).await;
    assert_eq!(player.begun(), 1);
}

#[tokio::test]
async fn work_whose_claim_is_lost_is_told_to_stop_and_its_end_is_not_written() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 0));
    let id = enqueue(&catalog, &player, "").await;
    let queue = queue(&catalog, "a", &player);
    let holder = queue.holder;
    let first = Runner::new().queue(queue).start();
    stands(&catalog, id, JobState::Running).await;
    first.pause();
    // An operator removes the node; another takes the job at once.
    commit(&*catalog, changing(JobChange::ReleaseAllOf(holder))).await.unwrap();
    let second = start(&catalog, "b", &player);
    until("the first is told", async || player.told_to_stop() == 1).await;
    until("the first has lost it", async || first.work().unwrap().tally.lost == 1).await;
    assert_eq!(first.work().unwrap().running.len(), 0);
    let now = row(&catalog, id).await;
    assert_eq!((now.state, now.claim.unwrap().node), (JobState::Running, node("b")));
    player.gate.add_permits(1);
    stands(&catalog, id, JobState::Done).await;
    let work = second.work().unwrap();
    assert_eq!(
        (work.tally.done, work.kinds.get(super::stage::KIND.as_str())),
        (1, Some(&work.tally)),
        "by kind as well"
    );
}

#[tokio::test]
async fn what_a_frozen_runner_writes_late_is_refused_with_all_of_its_effects() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 0));
    let id = enqueue(&catalog, &player, "").await;
    // Its clock stands still: it neither renews nor stops believing.
    let mut frozen = queue(&catalog, "a", &player);
    frozen.clock = Arc::new(StoppedClock);
    let frozen = Runner::new().queue(frozen).start();
    let claimed = stands(&catalog, id, JobState::Running).await;
    let late = Work::new(claimed.clone(), claimed.claim.unwrap().token, node("a"), catalog.catalog.clone());
    until("its work has begun", async || player.begun() == 1).await;
    frozen.pause();
    catalog.clock.advance(11 * S);
    let fresh_player = Player::new(Act::Well, 0);
    let fresh = start(&catalog, "b", &fresh_player);
    until("another has it", async || fresh_player.begun() == 1).await;
    let effect = || {
        let set = InstanceChange::Set { name: "late".into(), value: Some("effect".into()) };
        ChangeSet::by(Actor("test".into())).with(set)
    };
    for refused in [late.commit(effect()).await, late.complete(effect(), "late").await] {
        assert!(matches!(refused, Err(CatalogError::Conflict(Conflict::ClaimLost))), "{refused:?}");
    }
    assert!(late.stop().is_cancelled() && !late.is_completed());
    assert_eq!(catalog.settings().await.unwrap(), Vec::new());
    // Its work ends well, and nobody believes it.
    player.gate.add_permits(1);
    until("the frozen one hears it", async || frozen.work().unwrap().tally.lost == 1).await;
    assert_eq!(row(&catalog, id).await.state, JobState::Running);
    fresh_player.gate.add_permits(1);
    stands(&catalog, id, JobState::Done).await;
    assert_eq!(fresh.work().unwrap().tally.done, 1);
}

#[tokio::test]
async fn the_last_changes_of_a_job_and_its_completion_are_one_commit() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 0));
    let id = enqueue(&catalog, &player, "").await;
    let (token, holder) = (ClaimToken::random(), Incarnation::random());
    let claim = JobChange::Claim { job: id, token, node: node("a"), holder, hold: 30 * S };
    let claimed = commit(&*catalog, changing(claim)).await.unwrap().claimed.remove(0);
    let work = Work::new(claimed, token, node("a"), catalog.catalog.clone());
    let wrong = ChangeSet::by(work.actor()).expect(Expect::Setting("x".into(), Some("y".into())));
    assert!(work.complete(wrong, "too soon").await.is_err());
    assert_eq!((row(&catalog, id).await.state, work.is_completed()), (JobState::Running, false));
    let set = InstanceChange::Set { name: "x".into(), value: Some("y".into()) };
    work.complete(ChangeSet::by(work.actor()).with(set), "all of it").await.unwrap();
    assert_eq!(row(&catalog, id).await.outcome.as_deref(), Some("all of it"));
    assert_eq!(catalog.settings().await.unwrap().len(), 1);
    assert!(work.is_completed());
}

#[tokio::test]
async fn a_failed_job_is_tried_again_ever_later() {
    let (catalog, player) = (catalog().await, Player::new(Act::FailUntil(3), 0));
    let id = enqueue(&catalog, &player, "").await;
    let running = start(&catalog, "a", &player);
    let row = stands(&catalog, id, JobState::Done).await;
    assert_eq!((row.attempt, row.outcome.as_deref()), (3, Some("at last")));
    let when: Vec<Instant> = player.when.lock().unwrap().iter().map(|(_, at)| *at).collect();
    // The spread only adds.
    assert!(when[1] - when[0] >= Duration::from_millis(200), "{when:?}");
    assert!(when[2] - when[1] >= Duration::from_millis(400), "{when:?}");
    assert_eq!(running.work().unwrap().tally.failed, 2);
}

#[tokio::test]
async fn a_job_that_always_fails_or_panics_is_given_up_after_its_last_attempt() {
    for (act, why) in [(Act::FailUntil(u32::MAX), "not yet"), (Act::Panic, "the work panicked")] {
        let (catalog, player) = (catalog().await, Player::new(act, 0));
        let id = enqueue(&catalog, &player, "").await;
        let running = start(&catalog, "a", &player);
        let row = stands(&catalog, id, JobState::Failed).await;
        assert_eq!((row.attempt, row.outcome.as_deref()), (3, Some(why)));
        catalog.clock.advance(7200 * S);
        a_while().await;
        assert_eq!((player.begun(), running.work().unwrap().tally.failed), (3, 3));
    }
}

#[tokio::test]
async fn a_job_that_takes_every_node_with_it_is_given_up_but_a_killed_node_is_no_fault_of_the_job() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 1));
    let (killed, deadly) =
        (enqueue(&catalog, &player, "killed").await, enqueue(&catalog, &player, "deadly").await);
    for (id, deaths) in [(killed, 4), (deadly, 6)] {
        for _ in 0..deaths {
            let (token, holder) = (ClaimToken::random(), Incarnation::random());
            let claim = JobChange::Claim { job: id, token, node: node("x"), holder, hold: S };
            commit(&*catalog, changing(claim)).await.unwrap();
            catalog.clock.advance(2 * S);
        }
    }
    let _running = start(&catalog, "a", &player);
    assert_eq!(stands(&catalog, killed, JobState::Done).await.attempt, 5);
    let row = stands(&catalog, deadly, JobState::Failed).await;
    assert!(row.outcome.unwrap().starts_with("given up"));
    assert_eq!(player.begun(), 1);
}

#[tokio::test]
async fn an_operator_calls_a_job_off_even_if_its_work_is_deaf() {
    for act in [Act::Well, Act::Deaf] {
        let (catalog, player) = (catalog().await, Player::new(act, 0));
        let id = enqueue(&catalog, &player, "").await;
        let running = start(&catalog, "a", &player);
        stands(&catalog, id, JobState::Running).await;
        commit(&*catalog, changing(JobChange::Cancel(id))).await.unwrap();
        stands(&catalog, id, JobState::Cancelled).await;
        until("it is counted", async || running.work().unwrap().tally.cancelled == 1).await;
        assert_eq!(player.at_once.load(Ordering::SeqCst), 0, "nothing runs any more");
    }
}

#[tokio::test]
async fn a_drain_waits_for_jobs_and_gives_back_what_does_not_end_in_time() {
    for act in [Act::Well, Act::Deaf] {
        let (catalog, player) = (catalog().await, Player::new(act, 0));
        let (first, second) = (enqueue(&catalog, &player, "1").await, enqueue(&catalog, &player, "2").await);
        let running = start(&catalog, "a", &player);
        until("both run", async || player.begun() == 2).await;
        let third = enqueue(&catalog, &player, "3").await;
        let begun = Instant::now();
        player.gate.add_permits(usize::from(act == Act::Well));
        let report = running.drain(S).await;
        let (ended, given_back) = if act == Act::Well { (1, 1) } else { (0, 2) };
        assert_eq!(report, DrainReport { ended, given_back, lost: 0 });
        assert!(begun.elapsed() >= S, "{:?}", begun.elapsed());
        let rows = [row(&catalog, first).await, row(&catalog, second).await, row(&catalog, third).await];
        let waiting: Vec<_> = rows.iter().filter(|row| row.state == JobState::Waiting).collect();
        assert_eq!(waiting.len(), if act == Act::Well { 2 } else { 3 });
        assert!(waiting.iter().all(|row| row.attempt == 0), "an attempt that is given back does not count");
        assert_eq!(running.work().unwrap().intake, Intake::Paused);
        if act == Act::Well {
            player.gate.add_permits(2);
            running.resume();
            for id in [first, second, third] {
                stands(&catalog, id, JobState::Done).await;
            }
        }
        assert_eq!(running.stop(S).await.lost, 0);
        assert_eq!(player.at_once.load(Ordering::SeqCst), 0);
        assert_eq!(Arc::strong_count(&player), 1, "the runner still holds the handler");
    }
}

#[tokio::test]
async fn a_node_that_the_mode_does_not_let_serve_claims_nothing_until_the_settings_change() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 9));
    mode(&*catalog, ClusterMode::LoadBalanced, Some(node("b"))).await;
    let id = enqueue(&catalog, &player, "").await;
    let running = start(&catalog, "a", &player);
    until("it has noticed", async || running.work().unwrap().barred).await;
    a_while().await;
    assert_eq!((player.begun(), row(&catalog, id).await.attempt), (0, 0));
    // Some other setting: it asks again, and is told the same.
    let set = InstanceChange::Set { name: "x".into(), value: Some("y".into()) };
    commit(&*catalog, ChangeSet::by(Actor("test".into())).with(set)).await.unwrap();
    a_while().await;
    assert_eq!(player.begun(), 0);
    mode(&*catalog, ClusterMode::LoadBalanced, Some(node("a"))).await;
    stands(&catalog, id, JobState::Done).await;
    assert!(!running.work().unwrap().barred);
}

#[tokio::test]
async fn jobs_of_kinds_that_a_node_does_not_know_wait_for_one_that_does() {
    let (catalog, player) = (catalog().await, Player::new(Act::Well, 1));
    let id = enqueue(&catalog, &player, "").await;
    let mut knows_nothing = queue(&catalog, "old", &player);
    knows_nothing.jobs.clear();
    let _old = Runner::new().queue(knows_nothing).start();
    a_while().await;
    assert_eq!(row(&catalog, id).await.attempt, 0);
    let _new = start(&catalog, "new", &player);
    stands(&catalog, id, JobState::Done).await;
    let nodes: BTreeSet<String> = player.when.lock().unwrap().iter().map(|(node, _)| node.clone()).collect();
    assert_eq!(nodes, BTreeSet::from(["new".to_owned()]));
}

#[test]
fn the_usual_back_off_doubles_up_to_an_hour() {
    #[derive(Debug)]
    struct Usual;

    #[async_trait::async_trait]
    impl Job for Usual {
        fn kind(&self) -> JobKind {
            JobKind::new("usual")
        }

        fn about(&self) -> &'static str {
            "is as usual"
        }

        async fn run(&self, _: &Work) -> Result<String, JobError> {
            Err(JobError::new("never"))
        }
    }

    let seconds = [1, 2, 3, 9, 10, u32::MAX].map(|attempt| Usual.back_off(attempt).as_secs());
    assert_eq!(seconds, [10, 20, 40, 2560, 3600, 3600]);
    assert_eq!(Usual.wanted("key", "{}").attempts, 5);
}
