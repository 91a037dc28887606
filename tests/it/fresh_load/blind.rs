//! Nodes whose check of stamps is switched off, put together in this process from the server's own
//! parts over a catalogue that answers for stamps from memory, or that lies about being alone.

use futures::FutureExt as _;
use proget_core::catalog::{Catalog, CatalogError, StampOf};
use proget_core::ids::Stamp;
use proget_core::memory::faulty::FaultyCatalog;
use proget_server::accounts::{FirstAdministrator, FirstPassword};
use proget_server::{Background, LocalStore, Scratch, Server, SqlCatalog, SqlOptions};
use proget_tests::{Database, Outcome};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How a node fails to check what it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blindness {
    /// It does not: the composition itself is not what is caught.
    None,
    /// It takes the first stamp it read of a package for its stamp for ever.
    FirstStamps,
    /// It takes a package's stamp for its stamp a second long: the usual "short cache".
    RecentStamps,
    /// It takes itself for the only one who changes the database.
    Conceit,
}

impl Blindness {
    fn over(self, catalog: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
        let faulty = match self {
            Self::None => FaultyCatalog::new(catalog),
            Self::FirstStamps => remembering(catalog, Duration::MAX),
            Self::RecentStamps => remembering(catalog, Duration::from_secs(1)),
            Self::Conceit => FaultyCatalog::conceited(catalog),
        };
        Arc::new(faulty)
    }
}

/// What is remembered of packages, and since when. Keys and feeds are checked as ever, so that what
/// is caught is an old index and not a forgotten account.
type Remembered = Arc<Mutex<HashMap<StampOf, (Instant, Option<Stamp>)>>>;

fn remembering(catalog: Arc<dyn Catalog>, how_long: Duration) -> FaultyCatalog {
    let remembered = Remembered::default();
    let answer = move |catalog, of| answer(catalog, of, remembered.clone(), how_long).boxed();
    FaultyCatalog::with_stamps_by(catalog, Box::new(answer))
}

async fn answer(
    catalog: Arc<dyn Catalog>,
    of: Vec<StampOf>,
    remembered: Remembered,
    how_long: Duration,
) -> Result<Vec<Option<Stamp>>, CatalogError> {
    let read = Instant::now();
    let fresh = catalog.stamps(&of).await?;
    let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
    let believed = of.into_iter().zip(fresh).map(|(of, fresh)| {
        if !matches!(of, StampOf::Package(..)) {
            return fresh;
        }
        let known = remembered.entry(of).or_insert((read, fresh));
        if known.0.elapsed() > how_long {
            *known = (read, fresh);
        }
        known.1
    });
    Ok(believed.collect())
}

/// A node in this process, on threads of its own: on those of the clients, which never wait for it
/// when it answers from memory, it would not get to open its connections. Ends when it is dropped.
pub(super) struct InProcess {
    url: String,
    runtime: Option<Runtime>,
}

impl InProcess {
    /// Starts one on a database and a store that others share.
    pub(super) async fn start(database: &Database, store: &Path, blindness: Blindness) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (database, store) = (database.url.clone(), store.to_owned());
        let starting = runtime.spawn(async move { serve(&database, &store, blindness).await });
        Ok(Self { url: starting.await??, runtime: Some(runtime) })
    }

    /// Its address, without trailing slash.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its end is forbidden in a runtime, and nobody needs its end.
            runtime.shutdown_background();
        }
    }
}

/// Puts the node together and lets it serve until its runtime ends; gives its address.
async fn serve(database: &str, store: &Path, blindness: Blindness) -> Outcome<String> {
    let catalog = Arc::new(SqlCatalog::open(database, SqlOptions::default()).await?);
    let (packages, scratch) = (LocalStore::open(store).await?, Scratch::open(store).await?);
    let nobody = FirstAdministrator { password: FirstPassword::Absent, api_key: None };
    let server = Server::builder()
        .catalog(blindness.over(catalog))
        .packages(Arc::new(packages), Arc::new(scratch))
        .administrator(nobody)
        .background(Background::Off)
        .listen("127.0.0.1:0");
    let listening = server.build().await?.listen().await?;
    let url = listening.url();
    tokio::spawn(listening.serve_until(std::future::pending()));
    Ok(url)
}
