//! Publishing: what a file brings, what it meets, what it leaves of an old version.

use super::bench::{Bench, LONG, add, version_ref};
use crate::catalog::{BlobState, Conflict, FeedChange, FeedTotals, PackageChange};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, fragment, new_file, set, tag, version_key};
use crate::package::{Download, FileRef, TagChange, TagMode, VersionStatus};

pub(super) const CASES: &[Case<Bench>] = cases![
    a_published_file_is_read_back_as_it_was_published,
    a_file_is_found_by_its_name_alone,
    a_second_file_joins_the_version_and_keeps_what_the_first_said,
    a_file_name_is_taken_within_the_package,
    the_same_bytes_may_be_many_files,
    publishing_makes_the_blob_live,
    publishing_without_the_blob_is_refused,
    publishing_into_a_feed_that_is_gone_is_refused,
    a_replaced_file_replaces_what_the_version_says,
    tags_move_or_stay_as_asked,
    versions_come_in_their_formats_order,
    totals_count_packages_versions_and_bytes,
];

async fn a_published_file_is_read_back_as_it_was_published(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let before = bench.instance().await.unwrap().now;
    let file = bench.new_file(feed.id, "Left-Pad", "1.0.0").await;
    bench.add(file.clone()).await;
    let after = bench.instance().await.unwrap().now;
    let rows = bench.package(feed.id, "left-pad").await;
    assert_eq!(rows.package.name, file.package, "the spelling is kept");
    assert_eq!((rows.package.feed, rows.tags.len(), rows.versions.len()), (feed.id, 0, 1));
    let version = &rows.versions[0];
    assert_eq!((&version.version, version.published_by.as_str()), (&file.version, "suite"));
    assert_eq!((&version.status, &version.summary), (&VersionStatus::default(), &file.summary));
    assert_eq!(version.fragment, file.version_fragment);
    let found = &version.files[0];
    assert_eq!((&found.name, found.blob, &found.store), (&file.file, file.blob, &sample::store()));
    assert_eq!((found.key, found.size, &found.digests), (file.key, file.size, &file.digests));
    assert_eq!(found.fragment, file.file_fragment);
    for at in [version.published, found.published, rows.package.created, rows.package.modified] {
        assert!(before <= at && at <= after, "times are the catalogue's own: {before} <= {at} <= {after}");
    }
    let key = version_key("1.0.0");
    let detail = bench.detail(feed.id, file.package.key(), &key).await.unwrap();
    assert_eq!(detail, Some(file.detail));
    assert_eq!(bench.detail(feed.id, file.package.key(), &version_key("2.0.0")).await.unwrap(), None);
}

async fn a_file_is_found_by_its_name_alone(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    bench.publish(feed.id, "left-pad", "1.0.0").await;
    bench.publish(feed.id, "left-pad", "1.1.0").await;
    let status = VersionStatus { listed: false, download: Download::Blocked, deprecated: Some("old".into()) };
    bench.change(PackageChange::SetStatus(version_ref(feed.id, "left-pad", "1.1.0"), status.clone())).await;
    let wanted = FileRef { package: sample::name("left-pad"), file: sample::file_of("left-pad", "1.1.0") };
    let found = bench.file(feed.id, &wanted).await.unwrap().expect("the file must be found");
    let rows = bench.package(feed.id, "left-pad").await;
    assert_eq!((found.stamp, found.status), (rows.package.stamp, status));
    assert_eq!((&found.version, &found.file), (&rows.versions[1].version, &rows.versions[1].files[0]));
    let other = bench.feed_called("other").await;
    assert_eq!(bench.file(other.id, &wanted).await.unwrap(), None, "not in another feed");
    for (package, file) in [("left-pad", "left-pad-2.0.0.tgz"), ("right-pad", "left-pad-1.1.0.tgz")] {
        let wanted = FileRef { package: sample::name(package), file: sample::file_name(file) };
        assert_eq!(bench.file(feed.id, &wanted).await.unwrap(), None, "{package} {file}");
    }
}

async fn a_second_file_joins_the_version_and_keeps_what_the_first_said(bench: Bench) {
    let feed = bench.feed_called("pypi").await;
    let first = bench.new_file(feed.id, "six", "1.0.0").await;
    bench.add(first.clone()).await;
    let mut second = bench.new_file(feed.id, "six", "1.0.0").await;
    second.file = sample::file_name("a-wheel.whl");
    (second.summary, second.detail) = ("another".into(), fragment("another"));
    second.version_fragment = fragment("another");
    bench.add(second.clone()).await;
    let rows = bench.package(feed.id, "six").await;
    assert_eq!(rows.versions.len(), 1, "both files are of one version");
    let version = &rows.versions[0];
    let names: Vec<&str> = version.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a-wheel.whl", first.file.as_str()], "files come by name");
    assert_eq!((&version.summary, &version.fragment), (&first.summary, &first.version_fragment));
    let detail = bench.detail(feed.id, first.package.key(), first.version.key()).await.unwrap();
    assert_eq!(detail, Some(first.detail));
}

async fn a_file_name_is_taken_within_the_package(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    bench.publish(feed.id, "left-pad", "1.0.0").await;
    let again = bench.new_file(feed.id, "left-pad", "1.0.0").await;
    bench.refused(set().with(add(again)), Conflict::FileExists, "the same file twice").await;
    let mut other = bench.new_file(feed.id, "left-pad", "2.0.0").await;
    other.file = sample::file_of("left-pad", "1.0.0");
    bench.refused(set().with(add(other.clone())), Conflict::FileExists, "in another version").await;
    other.package = sample::package("right-pad");
    bench.add(other).await;
}

async fn the_same_bytes_may_be_many_files(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    for name in ["a", "b", "c"] {
        let blob = bench.reserve("same", LONG).await;
        bench.add(new_file(feed.id, name, "1.0.0", "same", &blob)).await;
    }
    let blob = bench.reserve("same", LONG).await;
    assert_eq!(blob.references, 3);
    let mut users = bench.users_of(blob.id, 10).await.unwrap();
    users.sort();
    assert_eq!(users, ["npm/a/a-1.0.0.tgz", "npm/b/b-1.0.0.tgz", "npm/c/c-1.0.0.tgz"]);
    assert_eq!(bench.users_of(blob.id, 2).await.unwrap().len(), 2, "no more than were asked for");
}

async fn publishing_makes_the_blob_live(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let file = bench.new_file(feed.id, "left-pad", "1.0.0").await;
    let digest = file.key.digest;
    let before = bench.blob(&sample::store(), &digest).await.unwrap().unwrap();
    assert_eq!((before.state, before.references), (BlobState::Arriving, 0));
    bench.add(file).await;
    let after = bench.blob(&sample::store(), &digest).await.unwrap().unwrap();
    assert_eq!((after.state, after.references, after.id), (BlobState::Live, 1, before.id));
    assert!(after.touched > before.touched, "a publication touches the blob");
}

async fn publishing_without_the_blob_is_refused(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let mut file = bench.new_file(feed.id, "left-pad", "1.0.0").await;
    let right = file.key;
    file.key = sample::blob_key("left-pad 1.0.0");
    bench.refused(set().with(add(file.clone())), Conflict::BlobGone, "another generation of the blob").await;
    (file.key, file.blob.0) = (right, file.blob.0 + 1_000_000);
    bench.refused(set().with(add(file)), Conflict::BlobGone, "a blob row that is not there").await;
}

async fn publishing_into_a_feed_that_is_gone_is_refused(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let file = bench.new_file(feed.id, "left-pad", "1.0.0").await;
    bench.change(FeedChange::Delete(feed.id)).await;
    bench.refused(set().with(add(file)), Conflict::FeedChanged, "publishing into a deleted feed").await;
}

async fn a_replaced_file_replaces_what_the_version_says(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    let mut first = bench.new_file(feed.id, "left-pad", "1.0.0").await;
    first.tags = vec![TagChange { tag: tag("latest"), mode: TagMode::Move }];
    bench.add(first.clone()).await;
    let blob = bench.reserve("other bytes", LONG).await;
    let mut second = new_file(feed.id, "left-pad", "1.0.0", "other bytes", &blob);
    (second.summary, second.detail) = ("replaced".into(), fragment("replaced"));
    second.version_fragment = fragment("replaced");
    let remove = PackageChange::RemoveFile(feed.id, first.package.key().clone(), first.file.clone());
    bench.done(set().with(remove).with(add(second.clone()))).await;
    let rows = bench.package(feed.id, "left-pad").await;
    let version = &rows.versions[0];
    assert_eq!((version.files.len(), version.files[0].key), (1, second.key));
    assert_eq!((&version.summary, &version.fragment), (&second.summary, &second.version_fragment));
    let detail = bench.detail(feed.id, second.package.key(), second.version.key()).await.unwrap();
    assert_eq!(detail, Some(second.detail));
    assert_eq!(rows.tags, [(tag("latest"), version_key("1.0.0"))], "the version itself was never away");
}

async fn tags_move_or_stay_as_asked(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    for (number, mode) in
        [("1.0.0", TagMode::IfAbsent), ("2.0.0", TagMode::IfAbsent), ("3.0.0", TagMode::Move)]
    {
        let mut file = bench.new_file(feed.id, "left-pad", number).await;
        file.tags = vec![
            TagChange { tag: tag("latest"), mode },
            TagChange { tag: tag(&format!("v{number}")), mode: TagMode::Move },
        ];
        bench.add(file).await;
        let latest = bench.package(feed.id, "left-pad").await.tags[0].clone();
        let expected = if mode == TagMode::Move { number } else { "1.0.0" };
        assert_eq!(latest, (tag("latest"), version_key(expected)), "{mode:?} {number}");
    }
    let tags = bench.package(feed.id, "left-pad").await.tags;
    let names: Vec<&str> = tags.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(names, ["latest", "v1.0.0", "v2.0.0", "v3.0.0"], "tags come by name");
}

async fn versions_come_in_their_formats_order(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    for number in ["10.0.0", "2.0.0", "2.0.0-rc", "300.0.0", "2.0.0-beta", "128.0.0"] {
        bench.publish(feed.id, "left-pad", number).await;
    }
    let rows = bench.package(feed.id, "left-pad").await;
    let order: Vec<&str> = rows.versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(order, ["2.0.0-beta", "2.0.0-rc", "2.0.0", "10.0.0", "128.0.0", "300.0.0"]);
}

async fn totals_count_packages_versions_and_bytes(bench: Bench) {
    let feed = bench.feed_called("npm").await;
    bench.feed_called("other").await;
    for (name, number) in [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")] {
        let blob = bench.reserve("12345", LONG).await;
        bench.add(new_file(feed.id, name, number, "12345", &blob)).await;
    }
    let expected = FeedTotals { packages: 2, versions: 3, bytes: 15 };
    assert_eq!(bench.totals(feed.id).await.unwrap(), expected, "a blob counts as often as it is referred to");
}
