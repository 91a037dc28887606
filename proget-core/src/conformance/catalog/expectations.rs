//! Expectations: what must be so when a set commits, or nothing of it happens.

use super::bench::{Bench, add, version_ref};
use crate::access::Rights;
use crate::catalog::{
    AccountChange, Conflict, Expect, FeedChange, KeyHash, KeyKind, NewKey, NewUser, PackageChange,
};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{name, set, tag};
use crate::ids::{KeyId, Stamp, UserId};

pub(super) const CASES: &[Case<Bench>] = cases![
    a_publish_expects_the_feed_as_it_was_judged,
    a_publish_expects_the_user_as_it_was_judged,
    a_publish_expects_the_key_as_it_was_judged,
    a_package_is_expected_with_its_stamp_or_absent,
    every_expectation_counts,
];

async fn a_publish_expects_the_feed_as_it_was_judged(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let expected = Expect::Feed(feed.id, feed.revision);
    let file = bench.new_file(feed.id, "a", "1.0.0").await;
    bench.done(set().expect(expected.clone()).with(add(file))).await;
    let (id, name, settings) = (feed.id, feed.name, feed.settings);
    bench.change(FeedChange::Update { id, name, settings }).await;
    let file = bench.new_file(feed.id, "a", "2.0.0").await;
    let stale = || set().expect(expected.clone()).with(add(file.clone()));
    bench.refused(stale(), Conflict::FeedChanged, "the feed's settings have changed").await;
    bench.change(FeedChange::Delete(feed.id)).await;
    bench.refused(stale(), Conflict::FeedChanged, "the feed is gone").await;
}

async fn a_publish_expects_the_user_as_it_was_judged(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let new = NewUser { name: "anna".into(), password: None, rights: Rights::default() };
    bench.change(AccountChange::CreateUser(new)).await;
    let user = bench.user("anna").await.unwrap().unwrap();
    let file = bench.new_file(feed.id, "a", "1.0.0").await;
    bench.done(set().expect(Expect::User(user.id, user.revision)).with(add(file))).await;
    let file = bench.new_file(feed.id, "a", "2.0.0").await;
    let stale = || set().expect(Expect::User(user.id, user.revision)).with(add(file.clone()));
    bench.change(AccountChange::SetUserRights(user.id, Rights::default())).await;
    bench.refused(stale(), Conflict::CredentialChanged, "the user's rights have changed").await;
    bench.change(AccountChange::DeleteUser(user.id)).await;
    bench.refused(stale(), Conflict::CredentialChanged, "the user is gone").await;
    let nobody = set().expect(Expect::User(UserId(1_000_000), Stamp::random())).with(add(file.clone()));
    bench.refused(nobody, Conflict::CredentialChanged, "there never was such a user").await;
}

async fn a_publish_expects_the_key_as_it_was_judged(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let hash = KeyHash::of("secret");
    let key = NewKey {
        kind: KeyKind::System,
        hash,
        hint: "secr".into(),
        display_name: "ci".into(),
        description: String::new(),
        rights: Rights::full_control(),
        user: None,
        expires: None,
    };
    bench.change(AccountChange::CreateKey(key)).await;
    let key = bench.key(&hash).await.unwrap().unwrap();
    let file = bench.new_file(feed.id, "a", "1.0.0").await;
    let other = set().expect(Expect::Key(key.id, Stamp::random())).with(add(file.clone()));
    bench.refused(other, Conflict::CredentialChanged, "another revision of the key").await;
    bench.done(set().expect(Expect::Key(key.id, key.revision)).with(add(file))).await;
    bench.change(AccountChange::RevokeKey(key.id)).await;
    let file = bench.new_file(feed.id, "a", "2.0.0").await;
    for id in [key.id, KeyId(1_000_000)] {
        let revoked = set().expect(Expect::Key(id, key.revision)).with(add(file.clone()));
        bench.refused(revoked, Conflict::CredentialChanged, "the key is revoked").await;
    }
}

async fn a_package_is_expected_with_its_stamp_or_absent(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let expect = |stamp: Option<Stamp>| set().expect(Expect::Package(feed, name("a"), stamp));
    let file = bench.new_file(feed, "a", "1.0.0").await;
    let early = expect(Some(Stamp::random())).with(add(file.clone()));
    bench
        .refused(early, Conflict::PackageChanged, "a stamp is expected of a package that is not there")
        .await;
    bench.done(expect(None).with(add(file))).await;
    let stamp = bench.package(feed, "a").await.package.stamp;
    let tag_it = || PackageChange::SetTag(version_ref(feed, "a", "1.0.0"), tag("latest"));
    bench.refused(expect(None).with(tag_it()), Conflict::PackageChanged, "the package is there").await;
    bench.done(expect(Some(stamp)).with(tag_it())).await;
    bench.refused(expect(Some(stamp)).with(tag_it()), Conflict::PackageChanged, "it was touched since").await;
    bench.change(PackageChange::RemovePackage(feed, name("a"))).await;
    bench
        .refused(expect(Some(stamp)), Conflict::PackageChanged, "it is gone, and the set changes nothing")
        .await;
    bench.done(expect(None)).await;
}

async fn every_expectation_counts(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let file = bench.new_file(feed.id, "a", "1.0.0").await;
    let good = || set().expect(Expect::Feed(feed.id, feed.revision));
    let absent = Expect::Package(feed.id, name("a"), None);
    let bad = Expect::Package(feed.id, name("b"), Some(Stamp::random()));
    for set in [good().expect(bad.clone()).expect(absent.clone()), good().expect(absent.clone()).expect(bad)]
    {
        bench.refused(set.with(add(file.clone())), Conflict::PackageChanged, "one of three is not met").await;
    }
    bench.done(good().expect(absent).with(add(file))).await;
}
