//! All addresses of a server in one place. Feed types and native addresses share the root, so the
//! first segment of the raw path decides; what is behind it belongs to whoever is there.

use crate::feeds::FeedRoute;
use crate::health::{Health, HealthRoute, Question};
use crate::http::{BodyLimit, BodyLimited, FeedTypeLabel, Labelled, Limits, METRICS_TEXT, Metrics};
use crate::identity::{Brought, Identity, Places};
use crate::plain::{plain, refuse};
use crate::stale::StaleReads;
use poem::http::{StatusCode, header};
use poem::{Endpoint, EndpointExt as _, Request, Response, Route};
#[cfg(feature = "api")]
use proget_cluster::node::Cluster;
use proget_core::access::Permission;
use proget_core::{Problem, Registry};
use proget_feeds::http::{FeedProtocol, SignIn};
use std::collections::BTreeMap;
use std::sync::Arc;

/// First segments that are not feed types'.
pub(crate) const RESERVED: &[&str] = &["api", "health", "metrics"];

/// Said by a process that has only the Service component.
const NO_WEB: &str = "this process does background work only; ask another server";

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsAccess {
    /// Whoever may administer. The default; the figures name feed types and rates, no packages. The
    /// client's address does not count, because behind a proxy everybody may look local.
    #[default]
    Administrators,
    /// Everybody, for scrapers without credentials in a network that keeps strangers out.
    Everybody,
}

/// What routes are made of.
pub(crate) struct Parts {
    pub(crate) registry: Arc<Registry>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) protocols: Vec<Arc<dyn FeedProtocol>>,
    pub(crate) sign_in: Option<Arc<dyn SignIn>>,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: MetricsAccess,
    pub(crate) stale: StaleReads,
    #[cfg(feature = "api")]
    pub(crate) cluster: Arc<Cluster>,
    /// Does this process answer requests to feeds?
    pub(crate) web: bool,
}

/// All routes.
pub(crate) struct Routes {
    feed_types: BTreeMap<&'static str, Labelled<BodyLimited<FeedRoute>>>,
    native: Route,
    web: bool,
}

impl Routes {
    pub(crate) fn new(parts: &Parts, limits: &Limits) -> Self {
        let feed_types = parts.protocols.iter().map(|protocol| {
            let route = FeedRoute {
                protocol: protocol.clone(),
                registry: parts.registry.clone(),
                identity: parts.identity.clone(),
                sign_in: parts.sign_in.clone(),
                stale: parts.stale,
                reach: parts.health.reach().clone(),
            };
            let mount = protocol.mount();
            (mount, route.with(BodyLimit(limits.upload)).with(FeedTypeLabel(mount)))
        });
        let metrics = Metrics::install();
        crate::figures::list::describe();
        let health = |question| HealthRoute(parts.health.clone(), question);
        let native = Route::new()
            .at("/health", health(Question::Well))
            .at("/health/json", health(Question::Well))
            .at("/health/live", health(Question::Live))
            .at("/health/ready", health(Question::Ready))
            .at(
                "/metrics",
                MetricsRoute {
                    metrics,
                    access: parts.metrics,
                    registry: parts.registry.clone(),
                    identity: parts.identity.clone(),
                },
            );
        #[cfg(feature = "api")]
        let native = crate::api::mount(native, parts, limits);
        Self { feed_types: feed_types.collect(), native, web: parts.web }
    }
}

impl Endpoint for Routes {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mount = request.uri().path().split('/').nth(1).unwrap_or_default();
        if let Some(feed_type) = self.feed_types.get(mount) {
            if !self.web {
                return Ok(plain(StatusCode::SERVICE_UNAVAILABLE, NO_WEB));
            }
            return feed_type.call(request).await;
        }
        // Boxed, so that requests to feeds, which are many, do not carry the room that these need.
        match Box::pin(self.native.call(request)).await {
            Err(error) if error.is::<poem::error::NotFoundError>() => {
                Ok(plain(StatusCode::NOT_FOUND, "there is nothing at this address"))
            }
            outcome => outcome,
        }
    }
}

struct MetricsRoute {
    metrics: Metrics,
    access: MetricsAccess,
    registry: Arc<Registry>,
    identity: Arc<Identity>,
}

impl MetricsRoute {
    async fn admit(&self, brought: Result<Brought, Problem>) -> Result<(), Problem> {
        if self.access == MetricsAccess::Everybody {
            return Ok(());
        }
        let caller = self.identity.of(&brought?).await?;
        self.registry.demand(&caller, Permission::Administer)
    }
}

impl Endpoint for MetricsRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let brought = Brought::by(&request, Places::Headers);
        if let Err(problem) = self.admit(brought).await {
            return Ok(refuse(&problem));
        }
        Ok(match self.metrics.render() {
            Some(figures) => Response::builder()
                .content_type(METRICS_TEXT)
                .header(header::CACHE_CONTROL, "no-store")
                .body(figures),
            None => plain(StatusCode::NOT_FOUND, "the figures go to the recorder of the embedding program"),
        })
    }
}
