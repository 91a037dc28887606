//! Is this server well? For balancers (`/health/live`, `/health/ready`), for ProGet's client and
//! for people (`/health`).
//!
//! Anybody may ask, as often as they like, so the answer comes from what was found at most a
//! second ago: one question to the database and one to the package store, however many ask. The
//! answer names the part that fails and nothing else; the log has the cause.

use crate::plain::{COMPATIBLE_VERSION, VERSION_HEADER, plain};
use crate::stale::{Reach, StaleReaders, StaleReads};
use poem::http::{StatusCode, header};
use poem::{Endpoint, Request, Response};
use proget_cluster::Running;
use proget_cluster::node::{Node, Readiness};
use proget_core::Registry;
use proget_core::catalog::CatalogError;
use proget_core::problem::chain;
use serde::Serialize;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);

/// What has not answered after this time does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is asked about a dependency: nothing, or what is wrong in harmless words.
type Verdict = Option<&'static str>;

/// How this server is doing.
#[derive(Debug)]
pub(crate) struct Health {
    registry: Arc<Registry>,
    stale: StaleReads,
    reach: Reach,
    draining: AtomicBool,
    chores: OnceLock<Weak<Running>>,
    node: OnceLock<Weak<Node>>,
    found: tokio::sync::Mutex<Option<Found>>,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    at: Instant,
    database: Verdict,
    store: Verdict,
}

impl Health {
    pub(crate) fn new(registry: Arc<Registry>, stale: StaleReads) -> Self {
        Self {
            registry,
            stale,
            reach: Reach::default(),
            draining: AtomicBool::new(false),
            chores: OnceLock::new(),
            node: OnceLock::new(),
            found: tokio::sync::Mutex::default(),
        }
    }

    /// From now on it tells how these chores are doing.
    pub(crate) fn watch(&self, chores: &Arc<Running>) {
        // Set once, when serving begins.
        let _ = self.chores.set(Arc::downgrade(chores));
    }

    /// From now on it asks this node whether it takes part.
    pub(crate) fn attend(&self, node: &Arc<Node>) {
        // Set once, when the node has joined.
        let _ = self.node.set(Arc::downgrade(node));
    }

    /// Whether the database can be reached.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// From now on the server is not ready, so that balancers send their requests elsewhere.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whoever comes while somebody is asking waits for that answer.
    async fn look(&self) -> Found {
        let mut found = self.found.lock().await;
        if let Some(known) = found.filter(|known| known.at.elapsed() < FRESH) {
            return known;
        }
        let database = async {
            match timeout(PATIENCE, self.registry.fresh().read().ping()).await {
                Ok(Ok(())) => None,
                // Not for want of a way: what it is about is said, and is the same for everybody.
                Ok(Err(error @ CatalogError::Other { doing, .. })) => Some(unwell(doing, &error)),
                Ok(Err(error)) => Some(unwell("the database cannot be reached", &error)),
                Err(error) => Some(unwell("the database does not answer", &error)),
            }
        };
        let store = async {
            let mut verdict = None;
            for (_, store) in self.registry.packages().stores() {
                // Reading the note touches the medium and costs the same however full it is.
                verdict = verdict.or(match timeout(PATIENCE, store.note()).await {
                    Ok(Ok(_)) => None,
                    Ok(Err(error)) => Some(unwell("the package store cannot be read", &error)),
                    Err(error) => Some(unwell("the package store does not answer", &error)),
                });
            }
            verdict
        };
        let (database, store) = futures::future::join(database, store).await;
        *found.insert(Found { at: Instant::now(), database, store })
    }

    /// Why no requests should be sent here, if so.
    async fn unready(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Some("the server is stopping");
        }
        match self.node.get().and_then(Weak::upgrade).map(|node| node.readiness()) {
            Some(Readiness::Unready(why)) => return Some(why),
            Some(Readiness::Ready) | None => {}
        }
        let found = self.look().await;
        found.database.or(found.store)
    }

    /// Why not even requests should be sent here that are content with what is remembered, if so.
    async fn unready_for_stale_reads(&self) -> Option<&'static str> {
        let why = self.unready().await?;
        if self.stale.readers == StaleReaders::Nobody || !self.reach.is_cut_off() {
            return Some(why);
        }
        // Being cut off is its only ailment, as far as the cluster is concerned.
        if self.draining.load(Ordering::Relaxed) { Some(why) } else { self.look().await.store }
    }

    /// Which chore failed when it last ran, if one did.
    fn service(&self) -> Option<String> {
        let chores = self.chores.get()?.upgrade()?;
        let failed = chores.status().into_iter().find(|chore| matches!(chore.last, Some(Err(_))));
        failed.map(|chore| format!("the last run of '{}' failed; the log says why", chore.name))
    }

    async fn report(&self) -> Report {
        let found = self.look().await;
        let service = self.service();
        Report {
            application_name: "ProGet",
            database_status: status(found.database.is_none()),
            database_status_details: found.database,
            license_status: "OK",
            version_number: COMPATIBLE_VERSION,
            release_number: env!("CARGO_PKG_VERSION"),
            service_status: status(service.is_none()),
            service_status_detail: service,
            store_status: status(found.store.is_none()),
            store_status_details: found.store,
        }
    }
}

fn unwell(what: &'static str, error: &(dyn Error + 'static)) -> &'static str {
    tracing::warn!(what, cause = chain(error), "this server is not well");
    what
}

fn status(well: bool) -> &'static str {
    if well { "OK" } else { "Error" }
}

/// ProGet's health document. Its client insists on `applicationName` and the three statuses; what
/// concerns the store is ours, and unknown members are ignored there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    application_name: &'static str,
    database_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    database_status_details: Option<&'static str>,
    license_status: &'static str,
    version_number: &'static str,
    release_number: &'static str,
    service_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_status_detail: Option<String>,
    store_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_status_details: Option<&'static str>,
}

impl Report {
    fn complaint(&self) -> Option<String> {
        let parts =
            [self.database_status_details, self.store_status_details, self.service_status_detail.as_deref()];
        let complaints: Vec<&str> = parts.into_iter().flatten().collect();
        (!complaints.is_empty()).then(|| complaints.join("; "))
    }
}

/// Which of the three questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Does the process answer at all?
    Live,
    /// Should requests be sent here?
    Ready,
    /// Is everything well? In JSON, or in plain text for those who ask for it.
    Well,
}

/// Answers one of the questions; no credentials needed.
#[derive(Debug)]
pub(crate) struct HealthRoute(pub(crate) Arc<Health>, pub(crate) Question);

impl Endpoint for HealthRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut response = match self.1 {
            Question::Live => plain(StatusCode::OK, "OK"),
            Question::Ready if asks_for_stale_reads(&request) => {
                match self.0.unready_for_stale_reads().await {
                    None => plain(StatusCode::OK, "OK"),
                    Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
                }
            }
            Question::Ready => match self.0.unready().await {
                None => plain(StatusCode::OK, "OK"),
                Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            Question::Well => {
                let text = wants_text(&request);
                let report = self.0.report().await;
                let complaint = report.complaint();
                let status =
                    if complaint.is_none() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
                if text {
                    plain(status, complaint.unwrap_or_else(|| "OK".into()))
                } else {
                    Response::builder()
                        .status(status)
                        .content_type("application/json; charset=utf-8")
                        .header(header::CACHE_CONTROL, "no-store")
                        .body(serde_json::to_vec(&report).map_err(poem::error::InternalServerError)?)
                }
            }
        };
        let version = header::HeaderValue::from_static(COMPATIBLE_VERSION);
        response.headers_mut().insert(VERSION_HEADER, version);
        Ok(response)
    }
}

/// `/health/ready?stale-reads`: for balancers that have nobody else to send reads to.
fn asks_for_stale_reads(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "stale-reads")
}

/// ProGet's own answers changed from JSON to text once and broke its client, which sends no
/// `Accept`; so text is only for those who ask for it.
fn wants_text(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let format = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "format");
    match format {
        Some((_, format)) => format.eq_ignore_ascii_case("text"),
        None => request.header("accept").is_some_and(|accept| accept.trim_start().starts_with("text/plain")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use proget_cluster::{Chore, ChoreError, ChoreWork, Findings, Runner};
    use proget_core::SystemClock;
    use proget_core::blob::{IntakeLimits, PackageStore};
    use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
    use proget_core::registry::FreshCatalog;
    use proget_storage::TokioRuntime;

    #[derive(Debug)]
    struct Failing;

    #[async_trait]
    impl Chore for Failing {
        fn name(&self) -> &'static str {
            "sweep"
        }

        fn about(&self) -> &'static str {
            "fails"
        }

        fn every(&self) -> Duration {
            Duration::from_secs(3600)
        }

        async fn tend(&self, _: &ChoreWork) -> Result<Findings, ChoreError> {
            Err(ChoreError { doing: "the password of the database is hunter2".into(), source: None })
        }
    }

    #[tokio::test]
    async fn a_chore_that_fails_is_named_and_why_stays_in_the_log() {
        let runtime = Arc::new(TokioRuntime);
        let catalog = Arc::new(MemoryCatalog::new(Arc::new(SystemClock)));
        let packages = PackageStore::new(
            Arc::new(MemoryStore::new()),
            Arc::new(MemoryStaging::new()),
            IntakeLimits::default(),
        );
        let fresh = FreshCatalog::new(catalog, runtime.clone());
        let health =
            Health::new(Arc::new(Registry::new(fresh, packages, Vec::new(), runtime)), StaleReads::default());
        let running = Arc::new(Runner::new().chore(Arc::new(Failing)).start());
        health.watch(&running);
        assert_eq!(health.report().await.service_status, "OK", "nothing has run yet");
        assert!(running.run_now("sweep"));
        let begun = Instant::now();
        while health.service().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the chore never failed");
            tokio::task::yield_now().await;
        }
        let report = health.report().await;
        assert_eq!((report.service_status, report.database_status), ("Error", "OK"));
        let told = report.complaint().unwrap();
        assert!(told.contains("'sweep'") && !told.contains("hunter2"), "{told}");
        assert_eq!(health.unready().await, None, "a failed chore is no reason to send requests elsewhere");
    }
}
