//! HTTP for the clients of buckets: hyper's client with its pool, and rustls with ring.
//!
//! Not `object_store`'s own way, which is reqwest: that one wants a cryptography chosen for the whole
//! process, and whoever uses reqwest beside this library would find that its clients panic until one is.
//! Proxies between are not spoken to.

use http::HeaderValue;
use http::header::{Entry, USER_AGENT};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, Error as ClientError, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{error::Elapsed, timeout};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

const CONNECT: Duration = Duration::from_secs(3);
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Servers and what stands before them close connections after 60 s or later.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 32;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("proget/", env!("CARGO_PKG_VERSION")));

/// Whose certificates are believed, and how long an answer may take to begin.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    tls: ClientConfig,
    limit: Option<Duration>,
}

impl Connector {
    /// Believes the authorities that this machine believes; `SSL_CERT_FILE` names others.
    pub(super) fn new(limit: Option<Duration>) -> object_store::Result<Self> {
        let mut roots = RootCertStore::empty();
        // What cannot be read is missed by whoever needs it; a server without TLS needs nothing.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| object_store::Error::Generic { store: "TLS", source: error.into() })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls, limit })
    }
}

impl HttpConnector for Connector {
    /// The options are reqwest's; what is needed of them is decided here.
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = connect::HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(tls.https_or_http().enable_http1().wrap_connector(tcp));
        Ok(HttpClient::new(Pooled { client, limit: self.limit }))
    }
}

struct Pooled {
    client: Client<HttpsConnector<connect::HttpConnector>, HttpRequestBody>,
    limit: Option<Duration>,
}

impl fmt::Debug for Pooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl HttpService for Pooled {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Entry::Vacant(agent) = request.headers_mut().entry(USER_AGENT) {
            agent.insert(AGENT);
        }
        let answer = self.client.request(request);
        let answer = match self.limit {
            Some(limit) => timeout(limit, answer).await.map_err(too_slow)?,
            None => answer.await,
        };
        Ok(answer.map_err(not_asked)?.map(|body| HttpResponseBody::new(body.map_err(cut_off))))
    }
}

fn too_slow(elapsed: Elapsed) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, elapsed)
}

fn not_asked(error: ClientError) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { kind(&error) };
    HttpError::new(kind, error)
}

fn cut_off(error: hyper::Error) -> HttpError {
    HttpError::new(kind(&error), error)
}

/// By its causes: what broke may be worth another try, what is strange is not.
fn kind(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_timeout() {
                return HttpErrorKind::Timeout;
            } else if error.is_closed() || error.is_canceled() || error.is_incomplete_message() {
                return HttpErrorKind::Interrupted;
            }
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
                _ => HttpErrorKind::Interrupted,
            };
        }
        cause = error.source();
    }
    HttpErrorKind::Unknown
}
