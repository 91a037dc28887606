//! The request's body under guard: how much may come, and how slowly. The limit holds for
//! declared lengths and for chunked bodies alike, on every route; a route that takes more says
//! so with [`BodyLimit`].
//!
//! The guard sits in the stream, so a handler that never looks at the body (because it answers
//! 401 first) never meets it, and `Expect: 100-continue` is answered only when a handler reads.
//! A refusal reaches the handler as an [`io::Error`] whose kind tells enough to answer in the
//! client's dialect: [`FileTooLarge`](io::ErrorKind::FileTooLarge) or
//! [`TimedOut`](io::ErrorKind::TimedOut). A handler that answers anything else that is an error
//! has its answer replaced by a problem document, so that 413 and 408 never turn into 400 or 500.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use poem::{Endpoint, Middleware, Request, Response, http::StatusCode};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    connection::UnreadMark,
    problem::problem,
    settings::{Limits, Timeouts},
};

/// Why the rest of a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyRefusal {
    /// More bytes were declared or sent than the route takes.
    #[error("the request's body is larger than the {limit} bytes that are taken here")]
    TooLarge {
        /// The route's limit in bytes.
        limit: u64,
    },
    /// Nothing came for too long.
    #[error("the request's body brought nothing for {} seconds", waited.as_secs_f64())]
    Stalled {
        /// How long we waited.
        waited: Duration,
    },
    /// Bytes came, but too slowly.
    #[error("the request's body came with less than {rate} bytes per second")]
    TooSlow {
        /// The rate that was missed, in bytes per second.
        rate: u64,
    },
}

impl BodyRefusal {
    /// 413 or 408.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled { .. } | Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl From<BodyRefusal> for io::Error {
    fn from(refusal: BodyRefusal) -> Self {
        let kind = match refusal {
            BodyRefusal::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            BodyRefusal::Stalled { .. } | BodyRefusal::TooSlow { .. } => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, refusal)
    }
}

/// How large this request's body may be, and whether that was kept. In the request's extensions, if
/// it has a body.
#[derive(Clone)]
pub struct BodyAllowance(Arc<Terms>);

struct Terms {
    limit: AtomicU64,
    refusal: OnceLock<BodyRefusal>,
}

impl BodyAllowance {
    /// Sets the limit in bytes, up or down. It holds for what is read afterwards.
    pub fn set_limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Why the body was refused, if it was.
    pub fn refusal(&self) -> Option<&BodyRefusal> {
        self.0.refusal.get()
    }

    /// The answer to send: the handler's, unless it is an error caused by our refusal.
    pub(super) fn judge(&self, response: Response) -> Response {
        match self.refusal() {
            Some(refusal)
                if response.status() != refusal.status()
                    && (response.status().is_client_error() || response.status().is_server_error()) =>
            {
                problem(refusal.status(), refusal.to_string())
            }
            _ => response,
        }
    }
}

impl fmt::Debug for BodyAllowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyAllowance")
            .field("limit", &self.limit())
            .field("refusal", &self.refusal())
            .finish()
    }
}

/// Gives a route a body limit of its own:
/// `route.at("/npm/:feed/*rest", npm.with(BodyLimit(limits.upload)))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(
    /// Bytes.
    pub u64,
);

impl<E: Endpoint> Middleware<E> for BodyLimit {
    type Output = BodyLimited<E>;

    fn transform(&self, route: E) -> Self::Output {
        BodyLimited { route, limit: self.0 }
    }
}

/// A route under a [`BodyLimit`].
pub struct BodyLimited<E> {
    route: E,
    limit: u64,
}

impl<E: Endpoint> Endpoint for BodyLimited<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<Self::Output> {
        if let Some(allowance) = request.data::<BodyAllowance>() {
            allowance.set_limit(self.limit);
        }
        self.route.call(request).await
    }
}

/// Puts the request's body under guard and the allowance into its extensions. A request without a
/// body, which most are, needs neither.
pub(super) fn guard(request: &mut Request, limits: &Limits, timeouts: &Timeouts) -> Option<BodyAllowance> {
    let body: BoxBody<Bytes, io::Error> = request.take_body().into();
    if body.is_end_stream() {
        return None;
    }
    let terms = Terms { limit: AtomicU64::new(limits.body), refusal: OnceLock::new() };
    let allowance = BodyAllowance(Arc::new(terms));
    let guarded = GuardedBody {
        body,
        allowance: allowance.clone(),
        unread: request.data::<UnreadMark>().cloned(),
        patience: timeouts.body_chunk,
        rate: limits.body_rate,
        received: 0,
        waited: Duration::ZERO,
        waiting_since: None,
        timer: None,
        ended: false,
    };
    request.set_body(BoxBody::new(guarded));
    request.set_data(allowance.clone());
    Some(allowance)
}

struct GuardedBody {
    body: BoxBody<Bytes, io::Error>,
    allowance: BodyAllowance,
    unread: Option<UnreadMark>,
    patience: Duration,
    rate: u64,
    received: u64,
    /// All the time that we waited for the client; a slow handler does not count against it.
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl GuardedBody {
    fn refuse(&mut self, refusal: BodyRefusal) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let refusal = self.allowance.0.refusal.get_or_init(|| refusal).clone();
        Poll::Ready(Some(Err(refusal.into())))
    }

    /// Counts a frame and says what is wrong with what came so far.
    fn weigh(&mut self, frame: &Frame<Bytes>) -> Option<BodyRefusal> {
        let limit = self.allowance.limit();
        self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
        let expected = self.rate as f64 * self.waited.as_secs_f64();
        if self.received > limit {
            Some(BodyRefusal::TooLarge { limit })
        } else if self.waited > self.patience && (self.received as f64) < expected {
            Some(BodyRefusal::TooSlow { rate: self.rate })
        } else {
            None
        }
    }

    /// Runs while the client keeps us waiting; ready when it did so for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let deadline = since + self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl Body for GuardedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(refusal) = self.allowance.refusal() {
            return Poll::Ready(Some(Err(refusal.clone().into())));
        }
        let limit = self.allowance.limit();
        if self.received.saturating_add(self.body.size_hint().lower()) > limit {
            return self.refuse(BodyRefusal::TooLarge { limit });
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending if self.poll_patience(cx).is_ready() => {
                let waited = self.patience;
                self.refuse(BodyRefusal::Stalled { waited })
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                if let Some(since) = self.waiting_since.take() {
                    self.waited += since.elapsed();
                }
                match &frame {
                    Some(Ok(frame)) => {
                        if let Some(refusal) = self.weigh(frame) {
                            return self.refuse(refusal);
                        }
                    }
                    Some(Err(_)) | None => self.ended = true,
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for GuardedBody {
    fn drop(&mut self) {
        if let Some(unread) = &self.unread
            && !self.ended
            && !self.body.is_end_stream()
        {
            unread.set();
        }
    }
}
