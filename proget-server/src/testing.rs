//! A throw-away registry for tests: in this process, on a free port of the loopback interface, with
//! SQLite and packages in a temporary directory; gone without a trace when it is dropped.
//!
//! It is the real server and not a model of one. Any number may run in one process. Several that are one
//! cluster are a [`TestCluster`].

mod cluster;
mod cut;
mod process;
mod setup;
mod shared;

pub use cluster::TestCluster;
pub use setup::TestClusterSetup;

use crate::accounts::{FirstAdministrator, FirstPassword, KeyText, hash_password};
use crate::builder::ServerBuilder;
use crate::server::Server;
use proget_core::access::{FeedRight, FeedScope, Permissions, Rights, Secret};
use proget_core::catalog::{KeyKind, NewKey, NewUser};
use proget_core::feed::{FeedName, FeedSettings, FormatId};
use proget_core::{Feed, Principal, Problem, Registry};
use proget_storage::{LocalStore, Scratch, SqlCatalog, SqlOptions};
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why a test server could not be started or asked for something.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct TestServerError {
    doing: &'static str,
    why: String,
}

impl TestServerError {
    fn because(doing: &'static str) -> impl FnOnce(Box<dyn Error + Send + Sync>) -> Self {
        move |error| Self { doing, why: proget_core::problem::chain(&*error) }
    }

    fn problem(doing: &'static str) -> impl FnOnce(Problem) -> Self {
        move |problem| Self { doing, why: crate::plain::sentence(&problem) }
    }
}

/// How a test wants its server: called again when the server is restarted.
type Shape = Arc<dyn Fn(ServerBuilder) -> ServerBuilder + Send + Sync>;

/// A throw-away registry.
///
/// # Promises
/// - When `start` returns, the server answers requests.
/// - Dropping it ends everything it started and removes its directory, also when the test panics.
pub struct TestServer {
    registry: Arc<Registry>,
    catalog: Arc<SqlCatalog>,
    url: String,
    admin_key: KeyText,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    shape: Shape,
    folder: Arc<TempDir>,
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl TestServer {
    /// Starts a server without feeds. Must be called within a tokio runtime, which serves it.
    ///
    /// # Errors
    /// If there is no room for it.
    pub async fn start() -> Result<Self, TestServerError> {
        Self::start_with(|builder| builder).await
    }

    /// Starts a server that differs from the usual one in what `shape` sets: limits, a policy, an
    /// authenticator, feeds.
    ///
    /// # Errors
    /// If `shape` asks for what cannot be, or there is no room for it.
    pub async fn start_with(
        shape: impl Fn(ServerBuilder) -> ServerBuilder + Send + Sync + 'static,
    ) -> Result<Self, TestServerError> {
        let doing = "making a temporary directory";
        let folder = TempDir::with_prefix("proget-test-")
            .map_err(|error| TestServerError::because(doing)(error.into()))?;
        let key =
            KeyText::random().map_err(|error| TestServerError::because("making a key")(error.into()))?;
        Self::begin(Arc::new(folder), key, Arc::new(shape)).await
    }

    /// Ends the server gracefully and starts it again on what it has kept; the address is another one.
    /// Nobody else may hold its [`registry`](Self::registry).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(self) -> Result<Self, TestServerError> {
        let (folder, key, shape) = (self.folder.clone(), self.admin_key.clone(), self.shape.clone());
        self.end().await;
        Self::begin(folder, key, shape).await
    }

    /// Ends the server gracefully: requests in flight are finished. Then everything is gone.
    pub async fn stop(self) {
        self.end().await;
    }

    async fn begin(folder: Arc<TempDir>, admin_key: KeyText, shape: Shape) -> Result<Self, TestServerError> {
        let root = folder.path();
        let address = format!("sqlite://{}", root.join("proget.db").display());
        let opening = "opening the catalogue and the package store";
        let failed = |error: Box<dyn Error + Send + Sync>| TestServerError::because(opening)(error);
        let (catalog, store, scratch) = tokio::join!(
            SqlCatalog::open(&address, SqlOptions::default()),
            LocalStore::open(root.join("packages")),
            Scratch::open(root.join("packages")),
        );
        let catalog = Arc::new(catalog.map_err(|error| failed(error.into()))?);
        let store = store.map_err(|error| failed(error.into()))?;
        let scratch = scratch.map_err(|error| failed(error.into()))?;
        // Without a password, because making its hash is most of what starting would cost.
        let administrator =
            FirstAdministrator { password: FirstPassword::Absent, api_key: Some(admin_key.clone()) };
        let builder = Server::builder()
            .catalog(catalog.clone())
            .packages(Arc::new(store), Arc::new(scratch))
            .administrator(administrator)
            .listen("127.0.0.1:0");
        let building = TestServerError::because("building the server");
        let server = shape(builder).build().await.map_err(|error| building(error.into()))?;
        let registry = server.registry().clone();
        let binding = TestServerError::because("binding a port");
        let listening = server.listen().await.map_err(|error| binding(error.into()))?;
        let (url, stop) = (listening.url(), CancellationToken::new());
        let stopped = stop.clone();
        let serving = tokio::spawn(async move {
            listening.serve(stopped).await;
        });
        Ok(Self { registry, catalog, url, admin_key, stop, serving, shape, folder })
    }

    async fn end(mut self) {
        self.stop.cancel();
        // An error would mean that the server has panicked, which its requests have shown.
        let _ = (&mut self.serving).await;
        self.catalog.close().await;
    }

    /// Where it is, without trailing slash: `http://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A feed's address, without trailing slash: `http://127.0.0.1:34567/npm/internal`.
    #[must_use]
    pub fn feed_url(&self, feed_type: &str, feed: &str) -> String {
        format!("{}/{feed_type}/{feed}", self.url)
    }

    /// A key that may do everything.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        self.admin_key.reveal()
    }

    /// The use-cases behind the server.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates a feed of a type such as `npm`.
    ///
    /// # Errors
    /// If the name or the type cannot be, or the name is taken.
    pub async fn create_feed(&self, name: &str, feed_type: &str) -> Result<Feed, TestServerError> {
        self.create_feed_with(name, feed_type, FeedSettings::default()).await
    }

    /// Creates a feed with settings, for example one that everybody may read.
    ///
    /// # Errors
    /// As [`create_feed`](Self::create_feed).
    pub async fn create_feed_with(
        &self,
        name: &str,
        feed_type: &str,
        settings: FeedSettings,
    ) -> Result<Feed, TestServerError> {
        let failed = || TestServerError::problem("creating a feed");
        let name = FeedName::new(name).map_err(|refusal| failed()(refusal.into()))?;
        let format = FormatId::new(feed_type).map_err(|refusal| failed()(refusal.into()))?;
        self.registry.create_feed(&Principal::system(), name, format, settings).await.map_err(failed())
    }

    /// Creates a key for one feed and returns its text.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn feed_key(&self, feed: &Feed, may: Permissions) -> Result<String, TestServerError> {
        let right = FeedRight { scope: FeedScope::One(feed.id), may };
        self.create_key(KeyKind::Feed, Rights { feeds: vec![right], ..Rights::default() }).await
    }

    /// Creates a system key with these rights and returns its text.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn system_key(&self, rights: Rights) -> Result<String, TestServerError> {
        self.create_key(KeyKind::System, rights).await
    }

    /// Creates a user with a password and these rights.
    ///
    /// # Errors
    /// If the name is taken or the password too short.
    pub async fn create_user(
        &self,
        name: &str,
        password: &str,
        rights: Rights,
    ) -> Result<(), TestServerError> {
        let doing = "creating a user";
        let hash = hash_password(&Secret::new(password)).await;
        let hash = hash.map_err(|error| TestServerError::because(doing)(error.into()))?;
        let user = NewUser { name: name.into(), password: Some(hash), rights };
        self.registry.create_user(&Principal::system(), user).await.map_err(TestServerError::problem(doing))
    }

    async fn create_key(&self, kind: KeyKind, rights: Rights) -> Result<String, TestServerError> {
        let doing = "creating a key";
        let text = KeyText::random().map_err(|error| TestServerError::because(doing)(error.into()))?;
        let key = NewKey {
            kind,
            hash: text.hash(),
            hint: text.hint(),
            display_name: "test key".into(),
            description: String::new(),
            rights,
            user: None,
            expires: None,
        };
        let made = self.registry.create_key(&Principal::system(), key).await;
        made.map_err(TestServerError::problem(doing))?;
        Ok(text.reveal().to_owned())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Drops the serving future, which cuts every connection.
        self.serving.abort();
    }
}
