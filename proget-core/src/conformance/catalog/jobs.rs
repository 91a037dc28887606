//! Jobs: how they come to wait, who may claim them, and what a claim is worth.
//!
//! A claim for no time at all has run out at once, so no case here has to wait for a clock.

use super::bench::{Bench, LONG};
use crate::catalog::{
    ChangeSet, ClaimRow, Conflict, Expect, FeedChange, JobChange, JobEnd, JobKind, JobRow, JobState, NewJob,
};
use crate::cluster::NodeName;
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set};
use crate::feed::FeedSettings;
use crate::ids::{ClaimToken, Incarnation, JobId};
use std::time::Duration;

pub(super) const CASES: &[Case<Bench>] = cases![
    an_enqueued_job_waits_as_it_was_wanted,
    a_job_that_is_not_due_is_not_to_be_claimed,
    only_kinds_that_are_asked_for_are_found,
    one_that_waits_absorbs_its_like,
    one_that_was_claimed_absorbs_nothing,
    a_claim_says_who_has_the_job_and_for_how_long,
    a_job_that_is_held_is_not_to_be_claimed,
    a_claim_that_has_run_out_is_taken_over_and_lost,
    a_claim_that_has_run_out_is_lost_although_nobody_took_it,
    a_late_commit_leaves_nothing_behind,
    a_held_claim_carries_a_commit_to_its_end,
    a_claim_is_prolonged_or_cut_short_by_who_has_it,
    whatever_a_process_has_claimed_can_be_released,
];

pub(super) const KIND: &str = "conformance";

/// What a claim is made with.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) job: JobId,
    pub(super) token: ClaimToken,
    pub(super) node: NodeName,
    pub(super) holder: Incarnation,
}

impl Claim {
    pub(super) fn of(job: JobId) -> Self {
        let node = NodeName::new("node-1").unwrap();
        Self { job, token: ClaimToken::random(), node, holder: Incarnation::random() }
    }

    pub(super) fn for_(&self, hold: Duration) -> JobChange {
        let Self { job, token, node, holder } = self.clone();
        JobChange::Claim { job, token, node, holder, hold }
    }

    pub(super) fn renew(&self, hold: Duration, progress: Option<&str>) -> JobChange {
        let (job, token) = (self.job, self.token);
        JobChange::Renew { job, token, hold, progress: progress.map(str::to_owned) }
    }

    pub(super) fn say(&self, text: &str) -> JobChange {
        JobChange::Say { job: self.job, token: self.token, text: text.into() }
    }

    pub(super) fn finish(&self, end: JobEnd) -> JobChange {
        JobChange::Finish { job: self.job, token: self.token, end }
    }

    pub(super) fn held(&self) -> Expect {
        Expect::ClaimHeld(self.job, self.token)
    }
}

/// A job that is due at once and may be tried three times.
pub(super) fn new_job(key: &str) -> NewJob {
    NewJob {
        kind: JobKind::new(KIND),
        key: key.into(),
        input: format!("{{\"key\":\"{key}\"}}"),
        after: Duration::ZERO,
        attempts: 3,
    }
}

pub(super) fn done() -> JobEnd {
    JobEnd::Done("it is done".into())
}

impl Bench {
    pub(super) async fn enqueue(&self, job: NewJob) -> JobId {
        let enqueued = self.change(JobChange::Enqueue(job)).await.enqueued;
        assert_eq!(enqueued.len(), 1, "each job that is enqueued has a number");
        enqueued[0]
    }

    pub(super) async fn claim(&self, job: JobId, hold: Duration) -> Claim {
        let claim = Claim::of(job);
        self.change(claim.for_(hold)).await;
        claim
    }

    pub(super) async fn job_row(&self, job: JobId) -> JobRow {
        let row = self.job(job).await.unwrap();
        row.unwrap_or_else(|| panic!("job {job} must be there"))
    }

    pub(super) async fn claimable_now(&self) -> Vec<JobId> {
        let rows = self.claimable(&[JobKind::new(KIND)], 100).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

fn enqueue(job: NewJob) -> ChangeSet {
    set().with(JobChange::Enqueue(job))
}

async fn an_enqueued_job_waits_as_it_was_wanted(bench: Bench) {
    let before = bench.instance().await.unwrap().now;
    // As long as a key may be, in characters that take four bytes.
    let (first, second) = (new_job("a"), new_job(&"\u{1f980}".repeat(200)));
    let both = set().with(JobChange::Enqueue(first.clone())).with(JobChange::Enqueue(second.clone()));
    let ids = bench.done(both).await.enqueued;
    assert_eq!(ids.len(), 2, "each job that is enqueued has a number");
    let after = bench.instance().await.unwrap().now;
    for (id, wanted) in ids.iter().zip([first, second]) {
        let row = bench.job_row(*id).await;
        assert_eq!((row.kind.as_str(), row.key, row.input), (KIND, wanted.key, wanted.input));
        assert_eq!((row.state, row.attempt, row.attempts), (JobState::Waiting, 0, 3));
        assert!(before <= row.enqueued && row.enqueued <= after, "by its clock");
        assert_eq!(row.due, row.enqueued, "one reading of the clock counts for both");
        assert_eq!((row.claim, row.cancel, row.progress.as_str()), (None, false, ""));
        assert_eq!((row.outcome, row.finished, row.occurrence), (None, None, None));
    }
    assert_eq!(bench.claimable_now().await, ids);
    assert_eq!(bench.job(JobId(987_654)).await.unwrap(), None);
}

async fn a_job_that_is_not_due_is_not_to_be_claimed(bench: Bench) {
    let id = bench.enqueue(NewJob { after: LONG, ..new_job("later") }).await;
    let row = bench.job_row(id).await;
    assert_eq!(row.due, row.enqueued.plus(LONG));
    assert_eq!(bench.claimable_now().await, []);
    let early = set().with(Claim::of(id).for_(LONG));
    bench.refused(early, Conflict::JobTaken, "a job that is not due").await;
}

async fn only_kinds_that_are_asked_for_are_found(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let other = NewJob { kind: JobKind::new("other-kind"), ..new_job("a") };
    let other = bench.enqueue(other).await;
    assert_ne!(id, other, "jobs of two kinds are two jobs");
    let ask = async |kinds: &[&'static str]| {
        let kinds: Vec<JobKind> = kinds.iter().map(|kind| JobKind::new(kind)).collect();
        let rows = bench.claimable(&kinds, 100).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ask(&[]).await, []);
    assert_eq!(ask(&[KIND]).await, [id]);
    assert_eq!(ask(&["other-kind", "a third"]).await, [other]);
    assert_eq!(ask(&["other-kind", KIND]).await, [id, other]);
}

async fn one_that_waits_absorbs_its_like(bench: Bench) {
    let id = bench.enqueue(NewJob { after: LONG, ..new_job("a") }).await;
    let again = NewJob { input: "newer".into(), ..new_job("a") };
    assert_eq!(bench.enqueue(again).await, id, "one that waits is that job");
    let row = bench.job_row(id).await;
    assert_eq!(row.input, "newer", "it takes the newer input");
    assert_eq!(bench.claimable_now().await, [id], "and the earlier time");
    bench.enqueue(NewJob { after: LONG, ..new_job("a") }).await;
    assert_eq!(bench.job_row(id).await.due, row.due, "a later time does not put it off");
    for key in ["A", "a ", "", "\n"] {
        assert_ne!(bench.enqueue(new_job(key)).await, id, "another key is another job: {key:?}");
    }
    let twice = set().with(JobChange::Enqueue(new_job("b"))).with(JobChange::Enqueue(new_job("b")));
    let [first, second] = bench.done(twice).await.enqueued[..] else { panic!("two numbers") };
    assert_eq!(first, second, "also within one set");
}

async fn one_that_was_claimed_absorbs_nothing(bench: Bench) {
    let first = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(first, LONG).await;
    let second = bench.enqueue(new_job("a")).await;
    assert_ne!(first, second, "one that runs may have read what it was to do");
    assert_eq!(bench.enqueue(new_job("a")).await, second);
    bench.change(claim.finish(JobEnd::Released)).await;
    assert_eq!(bench.job_row(first).await.state, JobState::Waiting);
    assert_eq!(bench.enqueue(new_job("a")).await, second, "one that waits again is not asked either");
    for job in [first, second] {
        let claim = bench.claim(job, LONG).await;
        bench.change(claim.finish(done())).await;
    }
    let third = bench.enqueue(new_job("a")).await;
    assert!(third != first && third != second, "one that is over is over");
}

async fn a_claim_says_who_has_the_job_and_for_how_long(bench: Bench) {
    let (first, second) = (bench.enqueue(new_job("a")).await, bench.enqueue(new_job("b")).await);
    let claims = [second, first].map(Claim::of);
    let both = set().with(claims[0].for_(LONG)).with(claims[1].for_(LONG));
    let rows = bench.done(both).await.claimed;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [second, first], "in their order");
    for (claim, row) in claims.iter().zip(rows) {
        for row in [row, bench.job_row(claim.job).await] {
            assert_eq!((row.state, row.attempt), (JobState::Running, 1), "the attempt counts");
            let Some(ClaimRow { token, node, holder, left: Some(left) }) = row.claim else {
                panic!("a claim that holds is shown: {row:?}")
            };
            assert_eq!((token, node, holder), (claim.token, claim.node.clone(), claim.holder));
            assert!(left <= LONG && left > LONG / 2, "{left:?}");
        }
    }
    assert_eq!(bench.claimable_now().await, []);
}

async fn a_job_that_is_held_is_not_to_be_claimed(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(id, LONG).await;
    let take = || set().with(Claim::of(id).for_(LONG));
    bench.refused(take(), Conflict::JobTaken, "a job that is held").await;
    bench.refused(set().with(claim.for_(LONG)), Conflict::JobTaken, "held, by the very same token").await;
    bench.change(claim.finish(done())).await;
    bench.refused(take(), Conflict::JobTaken, "a job that is done").await;
    let nothing = set().with(Claim::of(JobId(987_654)).for_(LONG));
    bench.refused(nothing, Conflict::JobTaken, "a job that is not there").await;
}

async fn a_claim_that_has_run_out_is_taken_over_and_lost(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let old = bench.claim(id, Duration::ZERO).await;
    let row = bench.job_row(id).await;
    assert_eq!(row.state, JobState::Running);
    assert_eq!(row.claim.and_then(|claim| claim.left), None, "it has run out");
    assert_eq!(bench.claimable_now().await, [id]);
    let new = bench.claim(id, LONG).await;
    assert_eq!(bench.job_row(id).await.attempt, 2);
    for late in [old.finish(done()), old.renew(LONG, None), old.say("still here")] {
        bench.refused(set().with(late), Conflict::ClaimLost, "who was taken over from").await;
    }
    bench.refused(set().expect(old.held()), Conflict::ClaimLost, "who was taken over from").await;
    bench.done(set().expect(new.held()).with(new.say("hello"))).await;
    bench.change(new.finish(done())).await;
    assert_eq!(bench.job_row(id).await.state, JobState::Done);
}

async fn a_claim_that_has_run_out_is_lost_although_nobody_took_it(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(id, Duration::ZERO).await;
    bench.refused(set().expect(claim.held()), Conflict::ClaimLost, "it has run out").await;
    for late in [claim.finish(done()), claim.renew(LONG, None), claim.say("still here")] {
        bench.refused(set().with(late), Conflict::ClaimLost, "it has run out").await;
    }
    let never = Claim::of(id);
    bench.refused(set().expect(never.held()), Conflict::ClaimLost, "a token nobody was given").await;
    let nothing = Claim::of(JobId(987_654));
    bench.refused(set().expect(nothing.held()), Conflict::ClaimLost, "a job that is not there").await;
    assert_eq!(bench.claimable_now().await, [id]);
}

/// A change that has nothing to do with jobs.
fn effect(name: &str) -> FeedChange {
    let (name, format) = (sample::feed_name(name), sample::format_id());
    FeedChange::Create { name, format, settings: FeedSettings::default() }
}

async fn a_late_commit_leaves_nothing_behind(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let old = bench.claim(id, Duration::ZERO).await;
    let new = bench.claim(id, LONG).await;
    let late = set().expect(old.held()).with(effect("npm"));
    bench.refused(late, Conflict::ClaimLost, "the effect of who was taken over from").await;
    let late = set().with(effect("npm")).with(old.finish(done()));
    bench.refused(late, Conflict::ClaimLost, "an effect before the end that is refused").await;
    bench.done(set().expect(new.held()).with(effect("npm")).with(new.finish(done()))).await;
    assert_eq!(bench.feeds().await.unwrap().len(), 1);
    let again = set().expect(new.held()).with(effect("pypi"));
    bench.refused(again, Conflict::ClaimLost, "nothing is done for a job that is over").await;
}

async fn a_held_claim_carries_a_commit_to_its_end(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(id, LONG).await;
    let next = JobChange::Enqueue(new_job("a"));
    let last = set().expect(claim.held()).with(effect("npm")).with(next).with(claim.finish(done()));
    let next = bench.done(last).await.enqueued;
    assert_eq!(bench.claimable_now().await, next, "a job may enqueue its like");
    let row = bench.job_row(id).await;
    assert_eq!((row.state, row.outcome.as_deref()), (JobState::Done, Some("it is done")));
    assert!(row.claim.is_none() && row.finished.is_some_and(|finished| finished >= row.enqueued));
    bench.refused(set().with(claim.finish(done())), Conflict::ClaimLost, "a job ends once").await;
}

async fn a_claim_is_prolonged_or_cut_short_by_who_has_it(bench: Bench) {
    let id = bench.enqueue(new_job("a")).await;
    let claim = bench.claim(id, LONG).await;
    bench.change(claim.renew(2 * LONG, Some("half"))).await;
    let row = bench.job_row(id).await;
    assert_eq!((row.attempt, row.progress.as_str()), (1, "half"));
    assert!(row.claim.and_then(|claim| claim.left).is_some_and(|left| left > LONG), "it holds for longer");
    bench.change(claim.renew(LONG, None)).await;
    assert_eq!(bench.job_row(id).await.progress, "half", "what was said stays");
    bench.change(claim.renew(Duration::ZERO, Some("leaving"))).await;
    assert_eq!(bench.claimable_now().await, [id]);
    bench.refused(set().with(claim.renew(LONG, None)), Conflict::ClaimLost, "what ran out stays so").await;
    // What the new one is about to do begins with what the last one said.
    let rows = bench.done(set().with(Claim::of(id).for_(LONG))).await.claimed;
    assert_eq!((rows[0].attempt, rows[0].progress.as_str()), (2, "leaving"));
}

async fn whatever_a_process_has_claimed_can_be_released(bench: Bench) {
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(bench.enqueue(new_job(key)).await);
    }
    let gone = Claim::of(ids[0]);
    let also_gone = Claim { job: ids[1], token: ClaimToken::random(), ..gone.clone() };
    let stays = Claim::of(ids[2]);
    bench.done(set().with(gone.for_(LONG)).with(also_gone.for_(LONG)).with(stays.for_(LONG))).await;
    bench.change(JobChange::ReleaseAllOf(gone.holder)).await;
    assert_eq!(bench.claimable_now().await, ids[..2]);
    for claim in [&gone, &also_gone] {
        bench.refused(set().expect(claim.held()), Conflict::ClaimLost, "a process that was removed").await;
    }
    bench.done(set().expect(stays.held())).await;
    bench.done(enqueue(new_job("d"))).await;
    bench.change(JobChange::ReleaseAllOf(Incarnation::random())).await;
    assert_eq!(bench.job_row(ids[2]).await.attempt, 1);
}
