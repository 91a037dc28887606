//! Many at once: exactly one wins what only one can have, and nobody else is in anybody's way.

use super::bench::{Bench, LONG, add, plant, version_ref};
use crate::catalog::{
    BlobChange, CatalogError, Committed, Conflict, Expect, FeedChange, Fence, PackageChange, Role, StampOf,
};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, name, set, tag};
use crate::feed::FeedSettings;
use crate::ids::Incarnation;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) const CASES: &[Case<Bench>] = cases![
    one_of_many_publishes_of_a_file_wins,
    different_packages_are_published_at_once,
    different_versions_of_a_package_are_published_at_once,
    many_files_of_one_version_are_published_at_once,
    one_of_many_creations_of_a_feed_wins,
    many_reservations_of_one_digest_agree,
    one_of_many_plants_of_a_term_wins,
    one_of_many_conditional_changes_of_a_package_wins,
    publishing_and_removing_leave_a_whole_package_or_none,
    a_sweep_never_takes_the_bytes_of_a_publish,
];

const MANY: usize = 16;

type Outcome = Result<Committed, CatalogError>;

/// Exactly one succeeded, and all others were told `conflict`.
pub(super) fn one_winner(outcomes: &[Outcome], conflict: Conflict) {
    let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(winners, 1, "exactly one wins: {outcomes:?}");
    for outcome in outcomes {
        let told = matches!(outcome, Ok(_) | Err(CatalogError::Conflict(_)));
        assert!(told, "losing is a conflict and nothing else: {outcome:?}");
        if let Err(CatalogError::Conflict(found)) = outcome {
            assert_eq!(*found, conflict, "the losers are told why");
        }
    }
}

/// Commits sixteen sets at once.
async fn race(bench: &Bench, set: impl Fn(usize) -> crate::catalog::ChangeSet) -> Vec<Outcome> {
    let work = (0..MANY).map(|number| {
        let (bench, set) = (bench.clone(), set(number));
        async move { bench.commit(set).await }.boxed()
    });
    bench.tasks.all(work.collect()).await
}

fn all_succeed(outcomes: &[Outcome]) {
    assert!(outcomes.iter().all(Result::is_ok), "nobody is in anybody's way: {outcomes:?}");
}

async fn one_of_many_publishes_of_a_file_wins(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let mut files = Vec::new();
    for number in 0..MANY {
        let bytes = format!("different bytes {number}");
        let blob = bench.reserve(&bytes, LONG).await;
        files.push(sample::new_file(feed, "a", "1.0.0", &bytes, &blob));
    }
    let outcomes = race(&bench, |number| set().with(add(files[number].clone()))).await;
    one_winner(&outcomes, Conflict::FileExists);
    let rows = bench.package(feed, "a").await;
    assert_eq!((rows.versions.len(), rows.versions[0].files.len()), (1, 1));
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    assert_eq!(rows.versions[0].files[0].key, files[winner].key, "what is there is the winner's");
}

async fn different_packages_are_published_at_once(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let mut files = Vec::new();
    for number in 0..MANY {
        files.push(bench.new_file(feed.id, &format!("p{number}"), "1.0.0").await);
    }
    let publish =
        |number: usize| set().expect(Expect::Feed(feed.id, feed.revision)).with(add(files[number].clone()));
    all_succeed(&race(&bench, publish).await);
    assert_eq!(bench.totals(feed.id).await.unwrap().versions, MANY as u64);
    let questions: Vec<_> =
        (0..MANY).map(|number| StampOf::Package(feed.id, name(&format!("p{number}")))).collect();
    let stamps: BTreeSet<_> = bench.stamps(&questions).await.unwrap().into_iter().collect();
    assert!(stamps.len() == MANY && !stamps.contains(&None), "each package has a stamp of its own");
}

async fn different_versions_of_a_package_are_published_at_once(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let mut files = Vec::new();
    for number in 0..MANY {
        files.push(bench.new_file(feed, "a", &format!("{number}.0.0")).await);
    }
    all_succeed(&race(&bench, |number| set().with(add(files[number].clone()))).await);
    let rows = bench.package(feed, "a").await;
    assert_eq!(rows.versions.len(), MANY, "no version is lost");
    assert_eq!(bench.totals(feed).await.unwrap().packages, 1);
}

async fn many_files_of_one_version_are_published_at_once(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    // All share their bytes, so that all want the same blob row too.
    let blob = bench.reserve("same", LONG).await;
    let publish = |number: usize| {
        let mut file = sample::new_file(feed, "a", "1.0.0", "same", &blob);
        file.file = sample::file_name(&format!("file-{number}"));
        set().with(add(file))
    };
    all_succeed(&race(&bench, publish).await);
    assert_eq!(bench.package(feed, "a").await.versions[0].files.len(), MANY);
    assert_eq!(
        bench.blob(&sample::store(), &blob.key.digest).await.unwrap().unwrap().references,
        MANY as u64
    );
}

async fn one_of_many_creations_of_a_feed_wins(bench: Bench) {
    let create = |number: usize| {
        let name = if number.is_multiple_of(2) { "same" } else { "SAME" };
        let (name, format) = (sample::feed_name(name), sample::format_id());
        set().with(FeedChange::Create { name, format, settings: FeedSettings::default() })
    };
    one_winner(&race(&bench, create).await, Conflict::NameTaken);
    assert_eq!(bench.feeds().await.unwrap().len(), 1);
}

async fn many_reservations_of_one_digest_agree(bench: Bench) {
    let reserve = |_: usize| {
        let (store, fresh) = (sample::store(), sample::blob_key("same"));
        set().with(BlobChange::Reserve { store, fresh, size: 4, hold: LONG })
    };
    let outcomes = race(&bench, reserve).await;
    all_succeed(&outcomes);
    let rows: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().reserved.remove(0)).collect();
    let keys: BTreeSet<_> = rows.iter().map(|row| (row.id, row.key)).collect();
    assert_eq!(keys.len(), 1, "all are told the same row and key");
    let touched: BTreeSet<_> = rows.iter().map(|row| row.touched).collect();
    assert_eq!(touched.len(), MANY, "each reservation counts: {touched:?}");
}

async fn one_of_many_plants_of_a_term_wins(bench: Bench) {
    for term in [1, 2] {
        // The first round makes the row, the second moves it.
        let fences: Vec<Fence> =
            (0..MANY).map(|_| Fence { role: Role::SWEEPER, term, holder: Incarnation::random() }).collect();
        let outcomes = race(&bench, |number| set().with(plant(fences[number]))).await;
        one_winner(&outcomes, Conflict::TermTooLow);
        for (fence, outcome) in fences.iter().zip(&outcomes) {
            let may_act = bench.commit(set().fenced(*fence)).await;
            assert_eq!(may_act.is_ok(), outcome.is_ok(), "only who has planted may act");
        }
    }
}

async fn one_of_many_conditional_changes_of_a_package_wins(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "a", "1.0.0").await;
    let stamp = bench.package(feed, "a").await.package.stamp;
    let change = |number: usize| {
        let tag = PackageChange::SetTag(version_ref(feed, "a", "1.0.0"), tag(&format!("tag-{number}")));
        set().expect(Expect::Package(feed, name("a"), Some(stamp))).with(tag)
    };
    one_winner(&race(&bench, change).await, Conflict::PackageChanged);
    assert_eq!(bench.package(feed, "a").await.tags.len(), 1);
    let mut files = Vec::new();
    for number in 0..MANY {
        files.push(bench.new_file(feed, "b", &format!("{number}.0.0")).await);
    }
    let first =
        |number: usize| set().expect(Expect::Package(feed, name("b"), None)).with(add(files[number].clone()));
    one_winner(&race(&bench, first).await, Conflict::PackageChanged);
}

async fn publishing_and_removing_leave_a_whole_package_or_none(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let file = bench.new_file(feed, "a", "1.0.0").await;
    let work = (0..8).map(|number| -> BoxFuture<'static, ()> {
        let (bench, file) = (bench.clone(), file.clone());
        async move {
            for _ in 0..10 {
                let change = match number % 2 {
                    0 => add(file.clone()),
                    _ => PackageChange::RemoveVersion(version_ref(feed, "a", "1.0.0")),
                };
                match bench.commit(set().with(change)).await {
                    Ok(_) | Err(CatalogError::Conflict(Conflict::FileExists | Conflict::VersionAbsent)) => {}
                    Err(error) => panic!("publishing and removing at once: {error:?}"),
                }
                if let Some(rows) = bench.find(feed, "a").await {
                    let files: Vec<usize> = rows.versions.iter().map(|version| version.files.len()).collect();
                    assert_eq!(files, [1], "a package is seen whole or not at all");
                }
            }
        }
        .boxed()
    });
    bench.tasks.all(work.collect()).await;
}

async fn a_sweep_never_takes_the_bytes_of_a_publish(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let fence = bench.fence().await;
    let publisher = |number: usize| -> BoxFuture<'static, ()> {
        let bench = bench.clone();
        async move {
            for round in 0..10 {
                // No time is reserved, so the sweep may come between any two steps.
                let package = format!("p{number}-{round}");
                for attempt in 0.. {
                    assert!(attempt < 1000, "a publish never gets through");
                    let blob = bench.reserve("same", Duration::ZERO).await;
                    let file = sample::new_file(feed, &package, "1.0.0", "same", &blob);
                    match bench.commit(set().with(add(file))).await {
                        Ok(_) => break,
                        Err(CatalogError::Conflict(Conflict::BlobGone)) => {}
                        Err(error) => panic!("publishing while a sweep runs: {error:?}"),
                    }
                }
                bench.change(PackageChange::RemovePackage(feed, name(&package))).await;
            }
        }
        .boxed()
    };
    let sweeper = {
        let bench = bench.clone();
        async move {
            for _ in 0..40 {
                let Some(blob) =
                    bench.blob(&sample::store(), &sample::blob_key("same").digest).await.unwrap()
                else {
                    continue;
                };
                let (id, touched) = (blob.id, blob.touched);
                let changes = match blob.references {
                    0 => vec![BlobChange::Condemn { id, touched }, BlobChange::Doom { id, touched }],
                    // What no sweep would do; the references must stop it.
                    _ => vec![BlobChange::Doom { id, touched }],
                };
                for change in changes {
                    match bench.commit(set().fenced(fence).with(change)).await {
                        Ok(_) | Err(CatalogError::Conflict(Conflict::BlobTouched)) => {}
                        Err(error) => panic!("sweeping while others publish: {error:?}"),
                    }
                }
            }
        }
        .boxed()
    };
    let mut work: Vec<BoxFuture<'static, ()>> = (0..4).map(publisher).collect();
    work.push(sweeper);
    bench.tasks.all(work).await;
    let blob = bench.reserve("last", LONG).await;
    bench.add(sample::new_file(feed, "last", "1.0.0", "last", &blob)).await;
    assert_eq!(bench.users_of(blob.id, 9).await.unwrap(), ["npm/last/last-1.0.0.tgz"]);
}
