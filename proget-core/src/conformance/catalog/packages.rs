//! Changes to packages that are there: tags, status, removal, downloads.

use super::bench::{Bench, add, version_ref};
use crate::catalog::{BlobWanted, Conflict, PackageChange};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, name, set, tag, version_key};
use crate::ids::FileId;
use crate::package::{Download, VersionStatus};

pub(super) const CASES: &[Case<Bench>] = cases![
    a_tag_is_set_moved_and_removed,
    a_tag_needs_its_version,
    every_status_is_kept,
    a_status_needs_its_version,
    removing_a_version_removes_its_tags_and_files_only,
    removing_the_last_version_removes_the_package,
    removing_what_is_not_there_is_refused,
    removing_a_file_leaves_its_version,
    removing_a_package_removes_all_of_it,
    downloads_are_counted_and_forgotten_with_their_files,
    changes_are_applied_in_their_order,
    all_of_a_set_or_none_of_it,
];

async fn a_tag_is_set_moved_and_removed(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    bench.publish(feed, "left-pad", "2.0.0").await;
    for number in ["2.0.0", "1.0.0"] {
        bench.change(PackageChange::SetTag(version_ref(feed, "left-pad", number), tag("next"))).await;
        assert_eq!(bench.package(feed, "left-pad").await.tags, [(tag("next"), version_key(number))]);
    }
    for _ in 0..2 {
        // The second time there is nothing to remove, and that is fine.
        bench.change(PackageChange::RemoveTag(feed, name("left-pad"), tag("next"))).await;
        assert_eq!(bench.package(feed, "left-pad").await.tags, []);
    }
    bench.change(PackageChange::RemoveTag(feed, name("absent"), tag("next"))).await;
}

async fn a_tag_needs_its_version(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    for (package, number) in [("left-pad", "2.0.0"), ("absent", "1.0.0")] {
        let change = PackageChange::SetTag(version_ref(feed, package, number), tag("next"));
        bench
            .refused(set().with(change), Conflict::VersionAbsent, "a tag on a version that is not there")
            .await;
    }
}

async fn every_status_is_kept(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    for listed in [false, true] {
        for download in [Download::Allowed, Download::Blocked, Download::ByRule] {
            for deprecated in [Some("use \u{1f600} instead".to_owned()), Some(String::new()), None] {
                let status = VersionStatus { listed, download, deprecated };
                let of = version_ref(feed, "left-pad", "1.0.0");
                bench.change(PackageChange::SetStatus(of, status.clone())).await;
                assert_eq!(bench.package(feed, "left-pad").await.versions[0].status, status);
            }
        }
    }
}

async fn a_status_needs_its_version(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    let change = PackageChange::SetStatus(version_ref(feed, "left-pad", "9.0.0"), VersionStatus::default());
    bench
        .refused(set().with(change), Conflict::VersionAbsent, "a status of a version that is not there")
        .await;
}

async fn removing_a_version_removes_its_tags_and_files_only(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for number in ["1.0.0", "2.0.0"] {
        bench.publish(feed, "left-pad", number).await;
        bench.change(PackageChange::SetTag(version_ref(feed, "left-pad", number), tag(number))).await;
    }
    bench.change(PackageChange::RemoveVersion(version_ref(feed, "left-pad", "1.0.0"))).await;
    let rows = bench.package(feed, "left-pad").await;
    assert_eq!(rows.versions.len(), 1);
    assert_eq!(rows.tags, [(tag("2.0.0"), version_key("2.0.0"))]);
    let gone = bench.detail(feed, &name("left-pad"), &version_key("1.0.0")).await.unwrap();
    assert_eq!(gone, None, "its detail is gone too");
    let blobs = bench.blobs(BlobWanted::All, None, 9).await.unwrap();
    let mut references: Vec<u64> = blobs.iter().map(|blob| blob.references).collect();
    references.sort_unstable();
    assert_eq!(references, [0, 1], "the blob stays, without a reference");
    bench.publish(feed, "left-pad", "1.0.0").await;
    assert_eq!(bench.package(feed, "left-pad").await.versions.len(), 2, "it can be published again");
}

async fn removing_the_last_version_removes_the_package(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    bench.publish(feed, "other", "1.0.0").await;
    let before = bench.package(feed, "left-pad").await.package;
    bench.change(PackageChange::RemoveVersion(version_ref(feed, "left-pad", "1.0.0"))).await;
    assert_eq!(bench.find(feed, "left-pad").await, None);
    assert_eq!(bench.totals(feed).await.unwrap().packages, 1);
    bench.publish(feed, "left-pad", "1.0.0").await;
    assert_ne!(bench.package(feed, "left-pad").await.package.stamp, before.stamp, "stamps never repeat");
}

async fn removing_what_is_not_there_is_refused(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    let version = PackageChange::RemoveVersion(version_ref(feed, "left-pad", "3.0.0"));
    bench.refused(set().with(version), Conflict::VersionAbsent, "a version that is not there").await;
    let package = PackageChange::RemovePackage(feed, name("absent"));
    bench.refused(set().with(package), Conflict::Absent, "a package that is not there").await;
    for (package, file) in [("left-pad", "absent.tgz"), ("absent", "left-pad-1.0.0.tgz")] {
        let file = PackageChange::RemoveFile(feed, name(package), sample::file_name(file));
        bench.refused(set().with(file), Conflict::Absent, "a file that is not there").await;
    }
}

async fn removing_a_file_leaves_its_version(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    let file = sample::file_of("left-pad", "1.0.0");
    bench.change(PackageChange::RemoveFile(feed, name("left-pad"), file)).await;
    let rows = bench.package(feed, "left-pad").await;
    assert_eq!((rows.versions.len(), rows.versions[0].files.len()), (1, 0));
}

async fn removing_a_package_removes_all_of_it(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for number in ["1.0.0", "2.0.0", "3.0.0"] {
        bench.publish(feed, "left-pad", number).await;
    }
    bench.change(PackageChange::SetTag(version_ref(feed, "left-pad", "2.0.0"), tag("latest"))).await;
    bench.change(PackageChange::RemovePackage(feed, name("left-pad"))).await;
    assert_eq!(bench.find(feed, "left-pad").await, None);
    bench.publish(feed, "left-pad", "2.0.0").await;
    let rows = bench.package(feed, "left-pad").await;
    assert_eq!((rows.versions.len(), rows.tags.len()), (1, 0), "nothing of the old package comes back");
}

async fn downloads_are_counted_and_forgotten_with_their_files(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    bench.publish(feed, "left-pad", "2.0.0").await;
    let rows = bench.package(feed, "left-pad").await;
    let [first, second] = [0, 1].map(|at| rows.versions[at].files[0].id);
    let unknown = FileId(second.0 + 1_000_000);
    let stamp = rows.package.stamp;
    bench.change(PackageChange::CountDownloads(vec![(first, 2), (unknown, 7), (second, 1)])).await;
    bench.change(PackageChange::CountDownloads(vec![(first, 40)])).await;
    assert_eq!(bench.downloads(&[second, unknown, first, second]).await.unwrap(), [1, 0, 42, 1]);
    assert!(bench.downloads(&[]).await.unwrap().is_empty());
    assert_eq!(bench.package(feed, "left-pad").await.package.stamp, stamp, "counting changes no stamp");
    bench.change(PackageChange::RemoveVersion(version_ref(feed, "left-pad", "1.0.0"))).await;
    assert_eq!(bench.downloads(&[first, second]).await.unwrap(), [0, 1]);
}

async fn changes_are_applied_in_their_order(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let file = bench.new_file(feed, "left-pad", "1.0.0").await;
    let of = || version_ref(feed, "left-pad", "1.0.0");
    let backwards = set().with(PackageChange::SetTag(of(), tag("latest"))).with(add(file.clone()));
    bench.refused(backwards, Conflict::VersionAbsent, "a tag set before its version exists").await;
    bench.done(set().with(add(file.clone())).with(PackageChange::SetTag(of(), tag("latest")))).await;
    assert_eq!(bench.package(feed, "left-pad").await.tags.len(), 1);
    bench.done(set().with(PackageChange::RemoveVersion(of())).with(add(file))).await;
    let rows = bench.package(feed, "left-pad").await;
    assert_eq!((rows.versions.len(), rows.tags.len()), (1, 0), "removed, then published anew");
}

async fn all_of_a_set_or_none_of_it(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "left-pad", "1.0.0").await;
    let fresh = bench.new_file(feed, "fresh", "1.0.0").await;
    let taken = bench.new_file(feed, "left-pad", "1.0.0").await;
    let entry = crate::catalog::JournalEntry {
        action: crate::catalog::Action::Published,
        feed: Some(feed),
        subject: "fresh 1.0.0".into(),
    };
    let half = set()
        .with(add(fresh))
        .with(PackageChange::SetTag(version_ref(feed, "left-pad", "1.0.0"), tag("latest")))
        .with(add(taken))
        .record(entry);
    bench.refused(half, Conflict::FileExists, "the third change of a set is refused").await;
}
