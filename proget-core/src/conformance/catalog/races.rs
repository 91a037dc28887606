//! Readers and writers at once: what is read together belongs together, and whoever meets another
//! is told something sensible.

use super::bench::{Bench, add, version_ref};
use crate::access::Rights;
use crate::catalog::{
    AccountChange, CatalogError, ChangeSet, Conflict, Expect, FeedChange, FeedTotals, KeyHash, KeyKind,
    NewKey, NewUser, PackageChange, StampOf,
};
use crate::conformance::case::{Case, cases, others_first};
use crate::conformance::sample::{self, name, set, tag};
use crate::package::FileRef;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const CASES: &[Case<Bench>] = cases![
    rows_and_their_stamp_are_of_one_moment,
    stamps_asked_together_are_of_one_moment,
    sets_that_meet_in_opposite_order_both_succeed,
    a_feed_deleted_under_publishes_leaves_nothing,
    a_feed_changed_under_publishes_is_judged_anew,
    a_user_deleted_under_new_keys_leaves_no_key,
];

type Work<T> = BoxFuture<'static, T>;

/// The set must succeed or be refused for one of these reasons; says whether it succeeded.
async fn meets(bench: &Bench, set: ChangeSet, expected: &[Conflict]) -> bool {
    match bench.commit(set).await {
        Ok(_) => true,
        Err(CatalogError::Conflict(conflict)) if expected.contains(&conflict) => false,
        Err(error) => panic!("whoever meets another is told one of {expected:?}: {error:?}"),
    }
}

/// Runs writers, and readers for as long as they write.
async fn while_writing<T: Send + 'static>(
    bench: &Bench,
    writers: Vec<Work<()>>,
    reader: impl Fn(Arc<AtomicBool>) -> Work<T>,
) -> Vec<T> {
    let done = Arc::new(AtomicBool::new(false));
    let mut work: Vec<Work<Option<T>>> = Vec::new();
    for _ in 0..3 {
        work.push(reader(Arc::clone(&done)).map(Some).boxed());
    }
    let (tasks, finished) = (bench.tasks.clone(), Arc::clone(&done));
    let writing = async move {
        tasks.all(writers).await;
        finished.store(true, Ordering::SeqCst);
        None
    };
    work.push(writing.boxed());
    bench.tasks.all(work).await.into_iter().flatten().collect()
}

async fn rows_and_their_stamp_are_of_one_moment(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "a", "0.0.0").await;
    let mut writers: Vec<Work<()>> = Vec::new();
    for writer in 0..2_u32 {
        let bench = bench.clone();
        let write = async move {
            for number in 1..12 {
                let version = format!("{number}.{writer}.0");
                bench.publish(feed, "a", &version).await;
                bench.change(PackageChange::SetTag(version_ref(feed, "a", &version), tag("latest"))).await;
                if number % 3 == 0 {
                    bench.change(PackageChange::RemoveVersion(version_ref(feed, "a", &version))).await;
                }
            }
        };
        writers.push(write.boxed());
    }
    let reader = |done: Arc<AtomicBool>| {
        let bench = bench.clone();
        let wanted = FileRef { package: name("a"), file: sample::file_of("a", "0.0.0") };
        let read = async move {
            let mut seen = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let rows = bench.package(feed, "a").await;
                for (tag, version) in &rows.tags {
                    let there = rows.versions.iter().any(|row| row.version.key() == version);
                    assert!(there, "tag {tag} points at a version that is not in the same snapshot");
                }
                let stamp = rows.package.stamp;
                seen.push((stamp, format!("{:?} {:?}", rows.tags, rows.versions)));
                let file = bench.file(feed, &wanted).await.unwrap().expect("this version stays");
                assert_eq!(file.file, rows.versions[0].files[0], "a file found alone is that of its package");
                others_first().await;
            }
            seen
        };
        read.boxed()
    };
    let seen = while_writing(&bench, writers, reader).await;
    let mut content = BTreeMap::new();
    for (stamp, rows) in seen.into_iter().flatten() {
        match content.entry(stamp) {
            Entry::Vacant(new) => drop(new.insert(rows)),
            Entry::Occupied(known) => assert_eq!(*known.get(), rows, "one stamp stands for two contents"),
        }
    }
}

async fn stamps_asked_together_are_of_one_moment(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for package in ["a", "b"] {
        bench.publish(feed, package, "1.0.0").await;
    }
    let writer = {
        let bench = bench.clone();
        async move {
            for number in 0..40 {
                // Both packages in one commit: no reader may see one without the other.
                let tag = tag(&format!("tag-{number}"));
                let both = set()
                    .with(PackageChange::SetTag(version_ref(feed, "a", "1.0.0"), tag.clone()))
                    .with(PackageChange::SetTag(version_ref(feed, "b", "1.0.0"), tag));
                bench.done(both).await;
                others_first().await;
            }
        }
    };
    let reader = |done: Arc<AtomicBool>| {
        let bench = bench.clone();
        let questions = ["b", "a"].map(|package| StampOf::Package(feed, name(package)));
        let read = async move {
            let mut pairs = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let stamps = bench.stamps(&questions).await.unwrap();
                pairs.push((stamps[0], stamps[1]));
                others_first().await;
            }
            pairs
        };
        read.boxed()
    };
    let pairs = while_writing(&bench, vec![writer.boxed()], reader).await;
    let mut partner = BTreeMap::new();
    for (b, a) in pairs.into_iter().flatten() {
        assert_eq!(*partner.entry(a).or_insert(b), b, "stamps of two moments in one answer");
    }
}

async fn sets_that_meet_in_opposite_order_both_succeed(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for package in ["a", "b"] {
        bench.publish(feed, package, "1.0.0").await;
    }
    let work = (0..12).map(|number| -> Work<()> {
        let bench = bench.clone();
        let order = if number % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
        let write = async move {
            for round in 0..5 {
                let tag = tag(&format!("tag-{number}-{round}"));
                let [first, second] = order.map(|package| version_ref(feed, package, "1.0.0"));
                let both = set()
                    .with(PackageChange::SetTag(first, tag.clone()))
                    .with(PackageChange::SetTag(second, tag));
                bench.done(both).await;
            }
        };
        write.boxed()
    });
    bench.tasks.all(work.collect()).await;
    assert_eq!(bench.package(feed, "a").await.tags, bench.package(feed, "b").await.tags);
    assert_eq!(bench.package(feed, "a").await.tags.len(), 60, "every commit that was answered is there");
}

async fn a_feed_deleted_under_publishes_leaves_nothing(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let mut work: Vec<Work<()>> = Vec::new();
    for number in 0..8 {
        let mut files = Vec::new();
        for version in 0..4 {
            files.push(bench.new_file(feed, &format!("p{number}"), &format!("{version}.0.0")).await);
        }
        let bench = bench.clone();
        let publish = async move {
            for file in files {
                meets(&bench, set().with(add(file)), &[Conflict::FeedChanged]).await;
            }
        };
        work.push(publish.boxed());
    }
    let deleting = bench.clone();
    work.push(async move { drop(deleting.change(FeedChange::Delete(feed)).await) }.boxed());
    bench.tasks.all(work).await;
    assert_eq!(bench.feed_by_id(feed).await.unwrap(), None);
    assert_eq!(bench.totals(feed).await.unwrap(), FeedTotals::default(), "nothing is left of a deleted feed");
    for number in 0..8 {
        assert_eq!(bench.find(feed, &format!("p{number}")).await, None);
    }
}

async fn a_feed_changed_under_publishes_is_judged_anew(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let mut work: Vec<Work<usize>> = Vec::new();
    for number in 0..8 {
        let mut files = Vec::new();
        for version in 0..4 {
            files.push(bench.new_file(feed.id, &format!("p{number}"), &format!("{version}.0.0")).await);
        }
        let (bench, expected) = (bench.clone(), Expect::Feed(feed.id, feed.revision));
        let publish = async move {
            let mut published = 0;
            for file in files {
                let judged = set().expect(expected.clone()).with(add(file));
                published += usize::from(meets(&bench, judged, &[Conflict::FeedChanged]).await);
            }
            published
        };
        work.push(publish.boxed());
    }
    let (changing, old) = (bench.clone(), feed.clone());
    let update = async move {
        let (id, name, settings) = (old.id, old.name, old.settings);
        changing.change(FeedChange::Update { id, name, settings }).await;
        0
    };
    work.push(update.boxed());
    let published: usize = bench.tasks.all(work).await.into_iter().sum();
    let versions = bench.totals(feed.id).await.unwrap().versions;
    assert_eq!(versions, published as u64, "what was answered is there, what was refused is not");
}

async fn a_user_deleted_under_new_keys_leaves_no_key(bench: Bench) {
    let new = NewUser { name: "anna".into(), password: None, rights: Rights::default() };
    bench.change(AccountChange::CreateUser(new)).await;
    let user = bench.user("anna").await.unwrap().unwrap().id;
    let mut work: Vec<Work<()>> = Vec::new();
    for number in 0..8 {
        let key = NewKey {
            kind: KeyKind::Personal,
            hash: KeyHash::of(&number.to_string()),
            hint: String::new(),
            display_name: "Anna's".into(),
            description: String::new(),
            rights: Rights::default(),
            user: Some(user),
            expires: None,
        };
        let bench = bench.clone();
        let create = set().with(AccountChange::CreateKey(key));
        work.push(async move { meets(&bench, create, &[Conflict::Absent]).await }.map(|_| ()).boxed());
    }
    let deleting = bench.clone();
    work.push(async move { drop(deleting.change(AccountChange::DeleteUser(user)).await) }.boxed());
    bench.tasks.all(work).await;
    assert_eq!(bench.keys().await.unwrap(), [], "a personal key does not outlive its user");
}
