//! Calling the peers: one connection to each, for speaking only; all that comes back is that it arrives. A peer that cannot be reached is called
//! again; hints for it wait meanwhile, equal ones once.

use super::super::Topics;
use super::super::backoff::Backoff;
use super::super::hub::{Mailbox, locked};
use super::super::wire::{self, LONGEST, STILL_HERE};
use super::greeting::{self, NoGreeting, Session};
use super::status::{PeerLink, count};
use super::{Shared, words};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// More peers than a cluster has nodes.
const MOST_PEERS: usize = 256;

/// Calls whoever is in the list, and leaves those who are no more.
pub(super) async fn dial(shared: Arc<Shared>, mut peers: watch::Receiver<Vec<String>>) {
    let mut calls = JoinSet::new();
    let mut called: BTreeMap<String, AbortHandle> = BTreeMap::new();
    loop {
        let wanted: BTreeSet<String> = peers.borrow_and_update().iter().take(MOST_PEERS).cloned().collect();
        called.retain(|address, call| {
            let stays = wanted.contains(address);
            if !stays {
                call.abort();
                shared.peers.forget(address);
            }
            stays
        });
        for address in wanted {
            if !called.contains_key(&address) {
                shared.peers.add(&address);
                called.insert(address.clone(), calls.spawn(call(shared.clone(), address)));
            }
        }
        while calls.try_join_next().is_some() {}
        if peers.changed().await.is_err() {
            // Nobody will ever change the list again; whoever is in it is still spoken to.
            return pending().await;
        }
    }
}

/// Speaks to one peer for as long as it is in the list.
async fn call(shared: Arc<Shared>, address: String) {
    let pace = shared.pace;
    let mailbox = shared.outgoing.mailbox(Topics::ALL);
    let mut backoff = Backoff::new(pace.first_retry, pace.last_retry);
    loop {
        let began = Instant::now();
        let over = converse(&shared, &address, &mailbox).await;
        let since = Instant::now();
        let (link, wait) = match over {
            Over::Ends => return,
            Over::Myself => (PeerLink::Myself, pace.refused_retry),
            Over::Greeting(NoGreeting::OtherKey) => (PeerLink::OtherKey { since }, pace.refused_retry),
            Over::Greeting(error) => (PeerLink::Away { since, problem: words(&error) }, backoff.wait()),
            Over::Connection(problem) => {
                if began.elapsed() > pace.last_retry {
                    backoff.reset();
                }
                (PeerLink::Away { since, problem }, backoff.wait())
            }
        };
        shared.peers.note(&address, link);
        sleep(wait).await;
    }
}

/// Why a conversation is over.
enum Over {
    /// This messenger does; no news about the peer.
    Ends,
    Myself,
    Greeting(NoGreeting),
    Connection(String),
}

impl From<io::Error> for Over {
    fn from(error: io::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

async fn converse(shared: &Shared, address: &str, mailbox: &Mailbox) -> Over {
    let begun = timeout(shared.pace.greeting, begin(shared, address)).await;
    match begun {
        Ok(Ok((stream, session))) => match speak(shared, stream, session, mailbox).await {
            Ok(never) => match never {},
            Err(over) => over,
        },
        Ok(Err(over)) => over,
        Err(_) => Over::Connection("it did not answer in time".into()),
    }
}

/// Connects, greets, and is heard for the first time.
async fn begin(shared: &Shared, address: &str) -> Result<(TcpStream, Session), Over> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let [key, ..] = shared.keys.as_slice() else { return Err(Over::Greeting(NoGreeting::OtherKey)) };
    let greeted = greeting::greet(&mut stream, key, shared.me).await;
    let (mut session, to) = greeted.map_err(Over::Greeting)?;
    if to == shared.me {
        return Err(Over::Myself);
    }
    let sealed = session.seal(STILL_HERE).map_err(Over::Greeting)?;
    wire::write(&mut stream, &sealed).await?;
    shared.peers.note(address, PeerLink::Connected { since: Instant::now(), to });
    Ok((stream, session))
}

/// Says what waits, and listens for signs that it arrives.
async fn speak(
    shared: &Shared,
    mut stream: TcpStream,
    session: Session,
    mailbox: &Mailbox,
) -> Result<std::convert::Infallible, Over> {
    let (reader, writer) = stream.split();
    let session = Mutex::new(session);
    tokio::select! {
        over = say_what_waits(shared, writer, &session, mailbox) => over,
        over = hear_that_it_arrives(shared, reader, &session) => over,
    }
}

/// Now and then, hints or not, one says that one is still here.
async fn say_what_waits(
    shared: &Shared,
    mut writer: impl AsyncWrite + Unpin,
    session: &Mutex<Session>,
    mailbox: &Mailbox,
) -> Result<std::convert::Infallible, Over> {
    let late = |_| Over::Connection("it did not take what was said in time".into());
    let mut still_here = interval(shared.pace.keep_alive);
    still_here.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let hint = tokio::select! {
            hint = mailbox.next() => match hint {
                Some(hint) => Some(hint),
                None => return Err(Over::Ends),
            },
            _ = still_here.tick() => None,
        };
        let said = hint.map_or_else(|| STILL_HERE.to_vec(), wire::encode);
        let sealed = locked(session).seal(&said).map_err(Over::Greeting)?;
        timeout(shared.pace.silence, wire::write(&mut writer, &sealed)).await.map_err(late)??;
        if hint.is_some() {
            count(&shared.tally.sent);
        }
    }
}

/// A wall that begins to swallow what passes tells nobody, and what is written goes well for a long time: only
/// the peer's answers tell.
async fn hear_that_it_arrives(
    shared: &Shared,
    mut reader: impl AsyncRead + Unpin,
    session: &Mutex<Session>,
) -> Result<std::convert::Infallible, Over> {
    let mut room = [0; LONGEST];
    loop {
        let Ok(answer) = timeout(shared.pace.silence, wire::read(&mut reader, &mut room)).await else {
            return Err(Over::Connection("it fell silent".into()));
        };
        let answer = answer.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Over::Connection("it closed the connection".into()),
            _ => error.into(),
        })?;
        locked(session).open(answer).map_err(Over::Greeting)?;
    }
}
