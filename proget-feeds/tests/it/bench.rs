//! A registry in memory with one feed, callers with different rights, and requests to it.

use bytes::Bytes;
use poem::http::{HeaderMap, Method, StatusCode, header};
use poem::{Body, Request};
use proget_core::access::{FeedScope, Permissions, Rights, Secret, Subject};
use proget_core::blob::IntakeLimits;
use proget_core::feed::{FeedSettings, Overwrite};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::registry::{FreshCatalog, Inline};
use proget_core::{Feed, FeedName, PackageStore, Principal, Problem, Registry};
use proget_feeds::http::{FeedDoor, FeedProtocol, RawTail, SignIn, SignedIn};
use serde_json::Value;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) registry: Arc<Registry>,
    pub(crate) staging: Arc<MemoryStaging>,
    protocol: &'static dyn FeedProtocol,
    /// Where clients think the feed is.
    pub(crate) root: String,
    feed: FeedName,
    desk: Arc<Desk>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(&name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// Fails with all that was answered unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// What a client that reads `error` would show.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error text: {self:?}")).to_owned()
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Nobody,
    Reader,
    Publisher,
    Remover,
    Admin,
}

impl Caller {
    fn principal(self) -> Principal {
        let may = |view, add, delete| {
            Rights::in_feeds(FeedScope::All, Permissions { view, add, promote: false, delete })
        };
        let (name, rights) = match self {
            Self::Nobody => return Principal::anonymous(),
            Self::Reader => ("reader", may(true, false, false)),
            Self::Publisher => ("publisher", may(true, true, false)),
            Self::Remover => ("remover", may(true, false, true)),
            Self::Admin => ("admin", Rights::full_control()),
        };
        Principal { name: name.into(), subject: Subject::Trusted, rights: Arc::new(rights) }
    }
}

impl Bench {
    pub(crate) async fn new(protocol: &'static dyn FeedProtocol) -> Self {
        Self::with(protocol, FeedSettings::default()).await
    }

    pub(crate) async fn open_to_all(protocol: &'static dyn FeedProtocol) -> Self {
        Self::with(protocol, FeedSettings { anonymous_view: true, ..FeedSettings::default() }).await
    }

    pub(crate) async fn replacing(protocol: &'static dyn FeedProtocol) -> Self {
        Self::with(protocol, FeedSettings { overwrite: Overwrite::Allowed, ..FeedSettings::default() }).await
    }

    async fn with(protocol: &'static dyn FeedProtocol, settings: FeedSettings) -> Self {
        let runtime = Arc::new(Inline);
        let fresh = FreshCatalog::new(Arc::new(MemoryCatalog::default()), runtime.clone());
        let staging = Arc::new(MemoryStaging::new());
        let packages =
            PackageStore::new(Arc::new(MemoryStore::new()), staging.clone(), IntakeLimits::default());
        let registry = Arc::new(Registry::new(fresh, packages, vec![protocol.format()], runtime));
        let feed = FeedName::new("internal").unwrap();
        let format = protocol.format().id();
        registry.create_feed(&Principal::system(), feed.clone(), format, settings).await.unwrap();
        let root = format!("https://packages.test/{}/internal", protocol.mount());
        Self { registry, staging, protocol, root, feed, desk: Arc::default() }
    }

    pub(crate) async fn feed(&self) -> Arc<Feed> {
        self.registry.feed(self.feed.as_str()).await.unwrap()
    }

    pub(crate) async fn door(&self, caller: Caller) -> FeedDoor {
        FeedDoor::new(self.registry.clone(), self.feed().await, caller.principal(), &*self.root)
            .with_sign_in(Some(self.desk.clone()))
    }

    /// Sends a request with headers and body.
    pub(crate) async fn send(
        &self,
        caller: Caller,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let (mut request, mount) = (Request::builder().method(method), self.protocol.mount());
        request = request.uri_str(format!("http://x/{mount}/internal/{path}"));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(body);
        let method = request.method().clone();
        let feed = format!("/{mount}/internal");
        let raw = request.uri().path().strip_prefix(&feed).unwrap().to_owned();
        let outcome = self.protocol.call(self.door(caller).await, RawTail::new(&raw), request).await;
        let response = outcome.unwrap_or_else(|problem| self.protocol.refuse(&problem));
        let (parts, body) = response.into_parts();
        crate::contract::requested(mount, &method, &raw, parts.status);
        let body = body.into_bytes().await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, caller: Caller, path: &str) -> Answer {
        self.send(caller, Method::GET, path, &[], ()).await
    }

    pub(crate) async fn put(&self, caller: Caller, path: &str, document: &Value) -> Answer {
        self.send(caller, Method::PUT, path, &[], document.to_string()).await
    }

    pub(crate) async fn post(&self, caller: Caller, path: &str, document: &Value) -> Answer {
        self.send(caller, Method::POST, path, &[], document.to_string()).await
    }

    pub(crate) async fn delete(&self, caller: Caller, path: &str) -> Answer {
        self.send(caller, Method::DELETE, path, &[], ()).await
    }
}

/// Signs in one user with one password.
#[derive(Debug, Default)]
struct Desk {
    signed_out: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl SignIn for Desk {
    async fn sign_in(&self, user: &str, password: &Secret, purpose: &str) -> Result<SignedIn, Problem> {
        assert_eq!(purpose, "npm login");
        if user == "ann" && *password == Secret::new("right") {
            return Ok(SignedIn { token: Secret::new("the-token"), user: "Ann".into() });
        }
        Err(Problem::Unauthenticated("the credentials are not valid".into()))
    }

    async fn sign_out(&self, _: &Principal, token: &Secret) -> Result<(), Problem> {
        self.signed_out.lock().unwrap().push(token.reveal().to_owned());
        Ok(())
    }
}

impl Bench {
    pub(crate) fn signed_out(&self) -> Vec<String> {
        self.desk.signed_out.lock().unwrap().clone()
    }
}
