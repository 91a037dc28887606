//! Whole exchanges with a feed in memory: a few requests one after the other, bodies in pieces.
//!
//! No request is answered with "something went wrong here", refusals have words, `HEAD` is answered
//! as `GET` is, who has a document is told so, and no upload is left behind in the staging area.

use super::Verdict;
use bytes::Bytes;
use futures::executor::block_on;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Body, Request};
use proget_core::blob::IntakeLimits;
use proget_core::feed::FeedSettings;
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::registry::{FreshCatalog, Inline};
use proget_core::{FeedName, PackageStore, Principal, Problem, Registry};
use proget_feeds::http::{FeedDoor, FeedProtocol, RawTail};
use std::sync::Arc;

pub(super) fn npm(data: &[u8]) -> Verdict {
    of_type(&proget_feeds::npm::NpmProtocol, data)
}

pub(super) fn pypi(data: &[u8]) -> Verdict {
    of_type(&proget_feeds::pypi::PypiProtocol, data)
}

pub(super) fn cargo(data: &[u8]) -> Verdict {
    of_type(&proget_feeds::cargo::CargoProtocol, data)
}

/// Stands between two requests.
const BETWEEN: &[u8] = b"\n\x1e\n";

/// The requests; each is a line `GET /path`, a line for each header, an empty line and the body.
fn requests(mut data: &[u8]) -> Vec<&[u8]> {
    let mut requests = Vec::new();
    while let Some(end) = data.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        requests.push(&data[..end]);
        data = &data[end + BETWEEN.len()..];
    }
    requests.push(data);
    requests
}

fn of_type(protocol: &'static dyn FeedProtocol, data: &[u8]) -> Verdict {
    block_on(async {
        let feed = Feed::new(protocol).await;
        let mut verdict = Verdict::Refused;
        for sent in requests(data).into_iter().take(6).filter_map(Sent::read) {
            if feed.exchange(&sent).await {
                verdict = Verdict::Accepted;
            }
        }
        verdict
    })
}

struct Sent {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Sent {
    fn read(text: &[u8]) -> Option<Self> {
        let end = text.windows(2).position(|two| two == b"\n\n");
        let (head, body) = end.map_or((text, &b""[..]), |at| (&text[..at], &text[at + 2..]));
        let head = std::str::from_utf8(head).ok()?;
        let (first, rest) = head.split_once('\n').unwrap_or((head, ""));
        let (method, path) = first.split_once(' ')?;
        let headers = rest.lines().filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.parse().ok()?, value.parse().ok()?))
        });
        Some(Self {
            method: method.parse().ok()?,
            uri: path.parse::<Uri>().ok().filter(|uri| uri.path().starts_with('/'))?,
            headers: headers.take(8).collect(),
            body: Bytes::copy_from_slice(body),
        })
    }

    /// A body that arrives in pieces of 100 bytes.
    fn request(&self, method: &Method, known: Option<&HeaderValue>) -> Request {
        let mut request = Request::builder().method(method.clone()).uri(self.uri.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let pieces: Vec<_> = self.body.chunks(100).map(Bytes::copy_from_slice).collect();
        request.body(Body::from_bytes_stream(futures::stream::iter(
            pieces.into_iter().map(Ok::<_, std::io::Error>),
        )))
    }
}

struct Answer {
    status: StatusCode,
    length: Option<HeaderValue>,
    tag: Option<HeaderValue>,
    body: Bytes,
}

struct Feed {
    protocol: &'static dyn FeedProtocol,
    registry: Arc<Registry>,
    staging: Arc<MemoryStaging>,
    name: FeedName,
}

impl Feed {
    async fn new(protocol: &'static dyn FeedProtocol) -> Self {
        let fresh = FreshCatalog::new(Arc::new(MemoryCatalog::default()), Arc::new(Inline));
        let staging = Arc::new(MemoryStaging::new());
        let store = PackageStore::new(Arc::new(MemoryStore::new()), staging.clone(), IntakeLimits::default());
        let registry = Registry::new(fresh, store, vec![protocol.format()], Arc::new(Inline));
        let name = FeedName::new("fuzz").expect("a good name");
        let (system, format) = (Principal::system(), protocol.format().id());
        let made = registry.create_feed(&system, name.clone(), format, FeedSettings::default()).await;
        made.expect("an empty catalogue takes a feed");
        Self { protocol, registry: Arc::new(registry), staging, name }
    }

    /// Sends it, and what belongs to it; true if it was answered with success.
    async fn exchange(&self, sent: &Sent) -> bool {
        let answer = self.send(sent, &sent.method, None).await;
        let (method, path) = (&sent.method, &sent.uri);
        if sent.method == Method::GET {
            let head = self.send(sent, &Method::HEAD, None).await;
            assert_eq!(head.status, answer.status, "HEAD {path}");
            assert_eq!(head.tag, answer.tag, "HEAD {path}");
            // Answers without a tag may hold the time, and a body, of which HTTP's own layer sends nothing.
            if let (Some(said), Some(_), true) = (&head.length, &head.tag, answer.status == StatusCode::OK) {
                assert_eq!(*said, answer.body.len().to_string(), "HEAD {path}");
            }
            let conditional = sent.headers.iter().any(|(name, _)| *name == header::IF_NONE_MATCH);
            if let (Some(tag), false) = (&answer.tag, conditional) {
                let again = self.send(sent, &Method::GET, Some(tag)).await;
                assert_eq!(again.status, StatusCode::NOT_MODIFIED, "GET {path} with {tag:?}");
                assert!(again.body.is_empty(), "GET {path} with {tag:?}");
            }
        }
        let refused = answer.status.is_client_error() || answer.status.is_server_error();
        assert!(
            !refused || !answer.body.is_empty() || *method == Method::HEAD,
            "{method} {path} without words"
        );
        answer.status.is_success()
    }

    async fn send(&self, sent: &Sent, method: &Method, known: Option<&HeaderValue>) -> Answer {
        let feed = self.registry.feed(self.name.as_str()).await.expect("the feed is there");
        let root = format!("https://packages.test/{}/fuzz", self.protocol.mount());
        let door = FeedDoor::new(self.registry.clone(), feed, Principal::system(), root);
        let tail = RawTail::new(sent.uri.path());
        let response = match self.protocol.call(door, tail, sent.request(method, known)).await {
            Ok(response) => response,
            Err(problem) => {
                let ours = matches!(problem, Problem::Internal { .. } | Problem::Busy { .. });
                assert!(!ours, "{method} {}: {problem:?}", sent.uri);
                self.protocol.refuse(&problem)
            }
        };
        let (parts, body) = response.into_parts();
        let body = body.into_bytes().await.expect("memory is read to its end");
        assert_eq!(self.staging.waiting(), 0, "{method} {} left something in the staging area", sent.uri);
        let of = |name: HeaderName| parts.headers.get(name).cloned();
        Answer { status: parts.status, length: of(header::CONTENT_LENGTH), tag: of(header::ETAG), body }
    }
}
