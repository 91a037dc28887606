//! Whole exchanges with a feed in memory: a few requests one after the other, bodies in pieces.
//!
//! No request is answered with "something went wrong here", refusals have words, `HEAD` is answered
//! as `GET` is, who has a document is told so, and no upload is left behind in the staging area.

use super::Verdict;
use bytes::Bytes;
use futures::executor::block_on;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Body, Request};
use proget_core::access::Permission;
use proget_core::blob::IntakeLimits;
use proget_core::catalog::FeedTotals;
use proget_core::feed::FeedSettings;
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::registry::{FreshCatalog, Inline};
use proget_core::{FeedName, PackageStore, Principal, Problem, Registry};
use proget_feeds::http::{FeedDoor, FeedProtocol, RawTail};
use serde::de::IgnoredAny;
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
    content_type: String,
    body: Bytes,
}

impl Answer {
    /// Is the body what it is said to be? Whatever was published must not break out of its place.
    fn check_body(&self, what: &str) {
        if self.content_type.contains("json") && !self.body.is_empty() {
            serde_json::from_slice::<IgnoredAny>(&self.body)
                .unwrap_or_else(|error| panic!("{what}: no JSON: {error}"));
        }
        if self.content_type.contains("html") {
            let text =
                std::str::from_utf8(&self.body).unwrap_or_else(|error| panic!("{what}: no text: {error}"));
            check_html(text, what);
        }
    }
}

/// Only tags that are written here by ourselves, each closed, its quotes too.
fn check_html(text: &str, what: &str) {
    const TAGS: [&str; 9] = ["!doctype", "html", "head", "meta", "title", "body", "h1", "a", "br"];
    for tag in text.split('<').skip(1) {
        let inside = tag.split('"').step_by(2).position(|outside| outside.contains('>'));
        assert!(inside.is_some(), "{what}: <{tag:?} is not closed");
        let name = tag.trim_start_matches('/').split([' ', '>', '/']).next().unwrap_or_default();
        assert!(TAGS.contains(&name.to_ascii_lowercase().as_str()), "{what}: a tag <{name} in {text:?}");
    }
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
        let before = self.totals().await;
        let answer = self.send(sent, &sent.method, None).await;
        let (method, path) = (&sent.method, &sent.uri);
        if !answer.status.is_success() || *method == Method::GET {
            assert_eq!(self.totals().await, before, "{method} {path} changed something: {}", answer.status);
        }
        if *method != Method::HEAD && answer.status != StatusCode::PARTIAL_CONTENT {
            answer.check_body(path.path());
        }
        if self.protocol.mount() == "cargo"
            && answer.status == StatusCode::OK
            && !path.path().starts_with("/api")
        {
            let lines = serde_json::Deserializer::from_slice(&answer.body).into_iter::<IgnoredAny>();
            assert!(
                path.path() == "/me" || lines.into_iter().all(|line| line.is_ok()),
                "{path} has broken lines"
            );
        }
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

    async fn totals(&self) -> FeedTotals {
        let feed = self.registry.feed(self.name.as_str()).await.expect("the feed is there");
        let admission = self.registry.admit(&Principal::system(), &feed, Permission::View);
        self.registry.totals(&admission.expect("the system may look")).await.expect("memory can be read")
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
        let content_type = of(header::CONTENT_TYPE);
        let content_type =
            content_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (length, tag) = (of(header::CONTENT_LENGTH), of(header::ETAG));
        // A compressed body says nothing to the checks.
        let content_type =
            if parts.headers.contains_key(header::CONTENT_ENCODING) { String::new() } else { content_type };
        Answer { status: parts.status, length, tag, content_type, body }
    }
}

#[cfg(test)]
mod tests {
    use super::check_html;

    #[test]
    fn a_page_of_our_own_tags_is_well_formed() {
        check_html(r#"<!DOCTYPE html><a href="x" data-requires-python="&lt;4>">a</a><br/>"#, "page");
    }

    #[test]
    #[should_panic(expected = "a tag <script")]
    fn a_foreign_tag_is_noticed() {
        check_html("<a><script></a>", "page");
    }

    #[test]
    #[should_panic(expected = "is not closed")]
    fn an_attribute_that_is_left_is_noticed() {
        check_html(r#"<a title="x"y">"#, "page");
    }
}
