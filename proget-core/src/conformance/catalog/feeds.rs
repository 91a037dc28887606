//! Feeds: names, alternate names, settings, deletion.

use super::bench::Bench;
use crate::catalog::{BlobWanted, Conflict, FeedChange, FeedTotals, PageRequest, Search};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, feed_name, set};
use crate::feed::{FeedSettings, Overwrite, StoreName};
use serde_json::json;

pub(super) const CASES: &[Case<Bench>] = cases![
    an_empty_catalogue_has_no_feeds,
    a_feed_keeps_name_format_and_every_setting,
    feed_names_are_found_without_regard_to_case,
    a_feed_name_is_taken_whatever_its_case,
    alternate_names_lead_to_the_feed_and_are_taken,
    an_update_replaces_name_and_settings_and_frees_the_old_names,
    an_update_may_not_take_names_of_others,
    changing_an_absent_feed_is_refused,
    deleting_a_feed_deletes_what_it_holds_and_keeps_blobs,
    a_feed_created_anew_is_another_feed,
    feeds_come_by_name,
];

fn renamed(alternates: &[&str]) -> FeedSettings {
    let alternate_names = alternates.iter().map(|name| feed_name(name)).collect();
    FeedSettings { alternate_names, ..FeedSettings::default() }
}

fn create(name: &str, alternates: &[&str]) -> FeedChange {
    FeedChange::Create { name: feed_name(name), format: sample::format_id(), settings: renamed(alternates) }
}

async fn an_empty_catalogue_has_no_feeds(bench: Bench) {
    assert_eq!(bench.feeds().await.unwrap(), []);
    assert_eq!(bench.feed(&feed_name("any")).await.unwrap(), None);
    let made = bench.feed_called("made").await;
    bench.change(FeedChange::Delete(made.id)).await;
    assert_eq!(bench.feed_by_id(made.id).await.unwrap(), None);
    assert_eq!(bench.totals(made.id).await.unwrap(), FeedTotals::default());
}

async fn a_feed_keeps_name_format_and_every_setting(bench: Bench) {
    let settings = FeedSettings {
        description: "für alle – 🚀 'quoted' \"twice\" \\ %".into(),
        active: false,
        alternate_names: vec![feed_name("Old-Name")],
        anonymous_view: true,
        overwrite: Overwrite::Allowed,
        redirect_downloads: true,
        store: StoreName::new("second").unwrap(),
        carried: [("retentionRules".to_owned(), json!([{"a": null, "b": [1.5, "x"]}]))].into(),
    };
    let feed = bench.create_feed("Internal.Npm", settings.clone()).await;
    assert_eq!(feed.name.as_str(), "Internal.Npm", "the spelling is kept");
    assert_eq!((&feed.format, &feed.settings), (&sample::format_id(), &settings));
    assert_eq!(bench.feed_by_id(feed.id).await.unwrap(), Some(feed.clone()));
    assert_eq!(bench.feeds().await.unwrap(), [feed]);
}

async fn feed_names_are_found_without_regard_to_case(bench: Bench) {
    let feed = bench.feed_called("Internal").await;
    for spelling in ["internal", "INTERNAL", "Internal"] {
        assert_eq!(bench.feed(&feed_name(spelling)).await.unwrap().as_ref(), Some(&feed), "{spelling}");
    }
    assert_eq!(bench.feed(&feed_name("internal2")).await.unwrap(), None);
}

async fn a_feed_name_is_taken_whatever_its_case(bench: Bench) {
    bench.feed_called("Internal").await;
    bench.refused(set().with(create("INTERNAL", &[])), Conflict::NameTaken, "two feeds of one name").await;
}

async fn alternate_names_lead_to_the_feed_and_are_taken(bench: Bench) {
    let feed = bench.create_feed("new", renamed(&["Old", "older", "NEW"])).await;
    for name in ["old", "OLDER", "new"] {
        assert_eq!(bench.feed(&feed_name(name)).await.unwrap().as_ref(), Some(&feed), "{name}");
    }
    for taken in [create("old", &[]), create("other", &["OLDER"]), create("other", &["new"])] {
        bench.refused(set().with(taken), Conflict::NameTaken, "an alternate name is a name").await;
    }
}

async fn an_update_replaces_name_and_settings_and_frees_the_old_names(bench: Bench) {
    let old = bench.create_feed("first", renamed(&["alias"])).await;
    let settings = FeedSettings { description: "changed".into(), ..renamed(&["second-alias"]) };
    let (id, name) = (old.id, feed_name("Second"));
    bench.change(FeedChange::Update { id, name: name.clone(), settings: settings.clone() }).await;
    let new = bench.feed_by_id(id).await.unwrap().unwrap();
    assert_eq!((&new.name, &new.settings), (&name, &settings));
    assert_eq!((&new.format, new.created), (&old.format, old.created), "an update keeps format and date");
    assert_ne!(new.revision, old.revision, "each change of a feed gives it another revision");
    bench.change(create("First", &["ALIAS"])).await;
    let keeps_its_own = FeedChange::Update { id, name: feed_name("second"), settings };
    bench.change(keeps_its_own).await;
}

async fn an_update_may_not_take_names_of_others(bench: Bench) {
    bench.create_feed("first", renamed(&["alias"])).await;
    let second = bench.feed_called("second").await;
    for (name, alternates) in [("FIRST", &[][..]), ("alias", &[]), ("second", &["first"])] {
        let update =
            FeedChange::Update { id: second.id, name: feed_name(name), settings: renamed(alternates) };
        bench.refused(set().with(update), Conflict::NameTaken, "an update takes another feed's name").await;
    }
}

async fn changing_an_absent_feed_is_refused(bench: Bench) {
    let feed = bench.feed_called("gone").await;
    bench.change(FeedChange::Delete(feed.id)).await;
    let update =
        FeedChange::Update { id: feed.id, name: feed_name("gone"), settings: FeedSettings::default() };
    bench.refused(set().with(update), Conflict::Absent, "updating a feed that is gone").await;
    bench.refused(set().with(FeedChange::Delete(feed.id)), Conflict::Absent, "deleting it again").await;
}

async fn deleting_a_feed_deletes_what_it_holds_and_keeps_blobs(bench: Bench) {
    let (doomed, other) = (bench.feed_called("doomed").await, bench.feed_called("other").await);
    for feed in [doomed.id, other.id] {
        bench.publish(feed, "left-pad", "1.0.0").await;
        bench.publish(feed, "left-pad", "1.1.0").await;
    }
    bench.change(FeedChange::Delete(doomed.id)).await;
    assert_eq!(bench.find(doomed.id, "left-pad").await, None);
    assert_eq!(bench.totals(doomed.id).await.unwrap(), FeedTotals::default());
    let found = bench.search(doomed.id, &Search::default(), &PageRequest::first(9)).await.unwrap();
    assert_eq!(found.rows, []);
    assert_eq!(bench.package(other.id, "left-pad").await.versions.len(), 2, "other feeds are not touched");
    let blobs = bench.blobs(BlobWanted::All, None, 9).await.unwrap();
    let references: Vec<u64> = blobs.iter().map(|blob| blob.references).collect();
    assert_eq!(references, [1, 1], "blobs stay for the sweep, with the references of the other feed");
}

async fn a_feed_created_anew_is_another_feed(bench: Bench) {
    let first = bench.feed_called("phoenix").await;
    bench.publish(first.id, "left-pad", "1.0.0").await;
    bench.change(FeedChange::Delete(first.id)).await;
    let second = bench.feed_called("phoenix").await;
    assert_ne!(first.id, second.id, "a row number is never used twice: rights and caches refer to it");
    assert_ne!(first.revision, second.revision);
    assert_eq!(bench.find(second.id, "left-pad").await, None);
}

async fn feeds_come_by_name(bench: Bench) {
    for name in ["beta", "Alpha", "gamma", "Beta2"] {
        bench.feed_called(name).await;
    }
    let feeds = bench.feeds().await.unwrap();
    let names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    assert_eq!(names, ["Alpha", "beta", "Beta2", "gamma"], "by name, without regard to case");
}
