//! The journal: one entry for each set that has one, found by the set's id.

use super::bench::{Bench, add};
use crate::access::Actor;
use crate::catalog::{Action, ChangeSet, FeedChange, JournalEntry, PageRequest};
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set};
use crate::ids::{ChangeId, FeedId};

pub(super) const CASES: &[Case<Bench>] = cases![
    an_entry_is_found_by_its_sets_id,
    a_set_without_an_entry_leaves_none,
    a_refused_set_leaves_no_entry,
    a_set_is_never_applied_twice,
    the_journal_is_paged_newest_first,
    every_action_can_be_written,
    entries_outlive_what_they_speak_of,
];

fn entry(action: Action, feed: Option<FeedId>, subject: &str) -> JournalEntry {
    JournalEntry { action, feed, subject: subject.into() }
}

async fn an_entry_is_found_by_its_sets_id(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let wanted = entry(Action::Published, Some(feed), "left-pad 1.0.0 – 'größer' \u{1f680}");
    let set = ChangeSet::by(Actor("Änna".into())).record(wanted.clone());
    let before = bench.instance().await.unwrap().now;
    let committed = bench.done(set.clone()).await;
    assert_eq!(committed.change, set.id, "a commit says which set it was");
    let after = bench.instance().await.unwrap().now;
    let row = bench.entry(set.id).await.unwrap().expect("the entry must be found");
    assert_eq!((row.change, row.actor.as_str(), &row.entry), (set.id, "Änna", &wanted));
    assert!(before <= row.at && row.at <= after, "the time is the catalogue's own");
    assert_eq!(bench.entry(ChangeId::random()).await.unwrap(), None);
}

async fn a_set_without_an_entry_leaves_none(bench: Bench) {
    let quiet = set();
    bench.done(quiet.clone()).await;
    assert_eq!(bench.entry(quiet.id).await.unwrap(), None);
    assert_eq!(bench.journal(&PageRequest::first(9)).await.unwrap().rows, []);
}

async fn a_refused_set_leaves_no_entry(bench: Bench) {
    let refused = set().with(FeedChange::Delete(FeedId(1_000_000))).record(entry(
        Action::FeedDeleted,
        None,
        "feed nowhere",
    ));
    assert!(bench.commit(refused.clone()).await.is_err(), "there is no such feed");
    assert_eq!(
        bench.entry(refused.id).await.unwrap(),
        None,
        "an id that is absent shows that nothing happened"
    );
}

async fn a_set_is_never_applied_twice(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let create = |name: &str| {
        let (name, format) = (sample::feed_name(name), sample::format_id());
        FeedChange::Create { name, format, settings: crate::feed::FeedSettings::default() }
    };
    let once = set().with(create("first")).record(entry(Action::FeedCreated, Some(feed), "feed first"));
    bench.done(once.clone()).await;
    let again = ChangeSet { changes: vec![create("second").into()], ..once };
    let before = bench.everything().await;
    assert!(bench.commit(again).await.is_err(), "a set with an id that the journal knows is refused");
    assert_eq!(bench.everything().await, before, "and leaves nothing behind");
}

async fn the_journal_is_paged_newest_first(bench: Bench) {
    let subjects: Vec<String> = (0..7).map(|number| format!("entry {number}")).collect();
    for subject in &subjects {
        bench.done(set().record(entry(Action::Tagged, None, subject))).await;
    }
    let expected: Vec<String> = subjects.into_iter().rev().collect();
    for limit in 1..=8 {
        let (mut found, mut request) = (Vec::new(), PageRequest::first(limit));
        loop {
            let page = bench.journal(&request).await.unwrap();
            assert!(page.rows.len() <= limit as usize);
            found.extend(page.rows.into_iter().map(|row| row.entry.subject));
            match page.next {
                Some(next) => request.after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
}

async fn every_action_can_be_written(bench: Bench) {
    for action in Action::ALL {
        let set = set().record(entry(*action, None, "something"));
        bench.done(set.clone()).await;
        assert_eq!(bench.entry(set.id).await.unwrap().unwrap().entry.action, *action);
    }
}

async fn entries_outlive_what_they_speak_of(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let file = bench.new_file(feed, "a", "1.0.0").await;
    let published = set().with(add(file)).record(entry(Action::Published, Some(feed), "a 1.0.0"));
    bench.done(published.clone()).await;
    bench.change(FeedChange::Delete(feed)).await;
    let row = bench.entry(published.id).await.unwrap().expect("the journal keeps what was done");
    assert_eq!(row.entry.feed, Some(feed));
}
