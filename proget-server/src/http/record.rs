//! What is remembered of one request: its id, one access log line and its metrics, written when
//! the answer's last byte is out, or when the client leaves, or when the handler panics — always
//! exactly once, because it is written when the record is dropped.
//!
//! The query is never logged: clients put credentials there.

use std::{
    fmt, io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use poem::{
    Endpoint, Middleware, Request, Response,
    http::{HeaderValue, Method, header},
};

/// The header that carries the id, in both directions.
pub const REQUEST_ID: &str = "x-request-id";

/// Names one request in logs and answers: the client's own id if it is short and harmless, else
/// a random one. In the request's extensions, and echoed in every answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub(super) fn of(request: &Request) -> Self {
        let harmless = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        match request.header(REQUEST_ID).filter(harmless) {
            Some(id) => Self(id.into()),
            None => Self(uuid::Uuid::new_v4().simple().to_string().into()),
        }
    }

    /// Letters, digits, `.`, `_` and `-`; at most 64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asked, behind any trusted proxies. In the request's extensions; `None` inside if the
/// request came through no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Says for the metrics which feed type a route serves: `route.with(FeedTypeLabel("npm"))`.
/// Requests without it count as `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedTypeLabel(
    /// The feed type's name.
    pub &'static str,
);

/// Where a labelled route leaves its label for the record outside.
#[derive(Debug, Clone, Default)]
struct LabelSlot(Arc<OnceLock<&'static str>>);

impl<E: Endpoint> Middleware<E> for FeedTypeLabel {
    type Output = Labelled<E>;

    fn transform(&self, route: E) -> Self::Output {
        Labelled { route, label: self.0 }
    }
}

/// A route under a [`FeedTypeLabel`].
pub struct Labelled<E> {
    route: E,
    label: &'static str,
}

impl<E: Endpoint> Endpoint for Labelled<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<Self::Output> {
        if let Some(slot) = request.data::<LabelSlot>() {
            // The outermost label wins; a second one is no error.
            let _ = slot.0.set(self.label);
        }
        self.route.call(request).await
    }
}

/// One request, from its head to the end of its answer.
pub(super) struct RequestRecord {
    id: RequestId,
    client: ClientAddress,
    method: Method,
    path: String,
    label: LabelSlot,
    started: Instant,
    answered: Option<(u16, Duration)>,
    bytes: u64,
    complete: bool,
}

impl RequestRecord {
    /// Opens the record and leaves the request's id, client and label slot in its extensions.
    pub(super) fn open(request: &mut Request, client: ClientAddress) -> Self {
        let id = RequestId::of(request);
        let label = LabelSlot::default();
        request.set_data(id.clone());
        request.set_data(client);
        request.set_data(label.clone());
        Self {
            id,
            client,
            method: request.method().clone(),
            path: printable(request.uri().path()),
            label,
            started: Instant::now(),
            answered: None,
            bytes: 0,
            complete: false,
        }
    }

    pub(super) fn id(&self) -> &RequestId {
        &self.id
    }

    pub(super) fn span(&self) -> tracing::Span {
        tracing::info_span!("request", id = %self.id, method = %self.method, path = %self.path)
    }

    /// Notes the answer's head, echoes the id, and follows the body to its end. An answer to
    /// HEAD loses its body here and keeps the length that GET would have.
    pub(super) fn answer(mut self, mut response: Response) -> Response {
        self.answered = Some((response.status().as_u16(), self.started.elapsed()));
        if let Ok(id) = HeaderValue::from_str(self.id.as_str()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let body: BoxBody<Bytes, io::Error> = response.take_body().into();
        if self.method == Method::HEAD {
            let length = body.size_hint().exact().filter(|length| *length > 0);
            if let Some(length) = length
                && !response.headers().contains_key(header::CONTENT_LENGTH)
            {
                response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            self.complete = true;
            return response;
        }
        let declared = response.header("content-length").and_then(|text| text.parse().ok());
        self.complete = body.is_end_stream();
        response.set_body(BoxBody::new(RecordedBody { body, declared, record: self }));
        response
    }

    fn outcome(&self) -> &'static str {
        match self.answered {
            None => "abandoned",
            Some((500.., _)) => "failed",
            Some((400.., _)) => "refused",
            Some(_) if self.complete => "ok",
            Some(_) => "cut",
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let feed_type = self.label.0.get().copied().unwrap_or("none");
        let outcome = self.outcome();
        metrics::counter!("http_requests_total", "feed_type" => feed_type, "outcome" => outcome).increment(1);
        if let Some((_, took)) = self.answered {
            metrics::histogram!("http_request_seconds", "feed_type" => feed_type).record(took.as_secs_f64());
        }
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "proget::access",
                    // It says all that the request's span would add.
                    parent: None,
                    id = %self.id,
                    remote = %self.client,
                    method = %self.method,
                    path = %self.path,
                    status = self.answered.map(|(status, _)| status),
                    bytes = self.bytes,
                    ms,
                    outcome,
                    "request"
                )
            };
        }
        // Probes come every few seconds from every balancer and would drown the rest.
        if super::shell::is_probe(&self.path) && outcome == "ok" { line!(debug) } else { line!(info) }
    }
}

/// What logs may show of a path. Signing out names the token in the path, as npm's protocol has it.
fn printable(path: &str) -> String {
    const TOKEN: &str = "/-/user/token/";
    match path.find(TOKEN) {
        Some(at) => format!("{}…", &path[..at + TOKEN.len()]),
        None => path.to_owned(),
    }
}

struct RecordedBody {
    body: BoxBody<Bytes, io::Error>,
    /// `Content-Length`: hyper stops asking after that many bytes.
    declared: Option<u64>,
    record: RequestRecord,
}

impl Body for RecordedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                self.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.record.complete = self.body.is_end_stream() || self.declared == Some(self.record.bytes);
            }
            Some(Err(error)) => {
                tracing::warn!(id = %self.record.id, %error, "an answer broke off");
            }
            None => self.record.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_path_is_not_shown() {
        assert_eq!(printable("/npm/f/-/user/token/pg_secret"), "/npm/f/-/user/token/…");
        assert_eq!(printable("/npm/f/left-pad"), "/npm/f/left-pad");
    }

    #[test]
    fn a_harmless_id_is_kept_and_any_other_is_replaced() {
        let id_of = |given: &str| RequestId::of(&Request::builder().header(REQUEST_ID, given).finish());
        assert_eq!(id_of("build-7.2_a").as_str(), "build-7.2_a");
        for bad in ["", "two words", "line\u{e9}", "<script>", &"x".repeat(65)] {
            let id = id_of(bad);
            assert_ne!(id.as_str(), bad);
            assert_eq!(id.as_str().len(), 32);
        }
        assert_ne!(id_of(""), id_of(""));
    }
}
