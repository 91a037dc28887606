//! A server that has been put together, and what it does from the first address to the last byte.

#[cfg(feature = "accounts")]
use crate::accounts::NewAdministrator;
use crate::builder::ServerBuilder;
use crate::cluster::{Attendance, Messaging, admit_keys, attend};
use crate::health::Health;
use crate::http::{
    Drained, Limits, ListenAddress, ListenError, Listeners, ProxyTrust, SharedEndpoint, Timeouts, serve,
};
use crate::plain::sentence;
use poem::{Endpoint, Request, Response};
use proget_cluster::messenger::LateMessenger;
use proget_cluster::node::{Cluster, NodeParts};
use proget_core::Registry;
use proget_core::keys::KeyRing;
use proget_core::problem::chain;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long the last counts may take to be written when a server stops.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// How long a mounted server waits before it tries to join again.
const JOIN_AGAIN: Duration = Duration::from_secs(2);

/// Whether a server does background work: sweeping, writing down download counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// It does. The default.
    #[default]
    On,
    /// It only answers requests; others sweep.
    Off,
}

/// A server that has been put together and checked; nothing listens or runs yet.
///
/// # Promises
/// - [`listen`](Self::listen) binds; [`endpoint`](Self::endpoint) makes a Poem endpoint instead, for another application.
/// - Whatever was started ends when the value that came of it is dropped.
pub struct Server {
    pub(crate) registry: Arc<Registry>,
    pub(crate) endpoint: SharedEndpoint,
    pub(crate) health: Arc<Health>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) listen: Vec<ListenAddress>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) grace: Duration,
    /// Who may tell on whose behalf it connects.
    pub(crate) proxies: ProxyTrust,
    pub(crate) background: Background,
    pub(crate) node: NodeParts,
    pub(crate) keys: Option<KeyRing>,
    pub(crate) messaging: Messaging,
    /// What gives hints before and after the messenger begins.
    pub(crate) messenger: LateMessenger,
    pub(crate) cluster: Arc<Cluster>,
    #[cfg(feature = "accounts")]
    pub(crate) new_administrator: Option<NewAdministrator>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Server {
    /// Begins to put a server together.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The use-cases behind the addresses; they see everything that requests do, and the other way round.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The cluster that this server is a node of, as administrators deal with it.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// The administrator that was created because the instance is new, with the password if it was
    /// made up; to be shown to the operator, as it is kept nowhere.
    #[cfg(feature = "accounts")]
    #[must_use]
    pub fn new_administrator(&self) -> Option<&NewAdministrator> {
        self.new_administrator.as_ref()
    }

    /// Everything as one Poem endpoint, to be nested in another application:
    /// `Route::new().nest("/packages", server.endpoint())`. Links in index documents begin with the path
    /// under which it is nested. Background work begins now and ends when the endpoint is dropped;
    /// listen addresses, TLS and connection limits are the other application's. The node joins its
    /// cluster meanwhile, and tries again until it may.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn endpoint(self) -> MountedServer {
        let endpoint = self.endpoint.clone();
        let joining = tokio::spawn(async move {
            let attendance = self.keep_joining().await;
            attendance.serve(Vec::new());
            // Until the task is ended, which drops the attendance.
            std::future::pending::<()>().await;
        });
        MountedServer { endpoint, joining }
    }

    /// Binds all addresses and joins the cluster. Connections queue from now on, and are served by
    /// [`Listening::serve`].
    ///
    /// # Errors
    /// The first address that cannot be bound, or that there is none, or that the node may not join.
    pub async fn listen(self) -> Result<Listening, ListenError> {
        let listeners = Listeners::bind(&self.listen).await?.behind(self.proxies.clone());
        let attendance = self.join().await?;
        Ok(Listening { server: self, listeners, attendance })
    }

    async fn join(&self) -> Result<Attendance, ListenError> {
        // First: what this server cannot open it must not take part in.
        let sealing = admit_keys(&self.registry, self.keys.as_ref()).await?;
        let me = self.node.card.incarnation;
        let hints = self.messaging.begin(me, self.keys.as_ref(), sealing).await?;
        let mut node = self.node.clone();
        node.card.messenger.clone_from(&hints.address);
        node.messenger = hints.messenger.clone();
        let background = self.background == Background::On;
        let messenger = hints.messenger.clone();
        let attendance =
            attend(node, hints, &self.registry, &self.health, self.keys.clone(), background).await?;
        self.messenger.connect(messenger);
        Ok(attendance)
    }

    async fn keep_joining(&self) -> Attendance {
        loop {
            match self.join().await {
                Ok(attendance) => return attendance,
                Err(error) => {
                    tracing::error!(
                        cause = chain(&error),
                        "this server cannot join its cluster; it tries again"
                    );
                    sleep(JOIN_AGAIN).await;
                }
            }
        }
    }

    /// Listens, and serves until the process is asked to stop: Ctrl-C or, where there is such a
    /// thing, SIGTERM.
    ///
    /// # Errors
    /// As [`Server::listen`].
    pub async fn run(self) -> Result<Drained, ListenError> {
        Ok(self.listen().await?.serve_until(asked_to_stop()).await)
    }
}

/// A server whose addresses are bound.
#[derive(Debug)]
pub struct Listening {
    server: Server,
    listeners: Listeners,
    attendance: Attendance,
}

impl Listening {
    /// The addresses as bound, with real ports.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.listeners.addresses()
    }

    /// The first address as a URL for a client on this machine, without trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.server.tls.is_some() { "https" } else { "http" };
        let mut address = self.addresses().first().copied().unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                [0, 0, 0, 0, 0, 0, 0, 1].into()
            });
        }
        format!("{scheme}://{address}")
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until `stop` is cancelled; see [`serve_until`](Self::serve_until).
    pub async fn serve(self, stop: CancellationToken) -> Drained {
        self.serve_until(stop.cancelled_owned()).await
    }

    /// Serves until `stop` is ready, then says "not ready" for the grace, finishes what is in flight
    /// and writes down the last counts. Dropping the future cuts everything at once.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> Drained {
        let Self { server, listeners, mut attendance } = self;
        attendance.serve(listeners.addresses().iter().map(ToString::to_string).collect());
        let shutdown = CancellationToken::new();
        let departure = listeners.departure();
        let serving = serve(
            listeners,
            server.endpoint.clone(),
            server.tls.clone(),
            &server.limits,
            &server.timeouts,
            shutdown.clone(),
        );
        let stopping = async {
            stop.await;
            server.health.drain();
            departure.announce();
            attendance.begin_leaving();
            sleep(server.grace).await;
            shutdown.cancel();
            // Beside the requests that are being finished: successors need not wait for them.
            attendance.hand_over().await;
        };
        let (drained, ()) = futures::future::join(serving, stopping).await;
        match timeout(LAST_FLUSH, server.registry.flush_downloads()).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::warn!(why = sentence(&problem), "the last download counts are lost"),
            Err(_) => tracing::warn!("the last download counts are lost: the database did not answer"),
        }
        if timeout(LAST_FLUSH, attendance.leave()).await.is_err() {
            tracing::warn!("the roster could not be left: the database did not answer");
        }
        drained
    }
}

/// A server inside another Poem application.
pub struct MountedServer {
    endpoint: SharedEndpoint,
    joining: JoinHandle<()>,
}

impl fmt::Debug for MountedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountedServer").finish_non_exhaustive()
    }
}

impl Drop for MountedServer {
    fn drop(&mut self) {
        self.joining.abort();
    }
}

impl Endpoint for MountedServer {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        self.endpoint.call(request).await
    }
}

/// Waits for Ctrl-C or SIGTERM. If neither can be heard, it waits for ever: the process then ends
/// as the system ends it.
async fn asked_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
