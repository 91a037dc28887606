//! Searching: which packages are found, and by which of their versions.

use super::bench::{Bench, version_ref};
use crate::catalog::{PackageChange, PageRequest, Search, VersionFilter, Visibility};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{name, version_key};
use crate::ids::FeedId;
use crate::package::VersionStatus;

pub(super) const CASES: &[Case<Bench>] = cases![
    a_search_gives_each_package_with_its_newest_version,
    unlisted_versions_do_not_count_unless_asked_for,
    prereleases_do_not_count_if_only_stable_ones_are_wanted,
    a_search_by_name_finds_that_package_only,
    a_prefix_is_compared_byte_by_byte,
    every_word_must_be_somewhere,
    words_are_what_the_version_found_says,
    words_are_no_patterns,
    a_search_stays_within_its_feed,
    versions_are_listed_by_package_and_age,
];

/// The packages found and their versions, as `name version`.
async fn found(bench: &Bench, feed: FeedId, search: Search) -> Vec<String> {
    let page = bench.search(feed, &search, &PageRequest::first(100)).await.unwrap();
    assert_eq!(page.next, None, "a page that holds all is the last one");
    page.rows.iter().map(|found| format!("{} {}", found.package.name, found.version.version)).collect()
}

fn words(words: &[&str]) -> Search {
    Search { text: words.iter().map(|word| (*word).to_owned()).collect(), ..Search::default() }
}

async fn unlist(bench: &Bench, feed: FeedId, package: &str, version: &str) {
    let status = VersionStatus { listed: false, ..VersionStatus::default() };
    bench.change(PackageChange::SetStatus(version_ref(feed, package, version), status)).await;
}

async fn a_search_gives_each_package_with_its_newest_version(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    assert_eq!(found(&bench, feed, Search::default()).await, [""; 0], "an empty feed");
    for (package, version) in
        [("b", "2.0.0"), ("b", "10.0.0"), ("b", "9.0.0"), ("a", "1.0.0"), ("C", "1.0.0")]
    {
        bench.publish(feed, package, version).await;
    }
    assert_eq!(found(&bench, feed, Search::default()).await, ["a 1.0.0", "b 10.0.0", "C 1.0.0"]);
    let page = bench.search(feed, &Search::default(), &PageRequest::first(100)).await.unwrap();
    let rows = bench.package(feed, "b").await;
    assert_eq!(page.rows[1].package, rows.package);
    assert_eq!(Some(&page.rows[1].version), rows.versions.last(), "the whole row, files included");
}

async fn unlisted_versions_do_not_count_unless_asked_for(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for (package, version) in [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")] {
        bench.publish(feed, package, version).await;
    }
    unlist(&bench, feed, "a", "2.0.0").await;
    unlist(&bench, feed, "b", "1.0.0").await;
    assert_eq!(found(&bench, feed, Search::default()).await, ["a 1.0.0"]);
    let all = Search { visibility: Visibility::All, ..Search::default() };
    assert_eq!(found(&bench, feed, all).await, ["a 2.0.0", "b 1.0.0"]);
}

async fn prereleases_do_not_count_if_only_stable_ones_are_wanted(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for (package, version) in [("a", "1.0.0"), ("a", "2.0.0-rc"), ("b", "1.0.0-rc")] {
        bench.publish(feed, package, version).await;
    }
    assert_eq!(found(&bench, feed, Search::default()).await, ["a 2.0.0-rc", "b 1.0.0-rc"]);
    let stable = Search { stable_only: true, ..Search::default() };
    assert_eq!(found(&bench, feed, stable).await, ["a 1.0.0"]);
}

async fn a_search_by_name_finds_that_package_only(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for package in ["left-pad", "left-pad-2", "left"] {
        bench.publish(feed, package, "1.0.0").await;
    }
    let by_name = |text: &str| Search { name: Some(name(text)), ..Search::default() };
    assert_eq!(found(&bench, feed, by_name("left-pad")).await, ["left-pad 1.0.0"]);
    assert_eq!(found(&bench, feed, by_name("left-")).await, [""; 0]);
}

async fn a_prefix_is_compared_byte_by_byte(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for package in ["@acme/a", "@acme/b", "@acmf/c", "@acm", "a_b", "axb", "a%c"] {
        bench.publish(feed, package, "1.0.0").await;
    }
    let begins = |text: &str| Search { prefix: Some(text.into()), ..Search::default() };
    assert_eq!(found(&bench, feed, begins("@acme/")).await, ["@acme/a 1.0.0", "@acme/b 1.0.0"]);
    assert_eq!(found(&bench, feed, begins("a_")).await, ["a_b 1.0.0"], "'_' is no wild card");
    assert_eq!(found(&bench, feed, begins("a%")).await, ["a%c 1.0.0"], "'%' is no wild card");
    assert_eq!(found(&bench, feed, begins("@ACME/")).await, [""; 0], "keys are compared byte by byte");
    assert_eq!(found(&bench, feed, begins("")).await.len(), 7);
}

async fn every_word_must_be_somewhere(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let mut file = bench.new_file(feed, "Left-Pad", "1.0.0").await;
    file.summary = "Pads a String on its left side".into();
    file.keywords = vec!["Padding".into(), "whitespace character".into()];
    bench.add(file).await;
    bench.publish(feed, "right-pad", "1.0.0").await;
    let one = ["Left-Pad 1.0.0"];
    for text in [&["left-pad"][..], &["STRING"], &["padding"], &["eft-PA"], &["left", "whitespace", "string"]]
    {
        assert_eq!(found(&bench, feed, words(text)).await, one, "{text:?}");
    }
    for text in [&["left", "absent"][..], &["left-padpads"], &["paddingwhitespace"]] {
        assert_eq!(found(&bench, feed, words(text)).await, [""; 0], "{text:?}");
    }
    assert_eq!(found(&bench, feed, words(&["pad"])).await.len(), 2);
}

async fn words_are_what_the_version_found_says(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for (version, summary) in
        [("1.0.0", "oldish words"), ("2.0.0", "newish words"), ("3.0.0-rc", "riskish words")]
    {
        let mut file = bench.new_file(feed, "left-pad", version).await;
        file.summary = summary.into();
        bench.add(file).await;
    }
    unlist(&bench, feed, "left-pad", "1.0.0").await;
    assert_eq!(found(&bench, feed, words(&["riskish"])).await, ["left-pad 3.0.0-rc"]);
    assert_eq!(found(&bench, feed, words(&["newish"])).await, [""; 0], "not the newest that counts");
    let stable = Search { stable_only: true, ..words(&["newish"]) };
    assert_eq!(found(&bench, feed, stable).await, ["left-pad 2.0.0"]);
}

async fn words_are_no_patterns(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let mut file = bench.new_file(feed, "left-pad", "1.0.0").await;
    file.summary = r"100% pure \ and 'quoted' a_b".into();
    bench.add(file).await;
    for text in ["100%", r"\", "'quoted'", "a_b", r"e \ a"] {
        assert_eq!(found(&bench, feed, words(&[text])).await.len(), 1, "{text:?}");
    }
    for text in ["1%e", "a_p", "left%pad", "l_ft", r"\%", "*", "'quoted\""] {
        assert_eq!(found(&bench, feed, words(&[text])).await.len(), 0, "{text:?}");
    }
}

async fn a_search_stays_within_its_feed(bench: Bench) {
    let (one, other) = (bench.feed_called("one").await.id, bench.feed_called("other").await.id);
    bench.publish(one, "a", "1.0.0").await;
    bench.publish(other, "b", "1.0.0").await;
    assert_eq!(found(&bench, one, Search::default()).await, ["a 1.0.0"]);
    assert_eq!(found(&bench, other, Search::default()).await, ["b 1.0.0"]);
}

async fn versions_are_listed_by_package_and_age(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for (package, version) in [("b", "2.0.0"), ("b", "10.0.0"), ("a", "1.0.0"), ("b", "3.0.0-rc")] {
        bench.publish(feed, package, version).await;
    }
    unlist(&bench, feed, "b", "2.0.0").await;
    let list = async |filter: VersionFilter| {
        let page = bench.versions(feed, &filter, &PageRequest::first(100)).await.unwrap();
        let text =
            |found: &crate::catalog::Found| format!("{} {}", found.package.name, found.version.version);
        page.rows.iter().map(text).collect::<Vec<String>>()
    };
    let all = ["a 1.0.0", "b 2.0.0", "b 3.0.0-rc", "b 10.0.0"];
    assert_eq!(list(VersionFilter::default()).await, all, "unlisted ones too");
    let of = |package: Option<&str>, version: Option<&str>| VersionFilter {
        name: package.map(name),
        version: version.map(version_key),
    };
    assert_eq!(list(of(Some("b"), None)).await, all[1..]);
    assert_eq!(list(of(Some("b"), Some("10.0.0"))).await, all[3..]);
    assert_eq!(list(of(None, Some("1.0.0"))).await, all[..1]);
    assert_eq!(list(of(Some("a"), Some("2.0.0"))).await, [""; 0]);
    let page = bench.versions(feed, &of(Some("b"), None), &PageRequest::first(9)).await.unwrap();
    let rows = bench.package(feed, "b").await;
    let versions: Vec<_> = page.rows.into_iter().map(|found| found.version).collect();
    assert_eq!(versions, rows.versions, "whole rows, files included");
}
