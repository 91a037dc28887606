//! A server to misuse and a client that sends exactly what it is told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use poem::{Endpoint, Response, Route};
use proget_server::http::{Addressing, Drained, Limits, Listeners, Shell, Timeouts, TlsFiles, serve};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Nothing here takes this long unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A limit short enough to wait for.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

/// What a test's server is made of; every field has a default.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) addressing: Addressing,
    pub(crate) tls: Option<TlsFiles>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Setup {
    pub(crate) async fn serve(self, routes: Route) -> Server {
        self.serve_endpoint(routes).await
    }

    pub(crate) async fn serve_endpoint(self, routes: impl Endpoint<Output = Response> + 'static) -> Server {
        let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let address = listeners.addresses()[0];
        let shutdown = CancellationToken::new();
        let tls = self.tls.map(|files| files.load().unwrap());
        let shell = Shell::new(routes, &self.limits, &self.timeouts, self.addressing).shared();
        let stop = shutdown.clone();
        let serving =
            tokio::spawn(
                async move { serve(listeners, shell, tls, &self.limits, &self.timeouts, stop).await },
            );
        Server { address, shutdown, serving }
    }
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn connect(&self) -> Raw<TcpStream> {
        Raw::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks for a graceful shutdown and waits for its end.
    pub(crate) async fn shut_down(mut self) -> Drained {
        self.shutdown.cancel();
        timeout(DEADLINE, &mut self.serving).await.expect("the shutdown does not end").unwrap()
    }

    /// Drops the serving future, as an embedder might.
    pub(crate) async fn drop_serving(mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.unwrap_err().is_cancelled());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A connection that sends what it is told and shows what comes back.
pub(crate) struct Raw<S> {
    pub(crate) socket: S,
    received: Vec<u8>,
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl<S> Raw<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, received: Vec::new() }
    }
}

impl<S: AsyncWrite + Unpin> Raw<S> {
    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.socket.write_all(text.as_ref()).await.unwrap();
        self.socket.flush().await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
    }
}

impl<S: AsyncRead + Unpin> Raw<S> {
    /// Reads more; false at the end (a reset counts as one).
    async fn read_more(&mut self) -> bool {
        let read = timeout(DEADLINE, self.socket.read_buf(&mut self.received)).await;
        matches!(read.expect("neither bytes nor an end"), Ok(1..))
    }

    /// The next head, without what follows it.
    pub(crate) async fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_more().await, "closed in the head: {:?}", self.text());
        };
        let head = String::from_utf8(self.received.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap();
        Answer { status, head, body: Vec::new() }
    }

    /// The next answer with its body, whose length must be declared.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length: usize = answer.header("content-length").map_or(0, |text| text.parse().unwrap());
        while self.received.len() < length {
            assert!(self.read_more().await, "closed in the body: {answer:?}");
        }
        answer.body = self.received.drain(..length).collect();
        answer
    }

    /// Waits for the server to close and returns everything it sent before.
    pub(crate) async fn closed(&mut self) -> String {
        while self.read_more().await {}
        self.text()
    }

    /// Everything the server sends, up to the end of its first answer or of the connection.
    pub(crate) async fn until_answered_or_closed(&mut self) -> String {
        while self.read_more().await {
            let text = self.text();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if length.is_some_and(|length: usize| body.len() >= length) {
                break;
            }
        }
        self.text()
    }

    /// Whether the server sends nothing for a while. The only honest way to see that something
    /// does not happen is to wait; a slow machine makes this test weaker, never red.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.received.is_empty() && timeout(SHORT, self.socket.read_buf(&mut self.received)).await.is_err()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "never came true: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// Tells from outside how often a handler was entered and whether it was dropped or ran to its end.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Seen>);

#[derive(Default)]
struct Seen {
    entered: AtomicUsize,
    gone: AtomicUsize,
    finished: AtomicBool,
}

pub(crate) struct Present(Witness);

impl Witness {
    /// Called by the handler; what it returns lives as long as the handler.
    pub(crate) fn enter(&self) -> Present {
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        Present(self.clone())
    }

    pub(crate) fn entered(&self) -> usize {
        self.0.entered.load(Ordering::SeqCst)
    }

    pub(crate) fn finished(&self) -> bool {
        self.0.finished.load(Ordering::SeqCst)
    }

    pub(crate) async fn until_entered(&self, times: usize) {
        eventually("the handler was entered", || self.entered() >= times).await;
    }

    pub(crate) async fn until_gone(&self) {
        eventually("the handler was dropped", || self.0.gone.load(Ordering::SeqCst) > 0).await;
    }
}

impl Present {
    pub(crate) fn finish(self) {
        self.0.0.finished.store(true, Ordering::SeqCst);
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.0.gone.fetch_add(1, Ordering::SeqCst);
    }
}
