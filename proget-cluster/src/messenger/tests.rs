//! The suite on the messengers without a wire, on liars, and what a hub forgets.

use super::conformance::{Pair, messenger, messenger_broken};
use super::hub::Hub;
use super::*;
use futures::StreamExt as _;
use futures::stream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn local() -> Pair {
    let one = LocalMessenger::new();
    Pair { here: Box::new(one.clone()), there: Box::new(one), kept: Box::new(()) }
}

#[tokio::test]
async fn hints_within_a_process_keep_their_promises() {
    messenger(local).await;
}

#[tokio::test]
async fn without_a_messenger_nothing_is_heard_and_nothing_ends() {
    let none = NoMessenger;
    let mut hints = none.hints(Topics::ALL);
    none.hint(Hint::JobsWaiting);
    assert!(futures::poll!(hints.next()).is_pending());
}

#[test]
fn a_hub_forgets_listeners_that_left_without_any_hint() {
    let hub = Hub::default();
    let stays = hub.mailbox(Topics::ALL);
    for _ in 0..1000 {
        drop(hub.mailbox(Topics::ALL));
    }
    assert_eq!(hub.listeners(), 1);
    drop(stays);
    assert_eq!(hub.listeners(), 0);
}

#[test]
fn the_first_hints_stay_when_a_mailbox_is_full() {
    let hub = Hub::default();
    let mailbox = hub.mailbox(Topics::ALL);
    for feed in 0..1000 {
        hub.post(Hint::FeedChanged(FeedId(feed)));
    }
    let mut waited = Vec::new();
    while let Some(Some(hint)) = futures::FutureExt::now_or_never(mailbox.next()) {
        waited.push(hint);
    }
    let first: Vec<Hint> = (0..256).map(|feed| Hint::FeedChanged(FeedId(feed))).collect();
    assert_eq!(waited, first);
}

/// Says what a test wants it to say.
#[derive(Debug, Clone)]
struct Liar {
    lie: Lie,
    said: Arc<Mutex<Vec<tokio::sync::mpsc::UnboundedSender<Hint>>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    /// Queues without bound and without looking for equal ones.
    Queues,
    /// Gives everything to everybody.
    ForgetsTopics,
    /// Adds something about roles.
    Invents,
}

impl Messenger for Liar {
    fn hint(&self, hint: Hint) {
        let mut said = self.said.lock().unwrap();
        said.retain(|one| one.send(hint).is_ok());
        if self.lie == Lie::Invents {
            said.retain(|one| one.send(Hint::RoleChanged).is_ok());
        }
    }

    fn hints(&self, topics: Topics) -> BoxStream<'static, Hint> {
        let topics = if self.lie == Lie::ForgetsTopics { Topics::ALL } else { topics };
        let (say, hear) = tokio::sync::mpsc::unbounded_channel();
        self.said.lock().unwrap().push(say);
        stream::unfold(hear, |mut hear| async { hear.recv().await.map(|hint| (hint, hear)) })
            .filter(move |hint| std::future::ready(topics.contain(hint.topic())))
            .boxed()
    }
}

async fn caught(lie: Lie) -> Vec<&'static str> {
    let pair = async || {
        let one = Liar { lie, said: Arc::default() };
        Pair { here: Box::new(one.clone()), there: Box::new(one), kept: Box::new(()) }
    };
    messenger_broken(pair).await.into_iter().map(|broken| broken.case).collect()
}

#[tokio::test]
async fn the_suite_catches_one_that_queues() {
    let caught = caught(Lie::Queues).await;
    assert_eq!(
        caught,
        ["equal_hints_wait_once", "a_slow_listener_holds_nobody_up_and_what_waits_is_bounded"]
    );
}

#[tokio::test]
async fn the_suite_catches_one_that_forgets_topics() {
    assert!(caught(Lie::ForgetsTopics).await.contains(&"a_listener_is_told_only_of_its_topics"));
}

#[tokio::test]
async fn the_suite_catches_one_that_invents() {
    assert!(caught(Lie::Invents).await.contains(&"every_kind_of_hint_arrives_as_it_was_given"));
}

#[tokio::test]
async fn a_stream_that_begins_after_the_end_ends_at_once() {
    let hub = Hub::default();
    hub.close();
    let ended = tokio::time::timeout(Duration::from_secs(5), hub.stream(Topics::ALL).next()).await;
    assert_eq!(ended, Ok(None));
}
