//! Fences: what is done because of a duty is done by its newest holder, or not at all.

use super::bench::{Bench, plant};
use crate::catalog::{BlobChange, Change, Conflict, Fence, FenceRow, InstanceChange, PackageChange, Role};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set};
use crate::ids::Incarnation;
use std::time::Duration;
use uuid::Uuid;

pub(super) const CASES: &[Case<Bench>] = cases![
    planting_moves_the_term_upwards_only,
    a_stale_fence_is_refused_and_nothing_is_applied,
    a_fence_is_compared_for_equality,
    a_role_that_was_never_planted_fences_everybody_off,
    a_fence_holds_for_its_own_role_only,
    a_fence_serves_many_commits,
    the_fence_is_judged_before_everything_else,
    what_must_be_fenced_is_refused_without_a_fence,
    a_holder_may_plant_its_next_term_itself,
];

const OTHER: Role = Role("conformance-other");

async fn planting_moves_the_term_upwards_only(bench: Bench) {
    let role = Role::SWEEPER;
    assert_eq!(bench.catalog.fence(role).await.unwrap(), None, "nothing is planted at first");
    let fence = |term| Fence { role, term, holder: Incarnation::random() };
    let first = fence(5);
    bench.change(plant(first)).await;
    for term in [5, 4, 0, -1] {
        bench.refused(set().with(plant(fence(term))), Conflict::TermTooLow, "a term that is not above").await;
    }
    bench.refused(set().with(plant(first)), Conflict::TermTooLow, "the very same term again").await;
    let second = fence(6);
    bench.change(plant(second)).await;
    let planted = Some(FenceRow { term: 6, holder: second.holder });
    assert_eq!(bench.catalog.fence(role).await.unwrap(), planted);
    let far = fence(i64::MAX - 1);
    bench.change(plant(far)).await;
    assert_eq!(bench.catalog.fence(role).await.unwrap().unwrap().term, i64::MAX - 1);
}

async fn a_stale_fence_is_refused_and_nothing_is_applied(bench: Bench) {
    let stale = bench.fence().await;
    let newest = bench.fence().await;
    let key = sample::blob_key("stray");
    let doom = || BlobChange::DoomStray { store: sample::store(), key };
    bench.fenced_off(set().fenced(stale).with(doom()), "an older term").await;
    bench.fenced_off(set().fenced(stale), "an older term with nothing to do").await;
    bench.done(set().fenced(newest).with(doom())).await;
    assert_eq!(bench.doomed(&sample::store(), Duration::ZERO, 9).await.unwrap().len(), 1);
}

async fn a_fence_is_compared_for_equality(bench: Bench) {
    let planted = bench.fence().await;
    let above = Fence { term: planted.term + 1, ..planted };
    bench.fenced_off(set().fenced(above), "a term above the planted one: only planting moves it").await;
    let holder = Incarnation::random();
    bench.fenced_off(set().fenced(Fence { holder, ..planted }), "the right term, another holder").await;
    let row = bench.catalog.fence(planted.role).await.unwrap();
    assert_eq!(row, Some(FenceRow { term: planted.term, holder: planted.holder }), "nothing has moved it");
    bench.done(set().fenced(planted)).await;
}

async fn a_role_that_was_never_planted_fences_everybody_off(bench: Bench) {
    for term in [0, 1] {
        let fence = Fence { role: Role::SWEEPER, term, holder: Incarnation::random() };
        bench.fenced_off(set().fenced(fence), "nothing was planted").await;
    }
}

async fn a_fence_holds_for_its_own_role_only(bench: Bench) {
    let sweeper = bench.fence().await;
    let other = Fence { role: OTHER, term: 9, holder: Incarnation::random() };
    bench.change(plant(other)).await;
    bench.done(set().fenced(sweeper)).await;
    bench.done(set().fenced(other)).await;
    bench.fenced_off(set().fenced(Fence { role: OTHER, ..sweeper }), "another role's term").await;
    assert_eq!(bench.catalog.fence(OTHER).await.unwrap().unwrap().term, 9);
}

async fn a_fence_serves_many_commits(bench: Bench) {
    let fence = bench.fence().await;
    for number in 0..20 {
        let key = sample::blob_key(&format!("stray {number}"));
        bench.done(set().fenced(fence).with(BlobChange::DoomStray { store: sample::store(), key })).await;
    }
    assert_eq!(bench.doomed(&sample::store(), Duration::ZERO, 99).await.unwrap().len(), 20);
}

async fn the_fence_is_judged_before_everything_else(bench: Bench) {
    let stale = bench.fence().await;
    bench.fence().await;
    let feed = bench.feed_called("npm").await.id;
    let absent = PackageChange::RemovePackage(feed, sample::name("absent"));
    bench.fenced_off(set().fenced(stale).with(absent), "a stale set that would be refused anyway").await;
}

async fn what_must_be_fenced_is_refused_without_a_fence(bench: Bench) {
    bench.fence().await;
    let blob = bench.reserve("bytes", Duration::ZERO).await;
    let (store, key) = (sample::store(), sample::blob_key("stray"));
    let (id, touched) = (blob.id, blob.touched);
    let identity = "some database".to_owned();
    let changes: [Change; 5] = [
        BlobChange::Doom { id, touched }.into(),
        BlobChange::Condemn { id, touched }.into(),
        BlobChange::DoomStray { store: store.clone(), key }.into(),
        BlobChange::Forget { store, key }.into(),
        InstanceChange::Witness { previous: None, next: Uuid::new_v4(), identity }.into(),
    ];
    for change in changes {
        let promise = format!("{change:?} without a fence");
        bench.fenced_off(set().with(change), &promise).await;
    }
}

async fn a_holder_may_plant_its_next_term_itself(bench: Bench) {
    let first = bench.fence().await;
    let next = Fence { term: first.term + 1, ..first };
    bench.done(set().fenced(first).with(plant(next))).await;
    bench.fenced_off(set().fenced(first), "the term before").await;
    bench.done(set().fenced(next)).await;
}
