//! The real program `proget` as a process: what operators run, with nothing of the test inside it.
//!
//! For most questions an in-process `proget_server::TestServer` is faster. This one is for those
//! that only a process can answer: what is left after SIGKILL, what a second process sees, what
//! the command line says.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::sync::OnceCell;

use crate::client::{self, Answer, Credential, Registry};
use crate::database::Database;
use crate::place::Place;
use crate::process::{Process, Signal};
use crate::program::workspace;
use crate::{Outcome, SOON, free_port};

/// The environment variable with the path of the program under test.
pub const BINARY_VARIABLE: &str = "PROGET_BIN";

/// The key that every server of the kit accepts for everything.
pub const ADMIN_KEY: &str = "kit-administrator-key-0123456789abcdef";

/// The first administrator's password on every server of the kit.
pub const ADMIN_PASSWORD: &str = "kit administrator password";

/// A key that was just made.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its number, by which it is revoked.
    pub id: i64,
    /// What clients send.
    pub text: String,
}

/// The settings of a server that is not yet started.
#[derive(Clone, Debug)]
pub struct ServerSetup {
    environment: BTreeMap<String, String>,
    wrapper: Vec<String>,
    calls_from: Option<IpAddr>,
}

impl Default for ServerSetup {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerSetup {
    /// SQLite and packages in a directory that goes away with the server.
    pub fn new() -> Self {
        let keys = [("PROGET_ADMIN_PASSWORD", ADMIN_PASSWORD), ("PROGET_ADMIN_API_KEY", ADMIN_KEY)];
        let environment = keys.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { environment, wrapper: Vec::new(), calls_from: None }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Uses `database` instead of SQLite, and stops without a grace for balancers.
    #[must_use]
    pub fn database(self, database: &Database) -> Self {
        self.env("PROGET_DATABASE_URL", &database.url).env("PROGET_TIMEOUT_GRACE", "0s")
    }

    /// The database it was given, if it is not SQLite.
    pub fn database_url(&self) -> Option<String> {
        self.environment.get("PROGET_DATABASE_URL").cloned()
    }

    /// Keeps packages in `folder`, which other servers may share and which outlives the server.
    #[must_use]
    pub fn packages_in(self, folder: &Path) -> Self {
        self.env("PROGET_STORAGE_ROOT", format!("file://{}", folder.display()))
    }

    /// Keeps everything (SQLite, packages, scratch) in `folder`, which outlives the server.
    #[must_use]
    pub fn data_in(self, folder: &Path) -> Self {
        self.env("PROGET_DATA_DIR", folder.display().to_string())
    }

    /// Starts the program through another one, such as `strace -D`, which must keep its id.
    #[must_use]
    pub fn through(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Lets the test's own requests to the server come from this address of the machine, so that it
    /// can tell them from those of a proxy.
    #[must_use]
    pub fn called_from(mut self, address: IpAddr) -> Self {
        self.calls_from = Some(address);
        self
    }

    /// Starts the server on a free port and waits until it says that it is ready.
    pub async fn start(self) -> Outcome<ProgetProcess> {
        let mut server = self.prepare().await?;
        server.resume().await?;
        Ok(server)
    }

    /// Everything but the start: for commands without a server, and for starts that must fail.
    pub async fn prepare(mut self) -> Outcome<ProgetProcess> {
        let binary = binary().await?.to_owned();
        let place = Arc::new(Place::new("server", None)?);
        let port = match self.environment.get("PROGET_LISTEN").and_then(|address| address.rsplit_once(':')) {
            Some((_, port)) => port.parse().context("PROGET_LISTEN has no port")?,
            None => free_port()?,
        };
        self.environment.entry("PROGET_LISTEN".into()).or_insert_with(|| format!("127.0.0.1:{port}"));
        // Servers of one host have its name, and two of one name are not let into one cluster.
        self.environment.entry("PROGET_NODE_NAME".into()).or_insert_with(|| format!("server-{port}"));
        let data = place.path().join("data").display().to_string();
        self.environment.entry("PROGET_DATA_DIR".into()).or_insert(data);
        let http = reqwest::Client::builder().local_address(self.calls_from).build()?;
        Ok(ProgetProcess { process: None, binary, place, setup: self, port, http })
    }
}

/// A server process, its port and its directory. Dropped, it is killed and its directory removed.
#[derive(Debug)]
pub struct ProgetProcess {
    process: Option<Process>,
    binary: PathBuf,
    place: Arc<Place>,
    setup: ServerSetup,
    port: u16,
    http: reqwest::Client,
}

impl ProgetProcess {
    /// How long an orderly stop may take: longer than the server's own deadline for requests.
    const STOPPING: Duration = Duration::from_secs(40);

    /// Sets an environment variable for the next start and for commands from now on.
    pub fn set_env(&mut self, name: &str, value: impl Into<String>) {
        self.setup.environment.insert(name.to_owned(), value.into());
    }

    /// Runs another program from the next start on; returns the one so far.
    pub fn become_program(&mut self, program: impl Into<PathBuf>) -> PathBuf {
        std::mem::replace(&mut self.binary, program.into())
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where SQLite and packages are unless the setup says otherwise.
    pub fn data(&self) -> PathBuf {
        PathBuf::from(&self.setup.environment["PROGET_DATA_DIR"])
    }

    /// A client that keeps connections alive, for requests to this server.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The process id of the running server.
    pub fn id(&self) -> Outcome<u32> {
        self.process.as_ref().map(Process::id).context("the server does not run")
    }

    /// Its log, across restarts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The file that its log goes to, across restarts.
    pub fn log_file(&self) -> PathBuf {
        self.place.path().join("proget.log")
    }

    /// Starts it again on the same port and directory, and waits until it is ready.
    pub async fn resume(&mut self) -> Outcome {
        let process = self.launch()?;
        let process = self.process.insert(process);
        let (http, ready) = (self.http.clone(), format!("http://127.0.0.1:{}/health/ready", self.port));
        let probe = || async {
            let status = http.get(&ready).send().await?.status();
            ensure!(status.as_u16() == 200, "/health/ready answered {status}");
            Ok(())
        };
        let result = process.until_ready(SOON, probe).await;
        if result.is_err() {
            self.process = None;
        }
        result
    }

    /// Starts it and does not wait: for a start that is to be watched or disturbed.
    pub fn resume_without_waiting(&mut self) -> Outcome {
        self.process = Some(self.launch()?);
        Ok(())
    }

    fn launch(&self) -> Outcome<Process> {
        ensure!(self.process.is_none(), "the server already runs");
        let mut words = self.setup.wrapper.iter();
        let mut command = match words.next() {
            Some(wrapper) => Command::new(wrapper),
            None => Command::new(&self.binary),
        };
        command.args(words);
        if !self.setup.wrapper.is_empty() {
            command.arg(&self.binary);
        }
        command.arg("run").env_clear().envs(self.variables());
        Process::start("proget", command, None, &self.place, Signal::Kill)
    }

    /// Starts it, expects that it gives up by itself, and returns what it said.
    pub async fn refuse_to_start(&mut self) -> Outcome<String> {
        let mut process = self.launch()?;
        let status = process.until_ended(SOON).await?;
        if status.success() || status.code().is_none() {
            bail!("the server should have refused to start but ended with {status}:\n{}", process.log());
        }
        Ok(process.log())
    }

    /// Stops it with SIGTERM and demands that it ends well and in time.
    pub async fn stop(&mut self) -> Outcome {
        let mut process = self.running()?;
        let status = process.end(Signal::Terminate, Self::STOPPING).await?;
        ensure!(
            status.success(),
            "the server ended with {status} after SIGTERM; its log:\n{}",
            process.log()
        );
        Ok(())
    }

    /// Kills it with SIGKILL.
    pub async fn kill(&mut self) -> Outcome {
        self.running()?.end(Signal::Kill, SOON).await?;
        Ok(())
    }

    /// Stops and starts it.
    pub async fn restart(&mut self) -> Outcome {
        self.stop().await?;
        self.resume().await
    }

    /// Freezes it with SIGSTOP.
    pub fn freeze(&mut self) -> Outcome {
        self.signal(Signal::Stop)
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub fn thaw(&mut self) -> Outcome {
        self.signal(Signal::Continue)
    }

    /// Sends any signal to the running server.
    pub fn signal(&mut self, signal: Signal) -> Outcome {
        self.process.as_mut().context("the server does not run")?.signal(signal)
    }

    /// Waits until it has ended by itself (an abort point, for example), then lets it be resumed.
    pub async fn until_ended(&mut self, limit: Duration) -> Outcome<std::process::ExitStatus> {
        let mut process = self.running()?;
        process.until_ended(limit).await
    }

    fn running(&mut self) -> Outcome<Process> {
        self.process.take().context("the server does not run")
    }

    /// `proget <arguments>` with the same settings as the server.
    pub async fn command(&self, arguments: &[&str]) -> Outcome<Answer> {
        client::run(self.command_line(arguments), Duration::from_secs(120)).await
    }

    /// The same, not yet started: for commands that are to be watched or disturbed.
    pub fn command_line(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.binary);
        command.args(arguments).current_dir(self.place.path()).env_clear().envs(self.variables());
        command
    }

    /// Runs an administrative command that must succeed, and returns what it printed as JSON.
    pub async fn administer(&self, arguments: &[&str]) -> Outcome<serde_json::Value> {
        self.command(&[arguments, &["--json"]].concat()).await?.succeeded()?.json()
    }

    /// Creates a feed that only those may read who may, and returns it as the administrator sees it.
    pub async fn create_feed(&self, kind: &str, name: &str) -> Outcome<Registry> {
        self.administer(&["feed", "create", name, "--type", kind]).await?;
        Ok(self.feed(kind, name))
    }

    /// Creates a feed that everybody may read, and returns it as the administrator sees it.
    pub async fn create_open_feed(&self, kind: &str, name: &str) -> Outcome<Registry> {
        self.administer(&["feed", "create", name, "--type", kind, "--anonymous-view"]).await?;
        Ok(self.feed(kind, name))
    }

    /// Creates an API key; `wish` says what for, such as `["--feed", "x", "--may", "view"]`.
    pub async fn create_key(&self, wish: &[&str]) -> Outcome<ApiKey> {
        let key = self.administer(&[&["key", "create"], wish].concat()).await?;
        let id = key["id"].as_i64().context("the new key has no number")?;
        let text = key["key"].as_str().context("the new key has no text")?.to_owned();
        Ok(ApiKey { id, text })
    }

    /// An existing feed as its clients see it.
    pub fn feed(&self, kind: &str, name: &str) -> Registry {
        let credential = Some(Credential::Token(ADMIN_KEY.to_owned()));
        Registry { url: format!("{}/{kind}/{name}/", self.url()), credential }
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.setup.environment.clone();
        // Where a panic happened is worth more than the few lines it costs in the log.
        variables.insert("RUST_BACKTRACE".into(), "1".into());
        variables.insert("PATH".into(), std::env::var("PATH").unwrap_or_default());
        variables
    }
}

/// The program under test: the one that was named, else one built now, so that a test never runs
/// against yesterday's program.
async fn binary() -> Outcome<&'static Path> {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let found = BINARY.get_or_try_init(|| async {
        if let Some(named) = std::env::var_os(BINARY_VARIABLE) {
            let named = PathBuf::from(named);
            ensure!(named.is_file(), "{BINARY_VARIABLE} names {}, which is no file", named.display());
            return Ok(named);
        }
        // The test program is target/<profile>/deps/<name>; the server belongs beside `deps`.
        let test = std::env::current_exe()?;
        let folder = test.parent().and_then(Path::parent).context("the test program has no folder")?;
        let mut build = tokio::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        // The whole workspace, so that it shares the artefacts of `cargo test --workspace`.
        build.args(["build", "--quiet", "--workspace", "--bin", "proget"]).current_dir(workspace());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        client::run(build, Duration::from_secs(1800)).await?.succeeded()?;
        Ok(folder.join("proget"))
    });
    Ok(found.await?)
}
