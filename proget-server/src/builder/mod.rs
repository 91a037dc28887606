//! Putting a server together: every part is named by its setter, no order matters, what is not
//! given has a documented default, and all that is wrong is said at once.

mod checks;
mod complaint;
mod node;

pub use complaint::{BuildError, Complaint};

#[cfg(feature = "accounts")]
use crate::accounts::{BuiltInAccounts, FirstAdministrator, NewAdministrator, create_first_administrator};
use crate::cluster::{ClusterParts, host_name};
use crate::figures::Figures;
use crate::health::Health;
use crate::http::{Addressing, Limits, ListenAddress, Shell, Timeouts, TlsFiles};
use crate::identity::Identity;
use crate::plain::sentence;
use crate::routes::{MetricsAccess, Parts, Routes};
use crate::server::{Background, Server};
use crate::stale::{StaleReaders, StaleReads};
use crate::throttle::Throttle;
use complaint::complain;
use proget_cluster::membership::Component;
use proget_cluster::messenger::LateMessenger;
use proget_core::blob::{BlobStore, IntakeLimits, PackageStore, Staging};
use proget_core::feed::{FeedName, FeedSettings, FormatId};
use proget_core::ids::Incarnation;
use proget_core::problem::chain;
use proget_core::registry::{FreshCatalog, Observer, PublishPolicy, Registry};
use proget_core::watch::{WatchedCatalog, WatchedStore};
use proget_core::{Authenticator, Catalog, Clock, Principal, Problem, SystemClock};
use proget_feeds::http::{FeedProtocol, SignIn};
use proget_storage::TokioRuntime;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const NO_AUTHENTICATOR: &str = "give one with `authenticator`, or switch the feature `accounts` on";

/// A server that is being put together; see [`Server::builder`].
#[derive(Debug, Default)]
pub struct ServerBuilder {
    catalog: Option<Arc<dyn Catalog>>,
    packages: Option<(Arc<dyn BlobStore>, Arc<dyn Staging>)>,
    package_store: Option<PackageStore>,
    intake: IntakeLimits,
    feed_types: Vec<Arc<dyn FeedProtocol>>,
    feeds: Vec<(String, String)>,
    authenticator: Option<Arc<dyn Authenticator>>,
    sign_in: Option<Arc<dyn SignIn>>,
    #[cfg(feature = "accounts")]
    administrator: FirstAdministrator,
    policies: Vec<Arc<dyn PublishPolicy>>,
    observers: Vec<Arc<dyn Observer>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    timeouts: Timeouts,
    addressing: Addressing,
    listen: Vec<String>,
    tls: Option<TlsFiles>,
    grace: Duration,
    background: Background,
    metrics: MetricsAccess,
    stale: StaleReads,
    cluster: Option<ClusterParts>,
    messenger: LateMessenger,
}

impl ServerBuilder {
    /// What exists. Required.
    #[must_use]
    pub fn catalog(mut self, catalog: Arc<dyn Catalog>) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// Where bytes rest, and where they wait until they are accepted. Required, unless
    /// [`package_store`](Self::package_store) is given.
    #[must_use]
    pub fn packages(mut self, store: Arc<dyn BlobStore>, staging: Arc<dyn Staging>) -> Self {
        self.packages = Some((store, staging));
        self
    }

    /// Several stores by name, with their limits; instead of [`packages`](Self::packages).
    #[must_use]
    pub fn package_store(mut self, packages: PackageStore) -> Self {
        self.package_store = Some(packages);
        self
    }

    /// Limits on what is taken in and kept in memory; with [`packages`](Self::packages) only.
    #[must_use]
    pub fn intake(mut self, limits: IntakeLimits) -> Self {
        self.intake = limits;
        self
    }

    /// Adds a feed type. Without any, all that are compiled in are served.
    #[must_use]
    pub fn feed_type(mut self, protocol: Arc<dyn FeedProtocol>) -> Self {
        self.feed_types.push(protocol);
        self
    }

    /// Makes sure that there is a feed of this name and type (`npm`). One that is there stays as it is.
    #[must_use]
    pub fn feed(mut self, name: impl Into<String>, feed_type: impl Into<String>) -> Self {
        self.feeds.push((name.into(), feed_type.into()));
        self
    }

    /// Who is calling. By default the built-in accounts (feature `accounts`).
    #[must_use]
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticator = Some(authenticator);
        self
    }

    /// Where clients exchange a password for a token (`npm login`). With the built-in accounts that
    /// is there; with another authenticator there is none unless it is given.
    #[must_use]
    pub fn sign_in(mut self, sign_in: Arc<dyn SignIn>) -> Self {
        self.sign_in = Some(sign_in);
        self
    }

    /// The first administrator of a new instance; by default one with a random password, which
    /// [`Server::new_administrator`] tells once. Counts with the built-in accounts only.
    #[cfg(feature = "accounts")]
    #[must_use]
    pub fn administrator(mut self, administrator: FirstAdministrator) -> Self {
        self.administrator = administrator;
        self
    }

    /// Adds somebody who may veto a publish.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn PublishPolicy>) -> Self {
        self.policies.push(policy);
        self
    }

    /// Adds somebody who is told what was published.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// The time by which keys expire and sign-ins are slowed down. By default the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How much is taken at once.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long clients are waited for.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// What clients call this server, and whose word about that is believed. By default what the
    /// request itself says.
    #[must_use]
    pub fn addressing(mut self, addressing: Addressing) -> Self {
        self.addressing = addressing;
        self
    }

    /// Adds an address to listen on: `127.0.0.1:8624`, `[::]:8624`; port 0 lets the system choose.
    #[must_use]
    pub fn listen(mut self, address: impl fmt::Display) -> Self {
        self.listen.push(address.to_string());
        self
    }

    /// Speaks TLS on all addresses.
    #[must_use]
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// How long a stopping server says "not ready" and still takes requests, so that balancers turn
    /// away first. By default not at all.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether this server does background work. By default it does.
    #[must_use]
    pub fn background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// What makes this server a node of a cluster. By default it is alone, with its host's name.
    #[must_use]
    pub fn cluster(mut self, parts: ClusterParts) -> Self {
        self.cluster = Some(parts);
        self
    }

    /// Who may read `/metrics`. By default administrators.
    #[must_use]
    pub fn metrics(mut self, access: MetricsAccess) -> Self {
        self.metrics = access;
        self
    }

    /// What may be read while the database cannot be reached. By default nothing.
    #[must_use]
    pub fn stale_reads(mut self, stale: StaleReads) -> Self {
        self.stale = stale;
        self
    }

    /// Checks everything, asks the catalogue whether it is there, and creates what a new instance
    /// needs: the first administrator, and the feeds that were named. Nothing listens or runs yet.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub async fn build(mut self) -> Result<Server, BuildError> {
        if self.feed_types.is_empty() {
            self.feed_types = compiled_in();
        }
        let mut complaints = Vec::new();
        self.check_feed_types(&mut complaints);
        let listen = self.checked_addresses(&mut complaints);
        let tls = self.checked_tls(&mut complaints);
        let feeds = self.checked_feeds(&mut complaints);
        let parts = (self.catalog.take(), self.checked_packages(&mut complaints));
        if parts.0.is_none() {
            let hint = "give one with `catalog`, for example SqlCatalog or MemoryCatalog";
            complain(&mut complaints, "there is no catalogue", hint);
        }
        if self.authenticator.is_none() && cfg!(not(feature = "accounts")) {
            complain(&mut complaints, "nobody tells who is calling", NO_AUTHENTICATOR);
        }
        let ((Some(catalog), Some(packages)), true) = (parts, complaints.is_empty()) else {
            return Err(BuildError(complaints));
        };
        if let Err(error) = catalog.ping().await {
            let what = format!("the catalogue {catalog} does not answer: {}", chain(&error));
            return Err(BuildError::one(what, "see that the database runs and can be reached from here"));
        }
        let registry = self.registry(catalog, packages);
        for (name, format) in feeds {
            ensure_feed(&registry, name, format).await?;
        }
        self.finish(registry, listen, tls).await
    }

    fn registry(&mut self, catalog: Arc<dyn Catalog>, packages: PackageStore) -> Arc<Registry> {
        let runtime = Arc::new(TokioRuntime);
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let watcher = Arc::new(Figures { messenger: self.messenger.clone() });
        let catalog = Arc::new(WatchedCatalog::new(catalog, watcher.clone(), clock.clone()));
        let packages = packages.wrapped(|store| {
            Arc::new(WatchedStore::new(store, watcher.clone(), clock.clone())) as Arc<dyn BlobStore>
        });
        let formats = self.feed_types.iter().map(|protocol| protocol.format()).collect();
        let fresh = match self.stale.readers {
            StaleReaders::Nobody => FreshCatalog::new(catalog, runtime.clone()),
            _ => FreshCatalog::remembering(catalog, runtime.clone(), clock),
        };
        let mut registry = Registry::new(fresh, packages, formats, runtime).known_as(Incarnation::random());
        for policy in self.policies.drain(..) {
            registry = registry.policy(policy);
        }
        for observer in self.observers.drain(..) {
            registry = registry.observer(observer);
        }
        Arc::new(registry)
    }

    async fn finish(
        mut self,
        registry: Arc<Registry>,
        listen: Vec<ListenAddress>,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Result<Server, BuildError> {
        let clock = self.clock.take().unwrap_or_else(|| Arc::new(SystemClock));
        #[cfg(feature = "accounts")]
        let new_administrator = self.accounts(&registry, &clock).await?;
        let Some(authenticator) = self.authenticator.take() else {
            return Err(BuildError::one("nobody tells who is calling", NO_AUTHENTICATOR));
        };
        let parts = self.cluster.take().unwrap_or_else(|| ClusterParts::alone(host_name()));
        let (keys, messaging) = (parts.keys.clone(), parts.messaging.clone());
        let (node, cluster) = node::node(parts, &registry, clock.clone(), self.messenger.clone());
        let throttle = Arc::new(Throttle::new(clock.clone()));
        let identity = Arc::new(Identity::new(authenticator, throttle).remembering(self.stale, clock));
        let health = Arc::new(Health::new(registry.clone(), self.stale));
        let parts = Parts {
            registry: registry.clone(),
            identity,
            protocols: self.feed_types,
            sign_in: self.sign_in,
            health: health.clone(),
            metrics: self.metrics,
            stale: self.stale,
            #[cfg(feature = "api")]
            cluster: cluster.clone(),
            web: node.card.components.contains(&Component::Web),
        };
        let routes = Routes::new(&parts, &self.limits);
        let proxies = self.addressing.proxies.clone();
        let endpoint = Shell::new(routes, &self.limits, &self.timeouts, self.addressing).shared();
        Ok(Server {
            registry,
            endpoint,
            health,
            limits: self.limits,
            timeouts: self.timeouts,
            listen,
            tls,
            grace: self.grace,
            proxies,
            background: self.background,
            node,
            keys,
            messaging,
            messenger: self.messenger,
            cluster,
            #[cfg(feature = "accounts")]
            new_administrator,
        })
    }

    /// The built-in accounts, unless the embedder has his own.
    #[cfg(feature = "accounts")]
    async fn accounts(
        &mut self,
        registry: &Arc<Registry>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<NewAdministrator>, BuildError> {
        if self.authenticator.is_some() {
            return Ok(None);
        }
        let accounts = BuiltInAccounts::new(registry.clone(), clock.clone()).map_err(|error| {
            BuildError::one(
                format!("there are no random numbers: {error}"),
                "see what the operating system says",
            )
        })?;
        let accounts = Arc::new(accounts);
        self.authenticator = Some(accounts.clone());
        self.sign_in.get_or_insert(accounts);
        let created = create_first_administrator(registry, &self.administrator).await;
        created.map_err(|error| {
            BuildError::one(chain(&error), "give another password, or see that the database can be written")
        })
    }
}

/// The feed types that this build has, which a server has that is not told its own.
#[must_use]
pub fn compiled_in() -> Vec<Arc<dyn FeedProtocol>> {
    vec![
        #[cfg(feature = "npm")]
        Arc::new(proget_feeds::npm::NpmProtocol),
        #[cfg(feature = "pypi")]
        Arc::new(proget_feeds::pypi::PypiProtocol),
        #[cfg(feature = "cargo")]
        Arc::new(proget_feeds::cargo::CargoProtocol),
    ]
}

async fn ensure_feed(registry: &Registry, name: FeedName, format: FormatId) -> Result<(), BuildError> {
    let system = Principal::system();
    let made = registry.create_feed(&system, name.clone(), format.clone(), FeedSettings::default()).await;
    let there = match made {
        Ok(_) => return Ok(()),
        Err(Problem::AlreadyExists(_)) => registry.any_feed(&system, name.as_str()).await,
        Err(problem) => Err(problem),
    };
    let hint = "use another name, or see that the database can be written";
    match there {
        Ok(feed) if feed.format == format => Ok(()),
        Ok(feed) => {
            Err(BuildError::one(format!("there is a feed {name} already, of type {}", feed.format), hint))
        }
        Err(problem) => {
            Err(BuildError::one(format!("feed {name} could not be created: {}", sentence(&problem)), hint))
        }
    }
}
