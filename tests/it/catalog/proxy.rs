//! A network that misbehaves at the worst moment: between a catalogue and its database, cutting,
//! freezing or swallowing what passes.
//!
//! Both protocols send the word COMMIT in clear, so the moment can be told from the bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use anyhow::Context as _;
use proget_tests::Outcome;
use proget_tests::cutting::says_commit;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Everything passes.
    Fair,
    /// The next COMMIT does not reach the database: the connection is cut. Then fair again.
    CutBeforeCommit,
    /// The next COMMIT reaches the database, its answer does not come back. Then fair again.
    CutAfterCommit,
    /// The connection of the next COMMIT stands still for ever, as that of a frozen process does.
    /// Then fair again, for others.
    FreezeBeforeCommit,
    /// Nothing passes any more in either direction, and nobody is told: a vanished host.
    Swallow,
}

const MOODS: [Mood; 5] =
    [Mood::Fair, Mood::CutBeforeCommit, Mood::CutAfterCommit, Mood::FreezeBeforeCommit, Mood::Swallow];

/// A proxy in front of one database.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    mood: Arc<AtomicU8>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(database: &str) -> Outcome<Self> {
        let mut url = url::Url::parse(database)?;
        let port = url.port().context("the database's address has no port")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        url.set_port(Some(own)).ok().context("the address takes no port")?;
        let mood = Arc::new(AtomicU8::new(Mood::Fair as u8));
        let mood_of_all = mood.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, port, mood_of_all.clone()));
            }
        });
        Ok(Self { url: url.into(), mood, task })
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// Has the mood that was set done its work?
    pub(crate) fn is_fair(&self) -> bool {
        now(&self.mood) == Mood::Fair
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn now(mood: &AtomicU8) -> Mood {
    MOODS[usize::from(mood.load(Ordering::SeqCst))]
}

/// Takes a mood that works once, so that it works for one connection only.
fn take(mood: &AtomicU8, wanted: Mood) -> bool {
    mood.compare_exchange(wanted as u8, Mood::Fair as u8, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// One connection on its way through.
#[derive(Debug, Default)]
struct Passage {
    /// The answer to what was asked last is to be lost.
    lose_answer: AtomicBool,
    lost: Notify,
}

async fn pass(client: TcpStream, port: u16, mood: Arc<AtomicU8>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let passage = Arc::new(Passage::default());
    let back = tokio::spawn(answers(from_server, to_client, mood.clone(), passage.clone()));
    questions(from_client, to_server, &mood, &passage).await;
    // All halves of both sockets are dropped now: a cut, as either side sees it.
    back.abort();
}

async fn questions(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mood: &AtomicU8, passage: &Passage) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer).await {
        let part = &buffer[..length];
        if length == 0 {
            return;
        }
        if says_commit(part) {
            if take(mood, Mood::CutBeforeCommit) {
                return;
            }
            if take(mood, Mood::FreezeBeforeCommit) {
                std::future::pending::<()>().await;
            }
            if take(mood, Mood::CutAfterCommit) {
                passage.lose_answer.store(true, Ordering::SeqCst);
                if to.write_all(part).await.is_ok() {
                    passage.lost.notified().await;
                }
                return;
            }
        }
        swallow(mood).await;
        if to.write_all(part).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mood: Arc<AtomicU8>,
    passage: Arc<Passage>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer).await {
        if passage.lose_answer.load(Ordering::SeqCst) {
            passage.lost.notify_one();
            return;
        }
        if length == 0 {
            return;
        }
        swallow(&mood).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn swallow(mood: &AtomicU8) {
    if now(mood) == Mood::Swallow {
        std::future::pending::<()>().await;
    }
}
