//! What the package clients have in common: the registry they are pointed at, a home of their own
//! with nothing of ours in it, and the answer of a finished command.
//!
//! Each client's own habits (configuration files, caches) live in its own file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use url::Url;

use crate::Outcome;
use crate::program::{find, workspace};

/// A feed as a package client sees it.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its address, with a slash at the end.
    pub url: String,
    /// What the client sends about itself; without it the client is anonymous.
    pub credential: Option<Credential>,
}

/// What a client sends to say who it is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A key, sent as a bearer token (`_authToken`).
    Token(String),
    /// A name and a password, sent the way of HTTP Basic (`_auth`).
    Basic(String, String),
}

impl Registry {
    /// The same feed for somebody without a key.
    pub fn anonymous(&self) -> Self {
        Self { url: self.url.clone(), credential: None }
    }

    /// The same feed for somebody with this key.
    pub fn with_token(&self, token: &str) -> Self {
        Self { url: self.url.clone(), credential: Some(Credential::Token(token.to_owned())) }
    }

    /// The same feed for somebody with this name and password.
    pub fn with_password(&self, user: &str, password: &str) -> Self {
        let credential = Some(Credential::Basic(user.to_owned(), password.to_owned()));
        Self { url: self.url.clone(), credential }
    }

    /// The same feed at another address: behind a proxy, for example.
    pub fn at(&self, url: String) -> Self {
        Self { url, credential: self.credential.clone() }
    }

    /// What is sent where only HTTP Basic is spoken: a name and a password, or the name `api` and a key.
    pub(crate) fn name_and_password(&self) -> Option<(&str, &str)> {
        match &self.credential {
            Some(Credential::Token(token)) => Some(("api", token)),
            Some(Credential::Basic(user, password)) => Some((user, password)),
            None => None,
        }
    }

    /// The address of something in the feed, with name and password in it.
    pub fn url_with_password(&self, path: &str) -> Outcome<String> {
        let mut url = Url::parse(&self.url)?.join(path)?;
        if let Some((user, password)) = self.name_and_password() {
            // The setters escape; they refuse only addresses that cannot have a user.
            ensure!(url.set_username(user).is_ok() && url.set_password(Some(password)).is_ok());
        }
        Ok(url.into())
    }

    /// The `.npmrc` lines that the clients of npm read.
    pub(crate) fn npmrc(&self) -> String {
        let mut lines = format!("registry={}\n", self.url);
        let Some((_, rest)) = self.url.split_once(':') else { return lines };
        match &self.credential {
            Some(Credential::Token(token)) => lines += &format!("{rest}:_authToken={token}\n"),
            Some(Credential::Basic(user, password)) => {
                lines += &format!("{rest}:_auth={}\n", STANDARD.encode(format!("{user}:{password}")));
            }
            None => {}
        }
        lines
    }
}

/// How a command ended and what it said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command line, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

impl Answer {
    /// Both outputs, for a search that does not care which one a client chose.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Demands that it succeeded.
    pub fn succeeded(self) -> Outcome<Self> {
        ensure!(self.status.success(), "{} ended with {}:\n{}", self.command, self.status, self.text());
        Ok(self)
    }

    /// Demands that it failed, by its own decision and not by a signal.
    pub fn failed(self) -> Outcome<Self> {
        let by_itself = self.status.code().is_some_and(|code| code != 0);
        ensure!(
            by_itself,
            "{} should have failed but ended with {}:\n{}",
            self.command,
            self.status,
            self.text()
        );
        Ok(self)
    }

    /// Demands that one of its outputs contains `words`.
    pub fn says(self, words: &str) -> Outcome<Self> {
        ensure!(
            self.text().contains(words),
            "{} should say {words:?} but said:\n{}",
            self.command,
            self.text()
        );
        Ok(self)
    }

    /// Demands that neither of its outputs contains `words`.
    pub fn does_not_say(self, words: &str) -> Outcome<Self> {
        ensure!(
            !self.text().contains(words),
            "{} should not say {words:?} but said:\n{}",
            self.command,
            self.text()
        );
        Ok(self)
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Outcome<serde_json::Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("{} printed:\n{}", self.command, self.text()))
    }
}

/// Program and arguments; the environment would hide them.
fn command_line(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Runs `command` to its end, with a deadline and without any input.
pub(crate) async fn run(mut command: Command, limit: Duration) -> Outcome<Answer> {
    let line = command_line(&command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = tokio::time::timeout(limit, command.output()).await else {
        bail!("{line} did not end within {limit:?}")
    };
    let output = output.with_context(|| format!("starting {line}"))?;
    Ok(Answer {
        command: line,
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// An installed client with a home directory of its own.
#[derive(Debug)]
pub(crate) struct Client {
    program: PathBuf,
    home: TempDir,
    environment: Vec<(&'static str, OsString)>,
}

impl Client {
    /// The longest a single command of a client may take.
    const LIMIT: Duration = Duration::from_secs(120);

    pub(crate) fn new(program: PathBuf) -> Outcome<Self> {
        let home = tempfile::Builder::new().prefix("proget-client-").tempdir()?;
        Ok(Self { program, home, environment: Vec::new() })
    }

    /// Another program in the place of this one, which lends it its home and its variables.
    pub(crate) async fn run_as<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        folder: &Path,
        arguments: &[A],
    ) -> Outcome<Answer> {
        run(self.command(program, folder, arguments), Self::LIMIT).await
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Sets a variable to a path below the home.
    pub(crate) fn set(&mut self, variable: &'static str, below_home: &str) {
        let path = self.home.path().join(below_home);
        self.environment.push((variable, path.into()));
    }

    /// Sets a variable to these words.
    pub(crate) fn tell(&mut self, variable: &'static str, words: impl Into<OsString>) {
        self.environment.push((variable, words.into()));
    }

    /// Lets nothing reach beyond this machine: what asks for a host outside fails at once. For
    /// clients that know a public registry by heart and would ask it in silence.
    pub(crate) fn stay_at_home(&mut self) {
        // Nobody listens on port 1, and feeds of the tests are never HTTPS.
        self.tell("https_proxy", "http://127.0.0.1:1/");
    }

    /// Makes an empty folder for a project, outside any other project.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.home.path().join("projects").join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Runs the client in `folder`. It sees PATH and its own variables, and nothing else of ours.
    pub(crate) async fn run<A: AsRef<OsStr>>(&self, folder: &Path, arguments: &[A]) -> Outcome<Answer> {
        run(self.command(&self.program, folder, arguments), Self::LIMIT).await
    }

    /// Runs it for somebody who answers its questions: each answer is typed when its question
    /// stands on the screen, in this order.
    pub(crate) async fn converse<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: &[A],
        answers: &[(&str, &str)],
    ) -> Outcome<Answer> {
        converse(self.command(&self.program, folder, arguments), answers, Self::LIMIT).await
    }

    fn command<A: AsRef<OsStr>>(&self, program: &Path, folder: &Path, arguments: &[A]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("TMPDIR", self.home.path()).env("LANG", "C.UTF-8");
        command.envs(self.environment.iter().map(|(variable, value)| (*variable, value)));
        command
    }
}

/// Runs `command` to its end and types each answer when its question has been asked.
async fn converse(mut command: Command, answers: &[(&str, &str)], limit: Duration) -> Outcome<Answer> {
    let line = command_line(&command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("starting {line}"))?;
    let (mut keyboard, mut screen) = child.stdin.take().zip(child.stdout.take()).context("no pipes")?;
    let mut errors = child.stderr.take().context("no pipe")?;
    let mut said = Vec::new();
    let talk = async {
        let (mut heard, mut answers) = (0, answers.iter());
        let mut next = answers.next();
        let mut chunk = [0; 4096];
        loop {
            let length = screen.read(&mut chunk).await?;
            if length == 0 {
                break;
            }
            said.extend_from_slice(&chunk[..length]);
            if let Some((question, answer)) = next
                && let Some(at) =
                    said[heard..].windows(question.len()).position(|part| part == question.as_bytes())
            {
                heard += at + question.len();
                keyboard.write_all(format!("{answer}\n").as_bytes()).await?;
                next = answers.next();
            }
        }
        Ok::<_, anyhow::Error>(next.map(|(question, _)| (*question).to_owned()))
    };
    let listen = async {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).await?;
        Ok::<_, anyhow::Error>(String::from_utf8_lossy(&text).into_owned())
    };
    let both = async { tokio::try_join!(talk, listen) };
    let Ok(both) = tokio::time::timeout(limit, both).await else {
        bail!("{line} did not end within {limit:?}; it said:\n{}", String::from_utf8_lossy(&said))
    };
    let (unasked, stderr) = both?;
    let status = child.wait().await?;
    let stdout = String::from_utf8_lossy(&said).into_owned();
    if let Some(question) = unasked {
        bail!("{line} never asked {question:?}; it said:\n{stdout}\n{stderr}");
    }
    Ok(Answer { command: line, status, stdout, stderr })
}

/// The environment variable with the folder into which `./test.sh` installed yarn and pnpm.
pub const CLIENTS_VARIABLE: &str = "PROGET_TEST_CLIENTS";

/// The environment variable with the folder of the Python environment that `./test.sh` made for
/// pip, twine, uv and build.
pub const PYTHON_VARIABLE: &str = "PROGET_TEST_PYTHON";

/// A client that `./test.sh` installs in its pinned version under `target/clients`.
pub(crate) fn installed(name: &str) -> Outcome<PathBuf> {
    find("node")?;
    let folder = std::env::var_os(CLIENTS_VARIABLE)
        .map_or_else(|| workspace().join("target/clients/node_modules/.bin"), PathBuf::from);
    program_in(&folder, name)
}

/// A program of the Python environment that `./test.sh` makes under `target/clients`.
pub(crate) fn installed_python(name: &str) -> Outcome<PathBuf> {
    let folder = std::env::var_os(PYTHON_VARIABLE)
        .map_or_else(|| workspace().join("target/clients/python"), PathBuf::from);
    program_in(&folder.join("bin"), name)
}

fn program_in(folder: &Path, name: &str) -> Outcome<PathBuf> {
    let program = folder.join(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(anyhow!("{name} is not installed in {}: run ./test.sh, which installs it", folder.display()))
}
