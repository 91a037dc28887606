//! What is remembered of one request: its id, one access log line and its metrics, written when
//! the answer's last byte is out, or when the client leaves, or when the handler panics — always
//! exactly once, because it is written when the record is dropped.
//!
//! The query is never logged: clients put credentials there.

use std::{
    borrow::Cow,
    fmt, io,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use poem::{
    Request, Response,
    http::{HeaderValue, Method, Uri, header},
};

use super::{
    counted::{Label, Outcome},
    request_id::{REQUEST_ID, RequestId},
};

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

/// One request, from its head to the end of its answer.
pub(super) struct RequestRecord {
    id: RequestId,
    client: ClientAddress,
    method: Method,
    /// The client's, before anything was taken off its front.
    target: Uri,
    label: Label,
    started: Instant,
    answered: Option<(u16, Duration)>,
    bytes: u64,
    complete: bool,
}

impl RequestRecord {
    /// Opens the record and leaves the request's id, client and label slot in its extensions.
    pub(super) fn open(request: &mut Request, client: ClientAddress) -> Self {
        let id = RequestId::of(request);
        let label = Label::default();
        request.set_data(id);
        request.set_data(client);
        request.set_data(label.clone());
        Self {
            id,
            client,
            method: request.method().clone(),
            target: request.uri().clone(),
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
        // As strings: whatever is only `Display` goes through the formatting machinery.
        tracing::info_span!(
            "request",
            id = self.id.as_str(),
            method = self.method.as_str(),
            path = &*printable(self.target.path())
        )
    }

    /// Notes the answer's head, echoes the id, and follows the body to its end. An answer to
    /// HEAD loses its body here and keeps the length that GET would have.
    pub(super) fn answer(mut self, mut response: Response) -> Response {
        self.answered = Some((response.status().as_u16(), self.started.elapsed()));
        if let Some(id) = self.id.header_value() {
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

    fn outcome(&self) -> Outcome {
        match self.answered {
            None => Outcome::Abandoned,
            Some((500.., _)) => Outcome::Failed,
            Some((400.., _)) => Outcome::Refused,
            Some(_) if self.complete => Outcome::Ok,
            Some(_) => Outcome::Cut,
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let outcome = self.outcome();
        self.label.count(outcome, self.answered.map(|(_, took)| took.as_secs_f64()));
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "proget::access",
                    // It says all that the request's span would add.
                    parent: None,
                    id = self.id.as_str(),
                    remote = %self.client,
                    method = self.method.as_str(),
                    path = &*printable(self.target.path()),
                    status = self.answered.map(|(status, _)| status),
                    bytes = self.bytes,
                    ms,
                    outcome = outcome.as_str(),
                    "request"
                )
            };
        }
        // Probes come every few seconds from every balancer and would drown the rest.
        let quiet = super::shell::is_probe(self.target.path()) && outcome == Outcome::Ok;
        if quiet { line!(debug) } else { line!(info) }
    }
}

/// What logs may show of a path. Signing out names the token in the path, as npm's protocol has it.
fn printable(path: &str) -> Cow<'_, str> {
    const TOKEN: &str = "/-/user/token/";
    match path.find(TOKEN) {
        Some(at) => Cow::Owned(format!("{}…", &path[..at + TOKEN.len()])),
        None => Cow::Borrowed(path),
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
}
