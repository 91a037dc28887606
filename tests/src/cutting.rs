//! A network between one server and a service, that can be harmed: a TCP proxy on loopback.
//!
//! Held back, bytes wait and arrive late, as after a partition that heals: nothing is forgotten. Cut,
//! connections break and new ones are refused. And a COMMIT alone can be held back, which both database
//! protocols send in clear: whoever sent it stands between BEGIN and COMMIT then.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Outcome;

/// What becomes of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Everything passes, also what was held back before.
    Open,
    /// Nothing passes in either direction, and nobody is told.
    Held,
    /// A COMMIT waits, with all that its sender says after it; everything else passes.
    CommitsHeld,
    /// Connections break, and new ones end at once.
    Cut,
}

/// A proxy in front of one address. Dropped, it breaks all its connections.
#[derive(Debug)]
pub struct Cutting {
    url: String,
    passage: Arc<watch::Sender<Passage>>,
    task: JoinHandle<()>,
}

impl Cutting {
    /// Listens on a free port for the service at `url` (such as a database's), and lets everything pass.
    pub async fn before(url: &str) -> Outcome<Self> {
        let mut url = url::Url::parse(url)?;
        let behind = url.port().context("the address has no port")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        url.set_port(Some(port)).ok().context("the address cannot have a port")?;
        let passage = Arc::new(watch::Sender::new(Passage::Open));
        let state = passage.clone();
        let task = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                passing.spawn(pass(client, behind, state.subscribe()));
                while passing.try_join_next().is_some() {}
            }
        });
        Ok(Self { url: url.into(), passage, task })
    }

    /// The service's address as it is through this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on.
    pub fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

impl Drop for Cutting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, port: u16, state: watch::Receiver<Passage>) {
    let mut cut = state.clone();
    let both = async {
        let mut begin = state.clone();
        // A new connection is not even made while nothing passes.
        if begin.wait_for(|now| *now != Passage::Held).await.is_err() {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = carry(from_client, to_server, state.clone(), true) => {}
            () = carry(from_server, to_client, state, false) => {}
        }
    };
    tokio::select! {
        () = both => {}
        _ = cut.wait_for(|now| *now == Passage::Cut) => {}
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut state: watch::Receiver<Passage>,
    questions: bool,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer).await {
        let part = &buffer[..length];
        let commit = questions && says_commit(part);
        let passes = |now: &Passage| match now {
            Passage::Open => true,
            Passage::CommitsHeld => !commit,
            Passage::Held | Passage::Cut => false,
        };
        if state.wait_for(passes).await.is_err() || length == 0 || to.write_all(part).await.is_err() {
            return;
        }
    }
}

/// Is it a COMMIT, in either database's words? Not the READ COMMITTED with which a MariaDB session is set up.
pub fn says_commit(part: &[u8]) -> bool {
    let word = b"COMMIT";
    part.windows(word.len())
        .enumerate()
        .any(|(at, found)| found == word && part.get(at + word.len()) != Some(&b'T'))
}
