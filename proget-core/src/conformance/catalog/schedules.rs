//! Schedules: each due occurrence has exactly one row.

use super::bench::{Bench, LONG};
use super::jobs::{KIND, done, new_job};
use crate::catalog::{ChangeSet, Conflict, Fence, JobChange, JobState, Occurrence, ScheduleRow};
use crate::clock::Timestamp;
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::set;
use std::time::Duration;

pub(super) const CASES: &[Case<Bench>] = cases![
    a_schedule_is_kept_as_it_was_put,
    a_change_of_a_schedule_keeps_its_last_occurrence,
    a_schedule_that_is_enabled_again_or_gets_other_times_begins_anew,
    a_removed_schedule_leaves_its_jobs,
    an_occurrence_becomes_one_job,
    an_occurrence_is_judged_by_the_last_one,
    an_occurrence_is_dispatched_by_the_holder_of_the_duty_only,
    an_occurrence_has_one_row_also_for_a_schedule_made_anew,
    a_job_of_a_schedule_neither_absorbs_nor_is_absorbed,
];

fn put(name: &str, cron: &str, enabled: bool) -> JobChange {
    let (kind, key) = (KIND.to_owned(), "a".to_owned());
    JobChange::PutSchedule { name: name.into(), cron: cron.into(), kind, key, input: "{}".into(), enabled }
}

/// The schedule's job for a moment.
pub(super) fn occur(name: &str, due: Timestamp, last: Timestamp) -> JobChange {
    let occurrence = Occurrence { schedule: name.into(), due };
    JobChange::Occur { occurrence, last, job: new_job("a") }
}

fn later(last: Timestamp, minutes: u64) -> Timestamp {
    last.plus(Duration::from_secs(60 * minutes))
}

impl Bench {
    /// Puts a schedule and says what its last occurrence is.
    pub(super) async fn schedule(&self, name: &str) -> Timestamp {
        self.change(put(name, "0 3 * * *", true)).await;
        self.schedule_row(name).await.last
    }

    async fn schedule_row(&self, name: &str) -> ScheduleRow {
        let rows = self.schedules().await.unwrap();
        let row = rows.into_iter().find(|row| row.name == name);
        row.unwrap_or_else(|| panic!("schedule '{name}' must be there"))
    }
}

async fn a_schedule_is_kept_as_it_was_put(bench: Bench) {
    assert_eq!(bench.schedules().await.unwrap(), []);
    let before = bench.instance().await.unwrap().now;
    bench.done(set().with(put("nightly", "0 3 * * *", true)).with(put("Hourly", "0 * * * *", false))).await;
    let after = bench.instance().await.unwrap().now;
    let rows = bench.schedules().await.unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["Hourly", "nightly"], "by name, byte by byte");
    assert!(rows.iter().all(|row| before <= row.last && row.last <= after), "it begins when it was made");
    let nightly = ScheduleRow {
        name: "nightly".into(),
        cron: "0 3 * * *".into(),
        kind: KIND.into(),
        key: "a".into(),
        input: "{}".into(),
        enabled: true,
        last: rows[1].last,
    };
    assert_eq!((&rows[1], rows[0].enabled), (&nightly, false));
}

async fn a_change_of_a_schedule_keeps_its_last_occurrence(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let due = later(last, 1);
    bench.done(set().fenced(fence).with(occur("nightly", due, last))).await;
    bench.change(put("nightly", "0 4 * * *", false)).await;
    let row = bench.schedule_row("nightly").await;
    assert_eq!((row.cron.as_str(), row.enabled, row.last), ("0 4 * * *", false, due));
    assert_eq!(bench.schedules().await.unwrap().len(), 1);
}

async fn a_schedule_that_is_enabled_again_or_gets_other_times_begins_anew(bench: Bench) {
    let made = bench.schedule("nightly").await;
    bench.change(put("nightly", "0 3 * * *", true)).await;
    assert_eq!(bench.schedule_row("nightly").await.last, made, "nothing has changed");
    bench.change(put("nightly", "0 3 * * *", false)).await;
    assert_eq!(bench.schedule_row("nightly").await.last, made, "disabling is no beginning");
    bench.pass().await;
    bench.change(put("nightly", "0 3 * * *", true)).await;
    let enabled = bench.schedule_row("nightly").await.last;
    assert!(enabled > made, "from {made} to {enabled}");
    bench.pass().await;
    bench.change(put("nightly", "0 4 * * *", true)).await;
    let changed = bench.schedule_row("nightly").await.last;
    assert!(changed > enabled, "from {enabled} to {changed}");
}

async fn a_removed_schedule_leaves_its_jobs(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let jobs = bench.done(set().fenced(fence).with(occur("nightly", later(last, 1), last))).await.enqueued;
    let remove = || set().with(JobChange::RemoveSchedule("nightly".into()));
    bench.done(remove()).await;
    assert_eq!(bench.schedules().await.unwrap(), []);
    assert_eq!(bench.claimable_now().await, jobs);
    bench.done(remove()).await;
}

async fn an_occurrence_becomes_one_job(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let due = later(last, 5);
    let enqueued = bench.done(set().fenced(fence).with(occur("nightly", due, last))).await.enqueued;
    let row = bench.job_row(enqueued[0]).await;
    assert_eq!(row.occurrence, Some(Occurrence { schedule: "nightly".into(), due }));
    assert_eq!((row.state, row.kind.as_str(), row.key.as_str()), (JobState::Waiting, KIND, "a"));
    assert_eq!(bench.claimable_now().await, enqueued, "it is due by the catalogue's clock");
    assert_eq!(bench.schedule_row("nightly").await.last, due);
    let claim = bench.claim(row.id, LONG).await;
    bench.change(claim.finish(done())).await;
    let next = later(due, 5);
    let second = bench.done(set().fenced(fence).with(occur("nightly", next, due))).await.enqueued;
    assert_ne!(second, enqueued);
}

async fn an_occurrence_is_judged_by_the_last_one(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let due = later(last, 1);
    let fenced = |change| set().fenced(fence).with(change);
    bench.done(fenced(occur("nightly", due, last))).await;
    for again in [occur("nightly", due, last), occur("nightly", later(last, 2), last)] {
        bench.refused(fenced(again), Conflict::Occurred, "somebody was first").await;
    }
    bench.refused(fenced(occur("none", due, last)), Conflict::Occurred, "there is no schedule").await;
    bench.refused(fenced(occur("Nightly", due, due)), Conflict::Occurred, "another name").await;
}

async fn an_occurrence_is_dispatched_by_the_holder_of_the_duty_only(bench: Bench) {
    let stale = bench.fence().await;
    let newest = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let dispatch = |fence: Option<Fence>| -> ChangeSet {
        let set = set().with(occur("nightly", later(last, 1), last));
        fence.map_or(set.clone(), |fence| set.fenced(fence))
    };
    bench.fenced_off(dispatch(None), "without a fence").await;
    bench.fenced_off(dispatch(Some(stale)), "with an old one").await;
    bench.done(dispatch(Some(newest))).await;
}

async fn an_occurrence_has_one_row_also_for_a_schedule_made_anew(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let due = later(last, 1);
    bench.done(set().fenced(fence).with(occur("nightly", due, last))).await;
    bench.change(JobChange::RemoveSchedule("nightly".into())).await;
    let last = bench.schedule("nightly").await;
    let again = set().fenced(fence).with(occur("nightly", due, last));
    bench.refused(again, Conflict::Occurred, "that moment has its row").await;
    bench.done(set().fenced(fence).with(occur("nightly", later(due, 1), last))).await;
}

async fn a_job_of_a_schedule_neither_absorbs_nor_is_absorbed(bench: Bench) {
    let fence = bench.fence().await;
    let last = bench.schedule("nightly").await;
    let by_hand = bench.enqueue(new_job("a")).await;
    let first = later(last, 1);
    let scheduled = bench.done(set().fenced(fence).with(occur("nightly", first, last))).await.enqueued;
    let second = bench.done(set().fenced(fence).with(occur("nightly", later(last, 2), first))).await.enqueued;
    assert_eq!(bench.enqueue(new_job("a")).await, by_hand, "one that waits by itself absorbs its like");
    let claim = bench.claim(by_hand, LONG).await;
    bench.change(claim.finish(done())).await;
    let next = bench.enqueue(new_job("a")).await;
    assert_eq!(bench.claimable_now().await, [scheduled, second, vec![next]].concat(), "each is one row");
}
