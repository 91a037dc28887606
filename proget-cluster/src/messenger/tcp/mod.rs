//! Hints between nodes over TCP, sealed with a key that all of them have.
//!
//! Each node calls every other and speaks on that connection only; on those that it was called on it listens,
//! and says no more than that it does. One connection for both directions would halve their number, but two nodes that call each
//! other at once would have to agree which connection stays, and a wall that lets one direction through
//! would be harder to see. Addresses come from the roster; here they are a list that changes.

mod dial;
mod greeting;
mod listen;
mod status;
#[cfg(test)]
mod tests;

pub use status::{Counts, PeerLink, PeerStatus};

use super::hub::Hub;
use super::{Hint, Messenger, MessengerError, MessengerStatus, Topics};
use futures::stream::BoxStream;
use proget_core::ids::Incarnation;
use proget_core::keys::SecretKey;
use status::{Peers, Tally};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What a messenger over TCP must know.
#[derive(Debug, Clone)]
pub struct TcpSettings {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The key to greet with, derived from the encryption key that seals.
    pub key: SecretKey,
    /// Keys that others may still, or already, greet with, while keys are changed.
    pub accepted: Vec<SecretKey>,
    /// This process.
    pub me: Incarnation,
    /// How long things may take.
    pub pace: Pace,
}

/// How long things may take; the standard is right unless one tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a connection is left without a word.
    pub keep_alive: Duration,
    /// After how long without a word a peer is given up; several times `keep_alive`.
    pub silence: Duration,
    /// How long connecting and greeting may take.
    pub greeting: Duration,
    /// How long to wait before calling again at first.
    pub first_retry: Duration,
    /// How long to wait before calling again at last.
    pub last_retry: Duration,
    /// How long to wait before calling one that has another key.
    pub refused_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            greeting: Duration::from_secs(5),
            first_retry: Duration::from_millis(10),
            last_retry: Duration::from_secs(1),
            refused_retry: Duration::from_secs(10),
        }
    }
}

#[derive(Debug)]
struct Shared {
    me: Incarnation,
    /// The first is the one to greet with.
    keys: Vec<SecretKey>,
    pace: Pace,
    /// This node's own listeners.
    local: Hub,
    /// The connections to peers.
    outgoing: Hub,
    peers: Peers,
    tally: Tally,
    /// When a caller with another key was last told in the log.
    told: Mutex<Option<Instant>>,
}

/// Hints between nodes over TCP. It ends when it is dropped.
#[derive(Debug)]
pub struct TcpMessenger {
    shared: Arc<Shared>,
    address: SocketAddr,
    _tasks: DropGuard,
}

impl TcpMessenger {
    /// Listens, and calls whoever is in the list (`host:port`), for as long as it is in it. The list may
    /// name this node itself.
    ///
    /// # Errors
    /// It cannot listen there.
    pub async fn start(
        settings: TcpSettings,
        peers: watch::Receiver<Vec<String>>,
    ) -> Result<Self, MessengerError> {
        let TcpSettings { listen, key, accepted, me, pace } = settings;
        let cannot = |source| MessengerError::Listen { address: listen.to_string(), source };
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let shared = Arc::new(Shared {
            me,
            keys: [vec![key], accepted].concat(),
            pace,
            local: Hub::default(),
            outgoing: Hub::default(),
            peers: Peers::default(),
            tally: Tally::default(),
            told: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (taking, calling) = (listen::listen(shared.clone(), listener), dial::dial(shared.clone(), peers));
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(taking).await });
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(calling).await });
        Ok(Self { shared, address, _tasks: stop.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it stands with each peer.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.shared.peers.all()
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.tally.counts()
    }
}

impl Messenger for TcpMessenger {
    fn hint(&self, hint: Hint) {
        self.shared.local.post(hint);
        self.shared.outgoing.post(hint);
    }

    fn hints(&self, topics: Topics) -> BoxStream<'static, Hint> {
        self.shared.local.stream(topics)
    }

    fn status(&self) -> Option<MessengerStatus> {
        let Counts { sent, heard, other_keys, strangers } = self.counts();
        let peers = self.peers().iter().filter_map(PeerStatus::view).collect();
        let endpoint = format!("tcp://{}", self.address);
        Some(MessengerStatus { endpoint, sent, heard, other_keys, strangers, peers })
    }
}

impl Drop for TcpMessenger {
    fn drop(&mut self) {
        self.shared.local.close();
        self.shared.outgoing.close();
    }
}

/// An error with what caused it, in one line for people.
fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
