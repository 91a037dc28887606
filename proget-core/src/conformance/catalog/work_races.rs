//! Many nodes at once: each job, each occurrence and each change of the mode is had by one.

use super::bench::{Bench, LONG};
use super::concurrency::one_winner;
use super::jobs::{Claim, new_job};
use super::mode::{mode, node};
use super::schedules::occur;
use crate::catalog::{
    CatalogError, ChangeSet, Committed, Conflict, InstanceChange, JobChange, JobFilter, JobState, NewJob,
    PageRequest,
};
use crate::cluster::ClusterMode;
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::set;
use crate::ids::JobId;
use futures::FutureExt as _;
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) const CASES: &[Case<Bench>] = cases![
    one_of_many_claims_wins,
    one_of_many_takes_over_what_has_run_out,
    many_who_enqueue_the_same_make_one_job,
    a_job_that_is_claimed_and_enqueued_at_once_loses_nothing,
    one_of_many_dispatches_of_an_occurrence_wins,
    one_of_many_changes_of_the_mode_wins,
    one_of_many_first_nodes_becomes_the_service_node,
];

const MANY: usize = 20;

/// Commits all sets at once.
async fn race(bench: &Bench, sets: Vec<ChangeSet>) -> Vec<Result<Committed, CatalogError>> {
    let work = sets.into_iter().map(|set| {
        let bench = bench.clone();
        async move { bench.commit(set).await }.boxed()
    });
    bench.tasks.all(work.collect()).await
}

fn many(set: impl Fn(usize) -> ChangeSet) -> Vec<ChangeSet> {
    (0..MANY).map(set).collect()
}

async fn claim_by_one(bench: &Bench, job: JobId, attempt: u32) {
    let claims: Vec<Claim> = (0..MANY).map(|_| Claim::of(job)).collect();
    let outcomes = race(bench, many(|number| set().with(claims[number].for_(LONG)))).await;
    one_winner(&outcomes, Conflict::JobTaken);
    let row = bench.job_row(job).await;
    assert_eq!((row.state, row.attempt), (JobState::Running, attempt), "one attempt was made");
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    assert_eq!(row.claim.unwrap().token, claims[winner].token, "whoever was told so has it");
}

async fn one_of_many_claims_wins(bench: Bench) {
    let job = bench.enqueue(new_job("a")).await;
    claim_by_one(&bench, job, 1).await;
}

async fn one_of_many_takes_over_what_has_run_out(bench: Bench) {
    let job = bench.enqueue(new_job("a")).await;
    bench.claim(job, Duration::ZERO).await;
    claim_by_one(&bench, job, 2).await;
}

async fn many_who_enqueue_the_same_make_one_job(bench: Bench) {
    let enqueue = |number: usize| {
        set().with(JobChange::Enqueue(NewJob { input: format!("input {number}"), ..new_job("a") }))
    };
    let outcomes = race(&bench, many(enqueue)).await;
    let numbers: BTreeSet<JobId> = outcomes.into_iter().map(|outcome| outcome.unwrap().enqueued[0]).collect();
    assert_eq!(numbers.len(), 1, "all are told the same number: {numbers:?}");
    let rows = bench.jobs(&JobFilter::default(), &PageRequest::first(100)).await.unwrap().rows;
    assert_eq!(rows.len(), 1, "and there is one row: {rows:?}");
}

async fn a_job_that_is_claimed_and_enqueued_at_once_loses_nothing(bench: Bench) {
    for round in 0..10 {
        let key = format!("round {round}");
        let old = bench.enqueue(NewJob { input: "old".into(), ..new_job(&key) }).await;
        let enqueue = set().with(JobChange::Enqueue(NewJob { input: "new".into(), ..new_job(&key) }));
        let claim = set().with(Claim::of(old).for_(LONG));
        let sets = if round % 2 == 0 { vec![enqueue, claim] } else { vec![claim, enqueue] };
        let outcomes: Vec<Committed> =
            race(&bench, sets).await.into_iter().map(|outcome| outcome.unwrap()).collect();
        let (mut claimed, mut enqueued) = (Vec::new(), Vec::new());
        for committed in outcomes {
            claimed.extend(committed.claimed);
            enqueued.extend(committed.enqueued);
        }
        // Either it was absorbed in time, and the claim shows it; or it waits in a row of its own.
        if enqueued == [old] {
            assert_eq!(claimed[0].input, "new", "what was absorbed is done");
        } else {
            assert_eq!(claimed[0].input, "old");
            let row = bench.job_row(enqueued[0]).await;
            assert_eq!((row.state, row.input.as_str()), (JobState::Waiting, "new"));
        }
    }
}

async fn one_of_many_dispatches_of_an_occurrence_wins(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let due = last.plus(Duration::from_secs(60));
    let outcomes = race(&bench, many(|_| set().fenced(fence).with(occur("nightly", due, last)))).await;
    one_winner(&outcomes, Conflict::Occurred);
    assert_eq!(bench.claimable_now().await.len(), 1, "an occurrence has one row");
}

async fn one_of_many_changes_of_the_mode_wins(bench: Bench) {
    let from = bench.revised().await;
    let change = |number: usize| {
        let service = format!("node-{number}");
        set().with(mode(from, ClusterMode::LoadBalanced, Some(&service)))
    };
    let outcomes = race(&bench, many(change)).await;
    one_winner(&outcomes, Conflict::InstanceChanged);
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    let row = bench.instance().await.unwrap();
    assert_eq!(row.service_node, Some(node(&format!("node-{winner}"))));
}

async fn one_of_many_first_nodes_becomes_the_service_node(bench: Bench) {
    let settle = |number: usize| set().with(InstanceChange::Settle(node(&format!("node-{number}"))));
    let outcomes = race(&bench, many(settle)).await;
    assert!(outcomes.iter().all(Result::is_ok), "nobody is in anybody's way: {outcomes:?}");
    let settled = bench.instance().await.unwrap().service_node;
    assert!(settled.is_some());
    bench.change(InstanceChange::Settle(node("late"))).await;
    assert_eq!(bench.instance().await.unwrap().service_node, settled);
}
