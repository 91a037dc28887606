//! Searching for what hardly any package has, behind more packages than anybody looks through. A
//! catalogue may keep an index for that; what it finds must be what a comparison of all would find.

use super::bench::{Bench, add, version_ref};
use crate::catalog::{PackageChange, PageRequest, Search, Visibility};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, name, set};
use crate::ids::FeedId;
use crate::package::VersionStatus;

pub(super) const CASES: &[Case<Bench>] = cases![
    rare_words_are_found_behind_many_packages,
    pages_of_rare_words_join_to_the_whole,
    rare_words_stay_within_feed_and_prefix,
    what_is_found_follows_every_change,
    a_long_text_is_searched_to_its_end,
];

/// More packages than a search may be expected to look through before it asks an index.
const HAY: usize = 100;

/// A feed of hay in one change set: `hay-000` and so on, which all say the same.
async fn haystack(bench: &Bench) -> FeedId {
    let feed = bench.feed_called("npm").await.id;
    let blob = bench.new_file(feed, "hay", "1.0.0").await;
    let mut all = set();
    for number in 0..HAY {
        let mut file = blob.clone();
        file.package = sample::package(&format!("hay-{number:03}"));
        file.summary = "dry grass, common".into();
        all = all.with(add(file));
    }
    bench.done(all).await;
    feed
}

async fn say(bench: &Bench, feed: FeedId, package: &str, version: &str, summary: &str) {
    let mut file = bench.new_file(feed, package, version).await;
    file.summary = summary.into();
    bench.add(file).await;
}

fn words(words: &[&str]) -> Search {
    Search { text: words.iter().map(|word| (*word).to_owned()).collect(), ..Search::default() }
}

/// What is found on pages of this size, as `name version`.
async fn found(bench: &Bench, feed: FeedId, search: &Search, limit: u32) -> Vec<String> {
    let (mut all, mut request) = (Vec::new(), PageRequest::first(limit));
    loop {
        let page = bench.search(feed, search, &request).await.unwrap();
        let text =
            |found: &crate::catalog::Found| format!("{} {}", found.package.name, found.version.version);
        all.extend(page.rows.iter().map(text));
        assert!(
            page.rows.len() <= limit as usize,
            "a page of {} where {limit} were asked for",
            page.rows.len()
        );
        match page.next {
            Some(next) => request.after = Some(next),
            None => return all,
        }
    }
}

async fn rare_words_are_found_behind_many_packages(bench: Bench) {
    let feed = haystack(&bench).await;
    say(&bench, feed, "needle", "1.0.0", "Very Sharp, ünusual: 50% of a_b").await;
    for text in [&["needle"][..], &["SHARP"], &["eed", "harp", "50%"], &["a", "sharp"], &["ü"], &["p,"]] {
        assert_eq!(found(&bench, feed, &words(text), 10).await, ["needle 1.0.0"], "{text:?}");
    }
    for text in [&["needles"][..], &["sharp", "common"], &["edl", "grass"], &["sharp!"], &["s_arp"], &["zz"]]
    {
        assert_eq!(found(&bench, feed, &words(text), 10).await, [""; 0], "{text:?}");
    }
    assert_eq!(found(&bench, feed, &words(&["hay-099"]), 10).await, ["hay-099 1.0.0"]);
    assert_eq!(found(&bench, feed, &words(&["common"]), 10).await.len(), HAY);
}

async fn pages_of_rare_words_join_to_the_whole(bench: Bench) {
    let feed = haystack(&bench).await;
    let mut needles = Vec::new();
    for number in 0..25 {
        let package = format!("needle-{number:02}");
        say(&bench, feed, &package, "1.0.0", "sharp").await;
        needles.push(format!("{package} 1.0.0"));
    }
    say(&bench, feed, "a-needle", "1.0.0", "sharp").await;
    needles.insert(0, "a-needle 1.0.0".into());
    for limit in [1, 7, 26, 100] {
        assert_eq!(found(&bench, feed, &words(&["sharp"]), limit).await, needles, "pages of {limit}");
        assert_eq!(found(&bench, feed, &words(&["ha"]), limit).await.len(), HAY + 26, "pages of {limit}");
    }
    // Neither rare nor common.
    let nines: Vec<String> = (0..10).map(|number| format!("hay-0{number}9 1.0.0")).collect();
    for limit in [3, 10, 50] {
        assert_eq!(found(&bench, feed, &words(&["9", "common", "hay-00"]), limit).await, nines[..1]);
        let found = found(&bench, feed, &words(&["common", "9"]), limit).await;
        assert_eq!(found.len(), 19, "pages of {limit}: {found:?}");
        assert!(nines.iter().all(|nine| found.contains(nine)), "pages of {limit}: {found:?}");
    }
}

async fn rare_words_stay_within_feed_and_prefix(bench: Bench) {
    let feed = haystack(&bench).await;
    let other = bench.feed_called("other").await.id;
    say(&bench, feed, "needle", "1.0.0", "sharp").await;
    say(&bench, feed, "pin", "1.0.0", "sharp").await;
    say(&bench, other, "thorn", "1.0.0", "sharp").await;
    assert_eq!(found(&bench, feed, &words(&["sharp"]), 5).await, ["needle 1.0.0", "pin 1.0.0"]);
    assert_eq!(found(&bench, other, &words(&["sharp"]), 5).await, ["thorn 1.0.0"]);
    assert_eq!(found(&bench, other, &words(&["needle"]), 5).await, [""; 0]);
    let prefix = Search { prefix: Some("p".into()), ..words(&["sharp"]) };
    assert_eq!(found(&bench, feed, &prefix, 5).await, ["pin 1.0.0"]);
    let by_name = Search { name: Some(name("pin")), ..words(&["sharp"]) };
    assert_eq!(found(&bench, feed, &by_name, 5).await, ["pin 1.0.0"]);
}

async fn what_is_found_follows_every_change(bench: Bench) {
    let feed = haystack(&bench).await;
    say(&bench, feed, "needle", "1.0.0", "sharp").await;
    say(&bench, feed, "needle", "2.0.0", "blunt").await;
    let finds = async |text: &str| found(&bench, feed, &words(&[text]), 5).await;
    assert_eq!(finds("blunt").await, ["needle 2.0.0"]);
    assert_eq!(finds("sharp").await, [""; 0], "not the newest");

    let second = || version_ref(feed, "needle", "2.0.0");
    let unlisted = VersionStatus { listed: false, ..VersionStatus::default() };
    bench.change(PackageChange::SetStatus(second(), unlisted)).await;
    assert_eq!(finds("sharp").await, ["needle 1.0.0"], "the newest that is listed");
    let all = Search { visibility: Visibility::All, ..words(&["blunt"]) };
    assert_eq!(found(&bench, feed, &all, 5).await, ["needle 2.0.0"]);

    bench.change(PackageChange::SetStatus(second(), VersionStatus::default())).await;
    let file = bench.package(feed, "needle").await.versions[1].files[0].name.clone();
    bench.change(PackageChange::RemoveFile(feed, name("needle"), file)).await;
    say(&bench, feed, "needle", "2.0.0", "rusty").await;
    assert_eq!(finds("rusty").await, ["needle 2.0.0"], "the text of the file that replaced another");
    assert_eq!(finds("blunt").await, [""; 0], "the replaced text");

    bench.change(PackageChange::RemoveVersion(second())).await;
    assert_eq!(finds("sharp").await, ["needle 1.0.0"]);
    assert_eq!(finds("rusty").await, [""; 0], "a deleted version");
    bench.change(PackageChange::RemovePackage(feed, name("needle"))).await;
    assert_eq!(finds("sharp").await, [""; 0], "a deleted package");
    say(&bench, feed, "needle", "1.0.0", "bent").await;
    assert_eq!(finds("bent").await, ["needle 1.0.0"], "published again");
    assert_eq!(finds("sharp").await, [""; 0], "what the deleted package said");
}

async fn a_long_text_is_searched_to_its_end(bench: Bench) {
    let feed = haystack(&bench).await;
    let numbers: Vec<String> = (10_000..20_000).map(|number| number.to_string()).collect();
    say(&bench, feed, "long", "1.0.0", &format!("{} the-end", numbers.join(" "))).await;
    let mixed: String =
        (0..30_000_u32).filter_map(|number| char::from_u32(0x4e00 + number % 20_000)).collect();
    for (version, text) in [("1.0.0", "short"), ("2.0.0", &*mixed), ("3.0.0", "short again")] {
        say(&bench, feed, "varied", version, text).await;
    }
    for (text, package) in [("the-end", "long 1.0.0"), ("19999 the", "long 1.0.0"), ("again", "varied 3.0.0")]
    {
        assert_eq!(found(&bench, feed, &words(&[text]), 5).await, [package], "{text:?}");
    }
    assert_eq!(found(&bench, feed, &words(&["the-end", "short"]), 5).await, [""; 0]);
    bench.change(PackageChange::RemoveVersion(version_ref(feed, "varied", "3.0.0"))).await;
    assert_eq!(found(&bench, feed, &words(&[&mixed[300..360]]), 5).await, ["varied 2.0.0"]);
}
