//! How jobs end, what is kept of them, and how they are looked at.

use super::bench::{Bench, LONG};
use super::jobs::{Claim, KIND, done, new_job};
use crate::catalog::{
    Conflict, JobChange, JobEnd, JobFilter, JobKind, JobLine, JobState, NewJob, Page, PageRequest,
};
use crate::clock::Timestamp;
use crate::conformance::case::{Case, cases, others_first};
use crate::conformance::sample::set;
use crate::ids::JobId;
use std::time::Duration;

pub(super) const CASES: &[Case<Bench>] = cases![
    a_failed_attempt_is_tried_again_until_the_last,
    a_failed_attempt_waits_before_the_next,
    a_released_attempt_does_not_count,
    a_waiting_job_that_is_called_off_is_over,
    a_running_job_that_is_called_off_is_told,
    a_job_whose_claim_has_run_out_is_called_off_at_once,
    what_a_job_says_is_kept_in_order,
    jobs_that_have_been_over_for_long_are_forgotten,
    the_longest_due_comes_first,
    jobs_are_listed_newest_first_by_state_and_kind,
];

fn failed(again: Duration) -> JobEnd {
    JobEnd::Failed { why: "it broke".into(), again }
}

async fn a_failed_attempt_is_tried_again_until_the_last(bench: Bench) {
    let id = bench.enqueue(NewJob { attempts: 2, ..new_job("a") }).await;
    let first = bench.claim(id, LONG).await;
    bench.change(first.finish(failed(Duration::ZERO))).await;
    let row = bench.job_row(id).await;
    assert_eq!((row.state, row.attempt, row.outcome.as_deref()), (JobState::Waiting, 1, Some("it broke")));
    assert!(row.claim.is_none() && row.finished.is_none());
    assert_eq!(bench.claimable_now().await, [id]);
    bench.refused(set().expect(first.held()), Conflict::ClaimLost, "an attempt that has ended").await;
    let second = bench.claim(id, LONG).await;
    bench.change(second.finish(failed(Duration::ZERO))).await;
    let row = bench.job_row(id).await;
    assert_eq!((row.state, row.attempt, row.outcome.as_deref()), (JobState::Failed, 2, Some("it broke")));
    assert!(row.claim.is_none() && row.finished.is_some());
    assert_eq!(bench.claimable_now().await, []);
}

async fn a_failed_attempt_waits_before_the_next(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(id, LONG).await;
    bench.change(claim.finish(failed(LONG))).await;
    let row = bench.job_row(id).await;
    assert!(row.due > row.enqueued.plus(LONG / 2), "it is put off");
    assert_eq!(bench.claimable_now().await, []);
    let early = set().with(Claim::of(id).for_(LONG));
    bench.refused(early, Conflict::JobTaken, "a job that was put off").await;
}

async fn a_released_attempt_does_not_count(bench: Bench) {
    let id = bench.enqueue(NewJob { attempts: 1, ..new_job("a") }).await;
    for _ in 0..3 {
        let claim = bench.claim(id, LONG).await;
        assert_eq!(bench.job_row(id).await.attempt, 1);
        bench.change(claim.finish(JobEnd::Released)).await;
        let row = bench.job_row(id).await;
        assert_eq!((row.state, row.attempt, row.outcome), (JobState::Waiting, 0, None));
        assert_eq!(bench.claimable_now().await, [id], "it waits again, and is due");
    }
}

async fn a_waiting_job_that_is_called_off_is_over(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    bench.change(JobChange::Cancel(id)).await;
    let row = bench.job_row(id).await;
    assert!(row.state == JobState::Cancelled && row.finished.is_some());
    assert_eq!(bench.claimable_now().await, []);
    bench.refused(set().with(Claim::of(id).for_(LONG)), Conflict::JobTaken, "one called off").await;
    for gone in [id, JobId(987_654)] {
        bench.refused(set().with(JobChange::Cancel(gone)), Conflict::Absent, "there is nothing").await;
    }
    assert_ne!(bench.enqueue(new_job("a")).await, id, "one that was called off absorbs nothing");
}

async fn a_running_job_that_is_called_off_is_told(bench: Bench) {
    let ends = [
        (JobEnd::Cancelled, JobState::Cancelled, None),
        (JobEnd::Released, JobState::Cancelled, None),
        (failed(Duration::ZERO), JobState::Cancelled, Some("it broke")),
        (done(), JobState::Done, Some("it is done")),
    ];
    for (number, (end, state, outcome)) in ends.into_iter().enumerate() {
        let id = bench.enqueue(new_job(&number.to_string())).await;
        let claim = bench.claim(id, LONG).await;
        bench.change(JobChange::Cancel(id)).await;
        let row = bench.job_row(id).await;
        assert!(row.state == JobState::Running && row.cancel && row.finished.is_none());
        bench.done(set().expect(claim.held()).with(claim.renew(LONG, None))).await;
        bench.change(claim.finish(end)).await;
        let row = bench.job_row(id).await;
        assert_eq!((row.state, row.outcome.as_deref()), (state, outcome));
        assert!(row.claim.is_none() && row.finished.is_some());
        bench.refused(set().with(JobChange::Cancel(id)), Conflict::Absent, "a job that is over").await;
    }
}

async fn a_job_whose_claim_has_run_out_is_called_off_at_once(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(id, Duration::ZERO).await;
    bench.change(JobChange::Cancel(id)).await;
    assert_eq!(bench.job_row(id).await.state, JobState::Cancelled, "nobody is there to be told");
    assert_eq!(bench.claimable_now().await, []);
    bench.refused(set().with(claim.finish(done())), Conflict::ClaimLost, "its last holder").await;
    // One that was told and whose node then vanished is found by the next, who is told too.
    let id = bench.enqueue(new_job("b")).await;
    let claim = bench.claim(id, LONG).await;
    bench.done(set().with(JobChange::Cancel(id)).with(JobChange::ReleaseAllOf(claim.holder))).await;
    let rows = bench.done(set().with(Claim::of(id).for_(LONG))).await.claimed;
    assert!(rows[0].cancel, "whoever takes it over knows that it is to end");
}

async fn what_a_job_says_is_kept_in_order(bench: Bench) {
    let (id, other) = (bench.enqueue(new_job("a")).await, bench.enqueue(new_job("b")).await);
    let claim = bench.claim(id, LONG).await;
    bench.done(set().with(claim.say("one")).with(claim.say("two"))).await;
    bench.change(claim.renew(Duration::ZERO, None)).await;
    let next = bench.claim(id, LONG).await;
    bench.change(next.say("three")).await;
    let lines = bench.job_log(id, 0, 100).await.unwrap();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(lines.is_sorted_by(|a, b| a.number < b.number && a.at <= b.at), "{lines:?}");
    let after: Vec<JobLine> = bench.job_log(id, lines[0].number, 1).await.unwrap();
    assert_eq!(after, lines[1..2], "those after a number, no more than asked for");
    assert_eq!(bench.job_log(other, 0, 100).await.unwrap(), []);
    bench.change(next.finish(done())).await;
    assert_eq!(bench.job_log(id, 0, 100).await.unwrap(), lines, "it outlives the work");
}

async fn jobs_that_have_been_over_for_long_are_forgotten(bench: Bench) {
    let mut ids = Vec::new();
    for key in ["waits", "runs", "is done", "is called off"] {
        ids.push(bench.enqueue(new_job(key)).await);
    }
    let [waits, runs, over, called_off] = ids[..] else { panic!("four jobs") };
    bench.claim(runs, LONG).await;
    let claim = bench.claim(over, LONG).await;
    bench.done(set().with(claim.say("nearly")).with(claim.finish(done()))).await;
    bench.change(JobChange::Cancel(called_off)).await;
    bench.change(JobChange::Forget { over_for: LONG }).await;
    assert_eq!(bench.job_log(over, 0, 9).await.unwrap().len(), 1, "it has not been over for so long");
    bench.change(JobChange::Forget { over_for: Duration::ZERO }).await;
    for gone in [over, called_off] {
        assert_eq!(bench.job(gone).await.unwrap(), None);
        assert_eq!(bench.job_log(gone, 0, 9).await.unwrap(), []);
    }
    assert_eq!(bench.job_row(waits).await.state, JobState::Waiting);
    assert_eq!(bench.job_row(runs).await.state, JobState::Running);
}

/// Waits until the catalogue's clock has moved on.
async fn a_moment_later(bench: &Bench) {
    let now = async || -> Timestamp { bench.instance().await.unwrap().now };
    let begun = now().await;
    while now().await <= begun {
        others_first().await;
    }
}

async fn the_longest_due_comes_first(bench: Bench) {
    let (first, second) = (bench.enqueue(new_job("a")).await, bench.enqueue(new_job("b")).await);
    let run_out = bench.enqueue(new_job("c")).await;
    assert_eq!(bench.claimable_now().await, [first, second, run_out]);
    bench.claim(run_out, Duration::ZERO).await;
    assert_eq!(bench.claimable_now().await, [first, second, run_out], "also one that is to be taken over");
    a_moment_later(&bench).await;
    let claim = bench.claim(first, LONG).await;
    bench.change(claim.finish(failed(Duration::ZERO))).await;
    assert_eq!(bench.claimable_now().await, [second, run_out, first], "it is due since a moment only");
    let kinds = [JobKind::new(KIND)];
    let two: Vec<JobId> = bench.claimable(&kinds, 2).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(two, [second, run_out], "no more than asked for");
}

async fn jobs_are_listed_newest_first_by_state_and_kind(bench: Bench) {
    let mut ids = Vec::new();
    for number in 0..5 {
        let kind = if number % 2 == 0 { KIND } else { "other-kind" };
        let job = NewJob { kind: JobKind::new(kind), ..new_job(&number.to_string()) };
        ids.push(bench.enqueue(job).await);
    }
    let claim = bench.claim(ids[2], LONG).await;
    bench.change(claim.finish(done())).await;
    bench.claim(ids[4], Duration::ZERO).await;
    let list = async |state: Option<JobState>, kind: Option<&str>| {
        let filter = JobFilter { state, kind: kind.map(str::to_owned) };
        let mut request = PageRequest::first(2);
        let mut found = Vec::new();
        loop {
            let Page { rows, next } = bench.jobs(&filter, &request).await.unwrap();
            assert!(rows.len() <= 2 && found.len() < 100, "pages are as long as asked for, and end");
            found.extend(rows.into_iter().map(|row| row.id));
            match next {
                Some(after) => request.after = Some(after),
                None => return found,
            }
        }
    };
    let reversed = |wanted: &[usize]| wanted.iter().map(|at| ids[*at]).collect::<Vec<_>>();
    assert_eq!(list(None, None).await, reversed(&[4, 3, 2, 1, 0]));
    assert_eq!(list(None, Some("other-kind")).await, reversed(&[3, 1]));
    assert_eq!(list(Some(JobState::Waiting), None).await, reversed(&[3, 1, 0]));
    assert_eq!(list(Some(JobState::Waiting), Some(KIND)).await, reversed(&[0]));
    assert_eq!(list(Some(JobState::Done), None).await, reversed(&[2]));
    assert_eq!(list(Some(JobState::Running), None).await, reversed(&[4]), "run out or not");
    assert_eq!(list(Some(JobState::Failed), Some("none")).await, []);
}
