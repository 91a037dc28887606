//! Paging: by cursor, without repeats or gaps, also while others publish.

use super::bench::{Bench, LONG, add, version_ref};
use crate::catalog::{Catalog, Cursor, Found, PackageChange, Page, PageRequest, Search, VersionFilter};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set};
use crate::ids::FeedId;
use crate::package::{OrderKey, Stability, Version};
use futures::FutureExt as _;

pub(super) const CASES: &[Case<Bench>] = cases![
    pages_of_a_search_join_to_the_whole,
    pages_of_versions_join_to_the_whole,
    versions_of_equal_order_are_paged_by_key,
    a_cursor_outlives_its_row,
    pages_lose_and_repeat_nothing_while_others_publish,
    a_cursor_that_was_never_handed_out_is_no_failure,
    words_and_unlisted_rows_do_not_end_a_listing_early,
];

async fn page(catalog: &dyn Catalog, feed: FeedId, versions: bool, request: &PageRequest) -> Page<Found> {
    let page = match versions {
        true => catalog.versions(feed, &VersionFilter::default(), request).await,
        false => catalog.search(feed, &Search::default(), request).await,
    }
    .unwrap();
    assert!(page.rows.len() <= request.limit as usize, "never more rows than asked for");
    page
}

/// All pages of this size joined, as `name version`.
async fn walk(catalog: &dyn Catalog, feed: FeedId, versions: bool, limit: u32) -> Vec<String> {
    let (mut all, mut request) = (Vec::new(), PageRequest::first(limit));
    for _ in 0..10_000 {
        let page = page(catalog, feed, versions, &request).await;
        all.extend(page.rows.iter().map(|found| format!("{} {}", found.package.name, found.version.version)));
        let Some(next) = page.next else { return all };
        request.after = Some(next);
    }
    panic!("paging never comes to an end");
}

async fn pages_of_a_search_join_to_the_whole(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for number in [3, 1, 4, 1_5, 9, 2, 6] {
        bench.publish(feed, &format!("p{number:02}"), "1.0.0").await;
    }
    let whole = walk(&*bench, feed, false, 100).await;
    assert_eq!(whole.len(), 7);
    for limit in 1..=8 {
        assert_eq!(walk(&*bench, feed, false, limit).await, whole, "pages of {limit}");
    }
}

async fn pages_of_versions_join_to_the_whole(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for (package, version) in
        [("b", "10.0.0"), ("a", "2.0.0"), ("b", "1.0.0"), ("c", "1.0.0"), ("b", "1.0.0-rc"), ("a", "1.0.0")]
    {
        bench.publish(feed, package, version).await;
    }
    let whole = ["a 1.0.0", "a 2.0.0", "b 1.0.0-rc", "b 1.0.0", "b 10.0.0", "c 1.0.0"];
    for limit in 1..=7 {
        assert_eq!(walk(&*bench, feed, true, limit).await, whole, "pages of {limit}");
    }
}

async fn versions_of_equal_order_are_paged_by_key(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let blob = bench.reserve("bytes", LONG).await;
    for key in ["d", "a", "c", "b", "e"] {
        let mut file = sample::new_file(feed, "p", "1.0.0", "bytes", &blob);
        file.version = Version::new(key, key, OrderKey(vec![7, 0xff, 0]), Stability::Stable);
        file.file = sample::file_name(key);
        bench.add(file).await;
    }
    for limit in 1..=6 {
        assert_eq!(
            walk(&*bench, feed, true, limit).await,
            ["p a", "p b", "p c", "p d", "p e"],
            "pages of {limit}"
        );
    }
    let versions = bench.package(feed, "p").await.versions;
    let keys: Vec<&str> = versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c", "d", "e"]);
    assert_eq!(walk(&*bench, feed, false, 9).await, ["p e"], "the newest is the last of them");
}

async fn a_cursor_outlives_its_row(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for package in ["a", "b", "c", "d"] {
        bench.publish(feed, package, "1.0.0").await;
    }
    for versions in [false, true] {
        let first = page(&*bench, feed, versions, &PageRequest::first(2)).await;
        assert_eq!(first.rows[1].package.name.as_str(), "b");
        bench.change(PackageChange::RemoveVersion(version_ref(feed, "b", "1.0.0"))).await;
        let second = page(&*bench, feed, versions, &PageRequest { after: first.next, limit: 1 }).await;
        assert_eq!(second.rows[0].package.name.as_str(), "c", "the page after a row that is gone");
        bench.publish(feed, "b", "1.0.0").await;
    }
}

async fn pages_lose_and_repeat_nothing_while_others_publish(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let stays: Vec<String> = (0..20).map(|number| format!("p{number:02}-stays")).collect();
    for package in &stays {
        bench.publish(feed, package, "1.0.0").await;
    }
    let mut newcomers = Vec::new();
    for number in 0..40 {
        newcomers.push(bench.new_file(feed, &format!("p{:02}-comes-{number}", number % 20), "1.0.0").await);
    }
    let mut work = vec![];
    for chunk in newcomers.chunks(20) {
        let (bench, files) = (bench.clone(), chunk.to_vec());
        work.push(
            async move {
                for file in files {
                    bench.done(set().with(add(file))).await;
                }
                Vec::new()
            }
            .boxed(),
        );
    }
    for versions in [false, true] {
        let bench = bench.clone();
        work.push(async move { walk(&*bench, feed, versions, 3).await }.boxed());
    }
    let walks = bench.tasks.all(work).await;
    for walk in &walks[2..] {
        let mut sorted = walk.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), walk.len(), "no row comes twice: {walk:?}");
        for package in &stays {
            assert!(walk.contains(&format!("{package} 1.0.0")), "{package} was there all the time: {walk:?}");
        }
    }
}

async fn a_cursor_that_was_never_handed_out_is_no_failure(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    bench.publish(feed, "a", "1.0.0").await;
    for text in
        ["", "x", "-1", "99999999999999999999999", "' OR 1=1 --", "{\"a\":[]}", "[]", "\u{1f600}", "%00"]
    {
        let request = PageRequest { after: Some(Cursor(text.into())), limit: 5 };
        for versions in [false, true] {
            page(&*bench, feed, versions, &request).await;
        }
        assert!(bench.journal(&request).await.is_ok(), "a journal page after {text:?}");
    }
}

async fn words_and_unlisted_rows_do_not_end_a_listing_early(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    for number in 0..30 {
        let mut file = bench.new_file(feed, &format!("p{number:02}"), "1.0.0").await;
        file.summary = if number % 10 == 9 { "needle".into() } else { "hay".into() };
        bench.add(file).await;
    }
    let search = Search { text: vec!["needle".into()], ..Search::default() };
    let (mut names, mut request) = (Vec::new(), PageRequest::first(2));
    loop {
        let page = bench.search(feed, &search, &request).await.unwrap();
        names.extend(page.rows.iter().map(|found| found.package.name.to_string()));
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    assert_eq!(names, ["p09", "p19", "p29"]);
}
