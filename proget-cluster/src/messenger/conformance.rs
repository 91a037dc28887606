//! What every messenger promises, as a suite to be run on two of them that reach each other.
//!
//! Wires that break, keys that differ and strangers are the business of the single implementations. A hint
//! may be lost, so the suite gives it again until it arrives; what it must not do is arrive invented.

#![allow(clippy::panic)] // a suite is a test, wherever it is compiled

use super::{Hint, MOST_WAITING, Messenger, Topic, Topics};
pub use crate::suite::Broken;
use crate::suite::{Case, cases, must_be_empty, run};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use proget_core::ids::FeedId;
use std::any::Any;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long anything may take on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(20);

/// Two messengers that reach each other, or two handles of one.
#[derive(Debug)]
pub struct Pair {
    /// One.
    pub here: Box<dyn Messenger>,
    /// The other.
    pub there: Box<dyn Messenger>,
    /// What must live as long as they do.
    pub kept: Box<dyn Any + Send + Sync>,
}

/// Holds an implementation to the promises; `pair` makes two that are connected already.
///
/// # Panics
/// With the names of the promises that are broken.
pub async fn messenger<F: Future<Output = Pair>>(pair: impl Fn() -> F) {
    must_be_empty("messenger", &messenger_broken(pair).await);
}

/// Which promises are broken; for showing that the suite sees it.
pub async fn messenger_broken<F: Future<Output = Pair>>(pair: impl Fn() -> F) -> Vec<Broken> {
    run(&[CASES], pair).await
}

const CASES: &[Case<Pair>] = cases![
    a_hint_reaches_the_other_node,
    a_hint_reaches_the_node_that_gave_it,
    every_kind_of_hint_arrives_as_it_was_given,
    a_listener_is_told_only_of_its_topics,
    equal_hints_wait_once,
    a_slow_listener_holds_nobody_up_and_what_waits_is_bounded,
    a_listener_that_left_is_missed_by_nobody,
    a_stream_ends_with_its_messenger,
];

/// The next hint, or a failure that says that there was none.
async fn next(hints: &mut BoxStream<'static, Hint>) -> Hint {
    match timeout(DEADLINE, hints.next()).await {
        Ok(Some(hint)) => hint,
        Ok(None) => panic!("the stream ended"),
        Err(_) => panic!("no hint within {DEADLINE:?}"),
    }
}

/// Takes hints until this one comes, and gives those that came before it.
async fn until(hints: &mut BoxStream<'static, Hint>, last: Hint) -> Vec<Hint> {
    let mut before = Vec::new();
    loop {
        match next(hints).await {
            hint if hint == last => return before,
            hint => before.push(hint),
        }
    }
}

async fn a_hint_reaches_the_other_node(pair: Pair) {
    let (mut there, mut here) = (pair.there.hints(Topics::ALL), pair.here.hints(Topics::ALL));
    pair.here.hint(Hint::JobsWaiting);
    assert_eq!(next(&mut there).await, Hint::JobsWaiting);
    assert_eq!(next(&mut here).await, Hint::JobsWaiting);
    pair.there.hint(Hint::RosterChanged);
    assert_eq!(next(&mut here).await, Hint::RosterChanged);
}

async fn a_hint_reaches_the_node_that_gave_it(pair: Pair) {
    let mut here = [pair.here.hints(Topics::ALL), pair.here.hints(Topics::ALL)];
    pair.here.hint(Hint::SettingsChanged);
    for listener in &mut here {
        assert_eq!(next(listener).await, Hint::SettingsChanged);
    }
}

async fn every_kind_of_hint_arrives_as_it_was_given(pair: Pair) {
    let mut there = pair.there.hints(Topics::ALL);
    let feeds = [i64::MIN, -1, 0, 1, i64::MAX].map(|feed| Hint::FeedChanged(FeedId(feed)));
    let others = [Hint::JobsWaiting, Hint::SettingsChanged, Hint::RosterChanged, Hint::RoleChanged];
    for hint in feeds.into_iter().chain(others) {
        pair.here.hint(hint);
        assert_eq!(next(&mut there).await, hint);
    }
}

async fn a_listener_is_told_only_of_its_topics(pair: Pair) {
    let mut there = pair.there.hints(Topics::of(&[Topic::Feeds, Topic::Roles]));
    for hint in [Hint::JobsWaiting, Hint::FeedChanged(FeedId(4)), Hint::SettingsChanged, Hint::RosterChanged]
    {
        pair.here.hint(hint);
    }
    pair.here.hint(Hint::RoleChanged);
    assert_eq!(until(&mut there, Hint::RoleChanged).await, [Hint::FeedChanged(FeedId(4))]);
}

async fn equal_hints_wait_once(pair: Pair) {
    let (mut slow, mut prompt) = (pair.there.hints(Topics::ALL), pair.there.hints(Topics::ALL));
    for round in 0..50 {
        pair.here.hint(Hint::JobsWaiting);
        // A hint that is different each time shows when this round has arrived.
        let round = Hint::FeedChanged(FeedId(round));
        pair.here.hint(round);
        until(&mut prompt, round).await;
    }
    let waited = until(&mut slow, Hint::FeedChanged(FeedId(49))).await;
    let jobs = waited.iter().filter(|hint| **hint == Hint::JobsWaiting).count();
    assert_eq!(jobs, 1, "of fifty equal hints {jobs} waited");
}

async fn a_slow_listener_holds_nobody_up_and_what_waits_is_bounded(pair: Pair) {
    let (mut slow, mut prompt) = (pair.there.hints(Topics::ALL), pair.there.hints(Topics::ALL));
    let began = Instant::now();
    for feed in 0..100_000 {
        pair.here.hint(Hint::FeedChanged(FeedId(feed)));
    }
    assert!(began.elapsed() < DEADLINE, "giving hints took {:?}", began.elapsed());
    // One that listens is still told of what comes, if it is said again until it is heard.
    let heard = async { while next(&mut prompt).await != Hint::RoleChanged {} };
    let said = async {
        loop {
            pair.here.hint(Hint::RoleChanged);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! { () = heard => {}, () = said => {} }
    let Pair { here, there, kept } = pair;
    // What waits can be counted when no more can come: one at a time, at once.
    drop((here, kept));
    let mut waited = BTreeSet::new();
    let mut count = 0;
    while let Ok(Some(hint)) = timeout(Duration::from_millis(200), slow.next()).await {
        count += 1;
        if let Hint::FeedChanged(feed) = hint {
            assert!((0..100_000).contains(&feed.0), "{feed} was never given");
            assert!(waited.insert(feed), "feed {feed} waited twice");
        }
        // The wire may hold some more behind the mailbox, as much as each of its two ends keeps waiting.
        assert!(count <= 4 * MOST_WAITING, "more than {} hints waited", 4 * MOST_WAITING);
    }
    assert!(count > 0, "nothing waited");
    drop(there);
}

async fn a_listener_that_left_is_missed_by_nobody(pair: Pair) {
    let mut there = pair.there.hints(Topics::ALL);
    for _ in 0..100 {
        drop(pair.there.hints(Topics::ALL));
        drop(pair.here.hints(Topics::ALL));
    }
    pair.here.hint(Hint::RosterChanged);
    assert_eq!(next(&mut there).await, Hint::RosterChanged);
}

async fn a_stream_ends_with_its_messenger(pair: Pair) {
    let mut there = pair.there.hints(Topics::ALL);
    let Pair { here, there: leaving, kept } = pair;
    drop((leaving, here, kept));
    match timeout(DEADLINE, async { while there.next().await.is_some() {} }).await {
        Ok(()) => {}
        Err(_) => panic!("the stream goes on without a messenger"),
    }
}
