//! One connection from its first byte to its close: TLS if asked for, HTTP/1.1 or HTTP/2 by
//! what the client speaks, the endpoint for every request, and the three ways it may end before
//! the client ends it: silence, a shutdown that lets it finish, a shutdown that does not.
//!
//! A handler lives inside the connection (HTTP/1.1) or in a task that its stream ends (HTTP/2):
//! when the client leaves, it is dropped at its next `await`. What must not be given up half-way
//! belongs in a task of its own. A client that only ends its own side of the connection after
//! sending has left, as far as anybody can tell (`nc -N` does that; HTTP clients do not).

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use poem::{
    endpoint::DynEndpoint,
    http::{HeaderValue, Request, Response, Version, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    accept::Serving,
    proxied::{self, ProxyProtocol},
    pulse::{InFlight, Pulse},
    settings::{Limits, Timeouts},
    watched_io::WatchedIo,
};

/// How long a connection that was opened just before a shutdown may take to send its first byte.
const LATE: Duration = Duration::from_millis(250);

/// How long a connection closed for silence may take to say good-bye.
const FAREWELL: Duration = Duration::from_millis(250);

/// Runs HTTP/2 streams as tracked tasks, so that a shutdown can wait for them.
#[derive(Clone)]
pub(super) struct TrackedExecutor(pub(super) TaskTracker);

impl<F> hyper::rt::Executor<F> for TrackedExecutor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, work: F) {
        self.0.spawn(work);
    }
}

/// Both protocols with our limits.
pub(super) fn protocols(
    tasks: TaskTracker,
    limits: &Limits,
    timeouts: &Timeouts,
) -> auto::Builder<TrackedExecutor> {
    let mut builder = auto::Builder::new(TrackedExecutor(tasks));
    // No header timer of hyper's: see `pulse.rs`. Less than 8 KiB of buffer makes hyper panic.
    let head = limits.head.max(8 << 10);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(head as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .adaptive_window(true)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(head)
        .keep_alive_interval(timeouts.ping)
        .keep_alive_timeout(timeouts.pong);
    builder
}

/// Serves one accepted connection to its end.
pub(super) async fn serve(mut socket: TcpStream, peer: SocketAddr, serving: Arc<Serving>) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot switch TCP_NODELAY on");
    }
    let Ok(local) = socket.local_addr() else { return };
    let timeouts = &serving.timeouts;

    if !speaks(&socket, peer, &serving).await {
        return;
    }
    let caller = match timeout(timeouts.handshake, proxied::caller(&mut socket, peer, &serving.proxies)).await
    {
        Ok(Ok(caller)) => caller,
        Ok(Err(refusal)) => return tracing::warn!(%peer, %refusal, "closing a connection"),
        Err(_) => return tracing::warn!(%peer, "closing a connection whose PROXY header took too long"),
    };
    // After a header the client's first byte is still to come.
    if serving.proxies.proxy_protocol != ProxyProtocol::Off && !speaks(&socket, peer, &serving).await {
        return;
    }

    let ends = Ends { peer, caller, local };
    let Some(tls) = serving.tls.clone() else {
        return drive(socket, ends, Scheme::HTTP, serving).await;
    };
    let handshake = tokio::select! {
        handshake = timeout(timeouts.handshake, tls.accept(socket)) => handshake,
        () = serving.stop.cancelled() => return,
    };
    match handshake {
        Ok(Ok(socket)) => drive(socket, ends, Scheme::HTTPS, serving).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

/// Waits for the client's first byte. hyper's detection of the protocol has no timer, and a TLS
/// handshake should not be paid for a client that says nothing.
async fn speaks(socket: &TcpStream, peer: SocketAddr, serving: &Serving) -> bool {
    let first_byte = async { socket.peek(&mut [0u8; 1]).await };
    let stopped = async {
        serving.stop.cancelled().await;
        sleep(LATE).await;
    };
    let arrived = tokio::select! {
        biased;
        arrived = timeout(serving.timeouts.first_byte, first_byte) => arrived,
        () = stopped => return false,
    };
    if arrived.is_err() {
        tracing::debug!(%peer, "closing a connection that says nothing");
    }
    matches!(arrived, Ok(Ok(1)))
}

/// Who is at the ends of a connection.
struct Ends {
    /// Who has connected: perhaps a proxy.
    peer: SocketAddr,
    /// On whose behalf.
    caller: RemoteAddr,
    local: SocketAddr,
}

async fn drive<S>(socket: S, Ends { peer, caller, local }: Ends, scheme: Scheme, serving: Arc<Serving>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pulse = Pulse::new();
    let io = TokioIo::new(WatchedIo::new(socket, Arc::clone(&pulse), &serving.timeouts));
    let service = service_fn({
        let (pulse, serving) = (Arc::clone(&pulse), Arc::clone(&serving));
        move |request| {
            let in_flight = pulse.begin(request.version());
            let addresses = (LocalAddr(local.into()), caller.clone(), scheme.clone());
            answer(request, addresses, Arc::clone(&pulse), in_flight, Arc::clone(&serving))
        }
    });
    let mut connection = pin!(serving.protocols.serve_connection(io, service));
    let mut silence = pin!(pulse.silence(serving.timeouts.header, serving.timeouts.idle));
    let mut finishing = false;
    loop {
        tokio::select! {
            // A request that is already here is begun before a shutdown is heard of.
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error = &*error as &dyn std::error::Error, "connection failed");
                }
                return;
            }
            () = &mut silence => {
                tracing::debug!(%peer, "closing a silent connection");
                connection.as_mut().graceful_shutdown();
                let _ = timeout(FAREWELL, connection).await;
                return;
            }
            () = serving.stop.cancelled(), if !finishing => {
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = serving.cut.cancelled() => {
                serving.note_cut(peer);
                return;
            }
        }
    }
}

/// Hands one request to the endpoint and its answer to hyper.
async fn answer(
    mut request: Request<Incoming>,
    (local, peer, scheme): (LocalAddr, RemoteAddr, Scheme),
    pulse: Arc<Pulse>,
    in_flight: InFlight,
    serving: Arc<Serving>,
) -> Result<Response<AnswerBody>, Infallible> {
    let version = request.version();
    if !request.body().is_end_stream() {
        request.extensions_mut().insert(UnreadMark(Arc::clone(&pulse)));
    }
    let request = poem::Request::from((request, local, peer, scheme));
    // Straight through the seam: each of Poem's convenient layers would move the request once more.
    let answered = DynEndpoint::call(&*serving.endpoint, request).await;
    let response = answered.unwrap_or_else(|error| error.into_response());
    let mut response: Response<BoxBody<Bytes, io::Error>> = response.into();
    if version < Version::HTTP_2 && (pulse.has_unread() || serving.lets_go()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| AnswerBody { body, _in_flight: in_flight }))
}

/// Lets whoever drops a half-read request body tell the connection, which then lingers.
#[derive(Debug, Clone)]
pub(super) struct UnreadMark(Arc<Pulse>);

impl UnreadMark {
    pub(super) fn set(&self) {
        self.0.leave_unread();
    }
}

/// An answer's body, which keeps its request in flight until it is sent or given up.
pub(super) struct AnswerBody {
    body: BoxBody<Bytes, io::Error>,
    _in_flight: InFlight,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
