//! Verdaccio and pypiserver, as their users run them; `bench/install.sh` installs both.
//!
//! Each gets what makes it fast: Verdaccio signs its tokens (JWT), or it would check a password at
//! every request; pypiserver lets everybody read and checks a plain SHA-1 for who writes. Neither
//! was made to flush anything to the disk.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_tests::{Outcome, SOON, eventually, free_port};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::door::Door;

/// A running peer; dropped, it ends and its directory goes.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    _folder: TempDir,
    /// Its one feed, for somebody who may publish.
    pub(crate) door: Door,
}

const VERDACCIO: &str = "storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
security:
  api:
    jwt:
      sign: { expiresIn: 29d }
packages:
  '**': { access: $authenticated, publish: $authenticated, unpublish: $authenticated }
max_body_size: 200mb
web: { enable: false }
log: { type: stdout, format: pretty, level: fatal }
";

impl Peer {
    /// Verdaccio with one user, who holds a signed token.
    pub(crate) async fn verdaccio() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("config.yaml"), VERDACCIO)?;
        let port = free_port()?;
        let mut command = tied_to_us("node");
        command.arg(clients().join("verdaccio/node_modules/.bin/verdaccio"));
        command.args(["-c", "config.yaml", "-l", &format!("127.0.0.1:{port}")]);
        let process = start(command, folder.path())?;
        let url = format!("http://127.0.0.1:{port}/");
        until_ready("Verdaccio", &format!("{url}-/ping")).await?;
        let user = json!({"name": "bench", "password": "a password for the bench"});
        let sign_up = reqwest::Client::new().put(format!("{url}-/user/org.couchdb.user:bench")).json(&user);
        let answer: Value = sign_up.send().await?.error_for_status()?.json().await?;
        let token = answer["token"].as_str().context("Verdaccio gave no token")?;
        ensure!(token.split('.').count() == 3, "Verdaccio's token is not a signed one");
        let door = Door::new(&url, Some(format!("Bearer {token}")))?;
        Ok(Self { process, _folder: folder, door })
    }

    /// Its process.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.process.id().into_iter().collect()
    }

    /// pypiserver with one user.
    pub(crate) async fn pypiserver() -> Outcome<Self> {
        use sha1::Digest as _;
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("packages"))?;
        let hash = STANDARD.encode(sha1::Sha1::digest(b"password"));
        std::fs::write(folder.path().join("htpasswd"), format!("bench:{{SHA}}{hash}\n"))?;
        let port = free_port()?;
        let mut command = tied_to_us(clients().join("pypiserver/bin/pypi-server"));
        command.args(["run", "-i", "127.0.0.1", "-p", &port.to_string(), "-P", "htpasswd", "-a", "update"]);
        command.args(["--disable-fallback", "packages"]);
        let process = start(command, folder.path())?;
        let url = format!("http://127.0.0.1:{port}/");
        until_ready("pypiserver", &url).await?;
        let door = Door::new(&url, Some(format!("Basic {}", STANDARD.encode("bench:password"))))?;
        Ok(Self { process, _folder: folder, door })
    }
}

/// Where `bench/install.sh` put them.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients")
}

/// A command that the kernel ends with us, however we end.
fn tied_to_us(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).kill_on_drop(true);
    command
}

fn start(mut command: Command, folder: &Path) -> Outcome<Child> {
    let log = std::fs::File::create(folder.join("log"))?;
    command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("starting a peer")
}

async fn until_ready(name: &str, url: &str) -> Outcome {
    eventually(&format!("{name} answers (bench/run.sh installs it)"), SOON, || async {
        reqwest::get(url).await?.error_for_status()?;
        Ok(())
    })
    .await
}
