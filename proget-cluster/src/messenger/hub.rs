//! Where hints meet listeners within one process: a mailbox for each listener, equal hints once in it.
//!
//! Every messenger has a hub for its own listeners; those with connections have a second one, whose
//! listeners are the connections, so a slow peer is nothing but a slow listener. Mailboxes are
//! searched from end to end: they are short, and what comes first must go first, or a busy feed would
//! keep the others waiting for ever.

use super::{Hint, MOST_WAITING, Topics};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// What waits for one listener.
#[derive(Debug)]
pub(super) struct Mailbox {
    topics: Topics,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    hints: VecDeque<Hint>,
    closed: bool,
}

impl Mailbox {
    fn put(&self, hint: Hint) {
        if !self.topics.contain(hint.topic()) {
            return;
        }
        let mut waiting = locked(&self.waiting);
        if waiting.hints.len() < MOST_WAITING && !waiting.hints.contains(&hint) {
            waiting.hints.push_back(hint);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    fn close(&self) {
        locked(&self.waiting).closed = true;
        self.arrived.notify_one();
    }

    /// The next hint, as soon as there is one; nothing when the hub is gone. For one caller at a time.
    /// Nothing is lost if the caller gives up waiting.
    pub(super) async fn next(&self) -> Option<Hint> {
        loop {
            {
                let mut waiting = locked(&self.waiting);
                if waiting.closed {
                    return None;
                }
                if let Some(hint) = waiting.hints.pop_front() {
                    return Some(hint);
                }
            }
            self.arrived.notified().await;
        }
    }
}

/// The mailboxes of all listeners. One that nobody holds any more is forgotten.
#[derive(Debug, Default)]
pub(super) struct Hub(Mutex<Boxes>);

#[derive(Debug, Default)]
struct Boxes {
    boxes: Vec<Weak<Mailbox>>,
    closed: bool,
}

impl Hub {
    /// Puts a hint into all mailboxes.
    pub(super) fn post(&self, hint: Hint) {
        self.post_but(hint, None);
    }

    /// The same, but not into the mailbox of the one that it came from.
    pub(super) fn post_but(&self, hint: Hint, from: Option<&Arc<Mailbox>>) {
        locked(&self.0).boxes.retain(|mailbox| {
            let Some(mailbox) = mailbox.upgrade() else { return false };
            if !from.is_some_and(|from| Arc::ptr_eq(from, &mailbox)) {
                mailbox.put(hint);
            }
            true
        });
    }

    /// A mailbox of one's own.
    pub(super) fn mailbox(&self, topics: Topics) -> Arc<Mailbox> {
        let mut boxes = locked(&self.0);
        // Listeners may come and go without any hint being given.
        boxes.boxes.retain(|mailbox| mailbox.strong_count() > 0);
        let waiting = Waiting { closed: boxes.closed, ..Waiting::default() };
        let mailbox = Arc::new(Mailbox { topics, waiting: Mutex::new(waiting), arrived: Notify::new() });
        boxes.boxes.push(Arc::downgrade(&mailbox));
        mailbox
    }

    /// A mailbox as a stream.
    pub(super) fn stream(&self, topics: Topics) -> BoxStream<'static, Hint> {
        let mailbox = self.mailbox(topics);
        stream::unfold(mailbox, |mailbox| async { mailbox.next().await.map(|hint| (hint, mailbox)) }).boxed()
    }

    /// Ends all streams, those that begin later too.
    pub(super) fn close(&self) {
        let mut boxes = locked(&self.0);
        boxes.closed = true;
        boxes.boxes.drain(..).filter_map(|mailbox| mailbox.upgrade()).for_each(|mailbox| mailbox.close());
    }

    /// Whether nothing waits for anybody.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let waits = |mailbox: Arc<Mailbox>| !locked(&mailbox.waiting).hints.is_empty();
        !locked(&self.0).boxes.iter().filter_map(Weak::upgrade).any(waits)
    }

    /// How many listen.
    #[cfg(test)]
    pub(super) fn listeners(&self) -> usize {
        locked(&self.0).boxes.iter().filter(|mailbox| mailbox.strong_count() > 0).count()
    }
}

/// Nothing that is done under these locks can panic half-way.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
