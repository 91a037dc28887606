//! Our own accept loop, in place of Poem's server, which lets handlers run on after their
//! client has left, waits for slow clients without end, spins when it has no file handle left
//! and copies every body it sends. Poem's endpoints, routes and extractors are used as they are.
//!
//! Here: who is let in, how many, and how all of it ends. One connection is in `connection.rs`.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper_util::server::conn::auto;
use poem::{Response, endpoint::DynEndpoint};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::figures::list::HTTP_CONNECTIONS;

use super::{
    connection::{self, TrackedExecutor},
    listen::{Departure, Listeners},
    proxies::ProxyTrust,
    settings::{Limits, Timeouts},
};

/// What the loop serves: any Poem endpoint, as a shared object so that the loop is compiled once.
/// [`Shell::shared`](super::Shell::shared) makes one.
pub type SharedEndpoint = Arc<dyn DynEndpoint<Output = Response>>;

/// After the drain's deadline everything is dropped; this is how long a handler may hold the
/// thread before it notices.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// How a shutdown went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections cut at the deadline because their requests had not finished.
    pub cut: usize,
}

/// What all connections of one server share.
pub(super) struct Serving {
    pub(super) endpoint: SharedEndpoint,
    pub(super) protocols: auto::Builder<TrackedExecutor>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) timeouts: Timeouts,
    pub(super) proxies: ProxyTrust,
    departure: Departure,
    /// No new connections or requests; finish what is there.
    pub(super) stop: CancellationToken,
    /// Do not even finish.
    pub(super) cut: CancellationToken,
    slots: Arc<Semaphore>,
    was_cut: AtomicUsize,
}

impl Serving {
    /// Whether connections are to be closed after the next answer: because others wait for their
    /// places, or because the server is about to leave.
    pub(super) fn lets_go(&self) -> bool {
        self.slots.available_permits() == 0 || self.departure.is_announced()
    }

    pub(super) fn note_cut(&self, peer: SocketAddr) {
        self.was_cut.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%peer, "cut a connection whose request did not finish in time");
    }
}

/// Serves the bound addresses until `shutdown` is cancelled, then drains and returns.
///
/// Draining: the listening sockets close at once; idle connections close; requests in flight
/// are answered with `connection: close` (HTTP/1.1) or after a GOAWAY (HTTP/2); what has not
/// finished after [`Timeouts::drain`] is cut.
///
/// Dropping the future cuts everything at once. More connections than
/// [`Limits::connections`] wait in the kernel's backlog.
pub async fn serve(
    listeners: Listeners,
    endpoint: SharedEndpoint,
    tls: Option<TlsAcceptor>,
    limits: &Limits,
    timeouts: &Timeouts,
    shutdown: CancellationToken,
) -> Drained {
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    let stop = cut.child_token();
    let _cut_when_dropped = cut.clone().drop_guard();
    // Every idle accept loop holds one slot for the connection it waits for.
    let slots = limits.connections.max(1) + listeners.sockets.len() - 1;
    let serving = Arc::new(Serving {
        endpoint,
        protocols: connection::protocols(tasks.clone(), limits, timeouts),
        tls,
        timeouts: timeouts.clone(),
        proxies: listeners.proxies,
        departure: listeners.departure,
        stop: stop.clone(),
        cut: cut.clone(),
        slots: Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))),
        was_cut: AtomicUsize::new(0),
    });
    for listener in listeners.sockets {
        tasks.spawn(accept(listener, Arc::clone(&serving), tasks.clone()));
    }

    shutdown.cancelled().await;
    serving.departure.announce();
    stop.cancel();
    tasks.close();
    if timeout(timeouts.drain, tasks.wait()).await.is_err() {
        cut.cancel();
        if timeout(CUT_GRACE, tasks.wait()).await.is_err() {
            tracing::warn!(left = tasks.len(), "some handlers hold their thread and could not be ended");
        }
    }
    Drained { cut: serving.was_cut.load(Ordering::Relaxed) }
}

async fn accept(listener: TcpListener, serving: Arc<Serving>, tasks: TaskTracker) {
    let mut failures = 0;
    loop {
        let next = async {
            // A slot first, so that a connection beyond the limit stays in the kernel.
            match Arc::clone(&serving.slots).acquire_owned().await {
                Ok(slot) => listener.accept().await.map(|(socket, peer)| (socket, peer, slot)),
                Err(closed) => Err(io::Error::other(closed)),
            }
        };
        let next = tokio::select! {
            next = next => next,
            () = serving.stop.cancelled() => return last_ones(listener, &serving, &tasks),
        };
        match next {
            Ok((socket, peer, slot)) => {
                failures = 0;
                begin(socket, peer, slot, &serving, &tasks);
            }
            Err(error) if concerns_one_client(&error) => {
                tracing::debug!(%error, "a client left before it was accepted");
            }
            Err(error) => {
                let pause = backoff(failures);
                failures += 1;
                tracing::warn!(%error, ?pause, "cannot accept connections; is the limit on open files reached?");
                tokio::select! {
                    () = sleep(pause) => {}
                    () = serving.stop.cancelled() => return,
                }
            }
        }
    }
}

fn begin(
    socket: TcpStream,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
    serving: &Arc<Serving>,
    tasks: &TaskTracker,
) {
    let serving = Arc::clone(serving);
    tasks.spawn(async move {
        let open = metrics::gauge!(HTTP_CONNECTIONS);
        open.increment(1.0);
        let _closed = Leaving(open, slot);
        connection::serve(socket, peer, serving).await;
    });
}

/// Takes in who is already connected as far as he knows: closing the socket over the heads of those
/// who wait in the kernel would reset them, and a balancer does not dare to repeat their POST.
fn last_ones(listener: TcpListener, serving: &Arc<Serving>, tasks: &TaskTracker) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok(slot) = Arc::clone(&serving.slots).try_acquire_owned()
        && let Ok((socket, peer)) = listener.accept()
        && socket.set_nonblocking(true).is_ok()
        && let Ok(socket) = TcpStream::from_std(socket)
    {
        begin(socket, peer, slot, serving, tasks);
    }
}

/// Counts a connection out and gives its slot back, also when it ends in a panic.
struct Leaving(metrics::Gauge, #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Errors of `accept` that are the client's and say nothing about the next connection.
fn concerns_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// 50 ms, doubled with every failure in a row, at most 1.6 s. Without it a process without
/// free file handles burns a whole core.
fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50) * (1 << failures.min(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_file_handles_is_waited_out_and_a_lost_client_is_not() {
        const EMFILE: i32 = 24;
        assert!(!concerns_one_client(&io::Error::from_raw_os_error(EMFILE)));
        assert!(concerns_one_client(&io::ErrorKind::ConnectionAborted.into()));
        assert_eq!(backoff(0), Duration::from_millis(50));
        assert_eq!(backoff(1), Duration::from_millis(100));
        assert_eq!(backoff(1_000), Duration::from_millis(1_600));
    }
}
