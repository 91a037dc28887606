//! Stamps: they change with every commit that touches what they are of, and never come back.

use super::bench::{Bench, LONG, version_ref};
use crate::access::Rights;
use crate::catalog::{
    AccountChange, Expect, FeedChange, KeyHash, KeyKind, NewKey, NewUser, PackageChange, StampOf,
};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, name, set, tag};
use crate::feed::FeedSettings;
use crate::ids::{FeedId, Stamp};
use crate::package::VersionStatus;
use std::collections::BTreeSet;

pub(super) const CASES: &[Case<Bench>] = cases![
    what_does_not_exist_has_no_stamp,
    every_change_of_a_package_changes_its_stamp_and_its_feeds,
    a_package_that_comes_back_has_a_stamp_never_seen,
    other_packages_and_other_feeds_keep_their_stamps,
    every_package_of_a_feed_changes_the_feeds_stamp,
    what_touches_no_package_leaves_stamps_alone,
    stamps_are_answered_in_order_and_agree_with_the_rows,
    a_feeds_stamp_follows_its_settings_under_all_its_names,
    a_users_and_a_keys_stamp_follow_them,
];

async fn both(bench: &Bench, feed: FeedId, package: &str) -> (Option<Stamp>, Stamp) {
    let stamps =
        bench.stamps(&[StampOf::Package(feed, name(package)), StampOf::Content(feed)]).await.unwrap();
    (stamps[0], stamps[1].expect("a feed that exists has a content stamp"))
}

async fn what_does_not_exist_has_no_stamp(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let absent = FeedId(feed.0 + 1_000_000);
    let questions = [
        StampOf::Feed("absent".into()),
        StampOf::Content(absent),
        StampOf::Package(feed, name("absent")),
        StampOf::User("absent".into()),
        StampOf::Key(KeyHash::of("absent")),
    ];
    assert_eq!(bench.stamps(&questions).await.unwrap(), [None; 5]);
    assert_eq!(bench.stamps(&[]).await.unwrap(), []);
    assert!(bench.stamp(StampOf::Content(feed)).await.is_some(), "an empty feed has a content stamp");
}

async fn every_change_of_a_package_changes_its_stamp_and_its_feeds(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    let file = bench.new_file(feed, "left-pad", "2.0.0").await;
    let of = |version: &str| version_ref(feed, "left-pad", version);
    let unlisted = VersionStatus { listed: false, ..VersionStatus::default() };
    let changes = [
        super::bench::add(file),
        PackageChange::SetTag(of("1.0.0"), tag("latest")),
        PackageChange::SetTag(of("2.0.0"), tag("latest")),
        PackageChange::RemoveTag(feed, name("left-pad"), tag("latest")),
        PackageChange::SetStatus(of("2.0.0"), unlisted),
        PackageChange::RemoveFile(feed, name("left-pad"), sample::file_of("left-pad", "2.0.0")),
        PackageChange::RemoveVersion(of("1.0.0")),
    ];
    let (mut stamp, mut content) = both(&bench, feed, "left-pad").await;
    for change in changes {
        let what = format!("{change:?}");
        bench.change(change).await;
        let (now, content_now) = both(&bench, feed, "left-pad").await;
        assert!(now.is_some() && now != stamp, "the package's stamp changes with {what}");
        assert_ne!(content_now, content, "the feed's stamp changes with {what}");
        (stamp, content) = (now, content_now);
    }
    bench.change(PackageChange::RemovePackage(feed, name("left-pad"))).await;
    let (gone, content_now) = both(&bench, feed, "left-pad").await;
    assert_eq!(gone, None, "a package that is gone has no stamp");
    assert_ne!(content_now, content, "the feed's stamp changes with a removal");
}

async fn a_package_that_comes_back_has_a_stamp_never_seen(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let (mut packages, mut contents) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..10 {
        bench.publish(feed, "left-pad", "1.0.0").await;
        let (stamp, content) = both(&bench, feed, "left-pad").await;
        assert!(packages.insert(stamp.expect("published")), "a package's stamp repeats");
        assert!(contents.insert(content), "a feed's stamp repeats");
        bench.change(PackageChange::RemoveVersion(version_ref(feed, "left-pad", "1.0.0"))).await;
        let (stamp, content) = both(&bench, feed, "left-pad").await;
        assert_eq!(stamp, None, "with its last version the package is gone");
        assert!(contents.insert(content), "a feed's stamp repeats");
    }
}

async fn other_packages_and_other_feeds_keep_their_stamps(bench: Bench) {
    let (one, other) = (bench.feed_called("one").await.id, bench.feed_called("other").await.id);
    for feed in [one, other] {
        bench.publish(feed, "a", "1.0.0").await;
        bench.publish(feed, "b", "1.0.0").await;
    }
    let before = (both(&bench, one, "b").await.0, both(&bench, other, "a").await);
    bench.publish(one, "a", "2.0.0").await;
    assert_eq!((both(&bench, one, "b").await.0, both(&bench, other, "a").await), before);
}

async fn every_package_of_a_feed_changes_the_feeds_stamp(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let mut seen = BTreeSet::from([bench.stamp(StampOf::Content(feed)).await]);
    for number in 0..40 {
        bench.publish(feed, &format!("p{number}"), "1.0.0").await;
        assert!(
            seen.insert(bench.stamp(StampOf::Content(feed)).await),
            "p{number} leaves the feed's stamp as it was"
        );
    }
}

async fn what_touches_no_package_leaves_stamps_alone(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "a", "1.0.0").await;
    let before = both(&bench, feed, "a").await;
    let file = bench.package(feed, "a").await.versions[0].files[0].id;
    bench.reserve("a 1.0.0", LONG).await;
    bench.change(PackageChange::CountDownloads(vec![(file, 3)])).await;
    assert_eq!(both(&bench, feed, "a").await, before);
    let again = bench.new_file(feed, "a", "1.0.0").await;
    assert!(bench.commit(set().with(super::bench::add(again))).await.is_err(), "the file exists");
    assert_eq!(both(&bench, feed, "a").await, before, "a refused commit touches nothing");
}

async fn stamps_are_answered_in_order_and_agree_with_the_rows(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    for number in 0..60 {
        bench.publish(feed.id, &format!("p{number}"), "1.0.0").await;
    }
    // Many questions, the same ones twice, absent ones among them.
    let questions: Vec<StampOf> =
        (0..150).rev().map(|number| StampOf::Package(feed.id, name(&format!("p{}", number % 75)))).collect();
    let stamps = bench.stamps(&questions).await.unwrap();
    assert_eq!(stamps.len(), questions.len());
    for (number, stamp) in (0..150).rev().zip(stamps) {
        let rows = bench.find(feed.id, &format!("p{}", number % 75)).await;
        assert_eq!(stamp, rows.map(|rows| rows.package.stamp), "p{}", number % 75);
    }
}

async fn a_feeds_stamp_follows_its_settings_under_all_its_names(bench: Bench) {
    let settings =
        FeedSettings { alternate_names: vec![sample::feed_name("Alias")], ..FeedSettings::default() };
    let feed = bench.create_feed("Feed", settings.clone()).await;
    let names = [StampOf::Feed("feed".into()), StampOf::Feed("alias".into())];
    assert_eq!(bench.stamps(&names).await.unwrap(), [Some(feed.revision); 2]);
    bench.publish(feed.id, "a", "1.0.0").await;
    assert_eq!(
        bench.stamps(&names).await.unwrap(),
        [Some(feed.revision); 2],
        "publishing changes no settings"
    );
    let expects = set().expect(Expect::Feed(feed.id, feed.revision));
    let update = FeedChange::Update { id: feed.id, name: feed.name.clone(), settings };
    bench.done(expects.with(update)).await;
    let stamps = bench.stamps(&names).await.unwrap();
    assert!(stamps[0] == stamps[1] && stamps[0].is_some_and(|stamp| stamp != feed.revision));
    bench.change(FeedChange::Delete(feed.id)).await;
    assert_eq!(bench.stamps(&names).await.unwrap(), [None; 2]);
    assert_eq!(bench.stamp(StampOf::Content(feed.id)).await, None);
}

async fn a_users_and_a_keys_stamp_follow_them(bench: Bench) {
    let new = NewUser { name: "Anna".into(), password: None, rights: Rights::default() };
    bench.change(AccountChange::CreateUser(new)).await;
    let user = bench.user("anna").await.unwrap().unwrap();
    let (of_user, hash) = (StampOf::User("anna".into()), KeyHash::of("secret text"));
    assert_eq!(bench.stamp(of_user.clone()).await, Some(user.revision));
    let mut seen = BTreeSet::from([user.revision]);
    for change in [
        AccountChange::SetPassword(user.id, Some("hash".into())),
        AccountChange::SetPassword(user.id, Some("hash".into())),
        AccountChange::SetUserRights(user.id, Rights::full_control()),
    ] {
        bench.change(change).await;
        let stamp = bench.stamp(of_user.clone()).await.expect("the user is there");
        assert!(seen.insert(stamp), "each change gives a new revision");
    }
    let key = NewKey {
        kind: KeyKind::Personal,
        hash,
        hint: "secr".into(),
        display_name: "Anna's".into(),
        description: String::new(),
        rights: Rights::default(),
        user: Some(user.id),
        expires: None,
    };
    bench.change(AccountChange::CreateKey(key)).await;
    let row = bench.key(&hash).await.unwrap().unwrap();
    assert_eq!(bench.stamp(StampOf::Key(hash)).await, Some(row.revision));
    bench.change(AccountChange::DeleteUser(user.id)).await;
    assert_eq!(bench.stamps(&[of_user, StampOf::Key(hash)]).await.unwrap(), [None; 2]);
}
