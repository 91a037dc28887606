//! The HTTP shell: everything between a socket and a route, and nothing about packages.
//!
//! Reading order: [`settings`](Timeouts) (numbers), `listen` and `tls` (what start-up can get
//! wrong), `accept` → `connection` (→ `proxied` → `proxy_header`, `pulse`, `watched_io`) (connections), `shell` (what happens
//! to every request) → `record` (`request_id`, `counted`), `proxies`, `public_url`, `gate`, `body`. Beside the way stand
//! `metrics` and `problem`. Which content coding a client wants is asked where documents are
//! rendered, in the crate of the feed types.
//!
//! ```text
//! kernel → accept → connection → Shell → routes
//!          slots    time-outs     id, log, metrics, panics
//!                   TLS, h1/h2    public URL, client address
//!                                 503 + Retry-After
//!                                 body limits
//! ```
//!
//! A server is put together like this:
//!
//! ```
//! use poem::{EndpointExt, Route, endpoint::make_sync};
//! use proget_server::http::{Addressing, BodyLimit, Limits, Listeners, Shell, Timeouts, serve};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (limits, timeouts) = (Limits::default(), Timeouts::default());
//! let upload = make_sync(|_| "thanks").with(BodyLimit(limits.upload));
//! let routes = Route::new().at("/hello", make_sync(|_| "hello")).at("/upload", upload);
//!
//! let listeners = Listeners::bind(&["127.0.0.1:0".parse()?]).await?;
//! println!("http://{}", listeners.addresses()[0]);
//! let shell = Shell::new(routes, &limits, &timeouts, Addressing::default()).shared();
//! let shutdown = CancellationToken::new();
//! # shutdown.cancel();
//! let drained = serve(listeners, shell, None, &limits, &timeouts, shutdown).await;
//! # assert_eq!(drained.cut, 0); Ok(()) }
//! ```

mod accept;
mod body;
mod connection;
mod counted;
mod gate;
mod listen;
mod metrics;
mod problem;
mod proxied;
mod proxies;
mod proxy_header;
mod public_url;
mod pulse;
mod record;
mod request_id;
mod settings;
mod shell;
mod tls;
mod watched_io;

pub use accept::{Drained, SharedEndpoint, serve};
pub use body::{BodyAllowance, BodyLimit, BodyLimited, BodyRefusal};
pub use counted::{FeedTypeLabel, Labelled};
pub use listen::{BadListenAddress, Departure, ListenAddress, ListenError, Listeners};
pub use metrics::{METRICS_TEXT, Metrics};
pub use problem::{PROBLEM_JSON, problem};
pub use proxied::ProxyProtocol;
pub use proxies::{BadProxyNetwork, ProxyDialect, ProxyNetwork, ProxyTrust};
pub use public_url::{Addressing, BadPublicUrl, PublicUrl};
pub use record::ClientAddress;
pub use request_id::{REQUEST_ID, RequestId};
pub use settings::{Limits, Timeouts};
pub use shell::Shell;
pub use tls::{TlsError, TlsFiles};
