//! pip, in its pinned version, and the environments that it installs into.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::Outcome;
use crate::client::{Answer, Client, Registry, installed_python, run};

/// pip with a home of its own, pointed at one feed.
#[derive(Debug)]
pub struct Pip(Client);

impl Pip {
    /// A pip that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        let mut client = Client::new(installed_python("python")?)?;
        let index = registry.url_with_password("simple/")?;
        fs::write(client.home().join("pip.conf"), format!("[global]\nindex-url = {index}\n"))?;
        client.set("PIP_CONFIG_FILE", "pip.conf");
        client.set("PIP_CACHE_DIR", "cache");
        client.tell("PIP_NO_INPUT", "1");
        // It would ask a host outside of the test for a newer pip.
        client.tell("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        client.stay_at_home();
        Ok(Self(client))
    }

    /// An empty environment of this name; the same one when it is there already.
    pub async fn environment(&self, name: &str) -> Outcome<Environment> {
        let folder = self.0.folder(name)?.join("environment");
        Environment::make(&folder).await
    }

    /// `pip <arguments>` outside of any environment.
    pub async fn ask(&self, arguments: &[&str]) -> Outcome<Answer> {
        let folder = self.0.folder("nowhere")?;
        self.0.run(&folder, &[&["-m", "pip"], arguments].concat()).await
    }

    /// `pip <arguments>` for an environment.
    pub async fn run(&self, environment: &Environment, arguments: &[&str]) -> Outcome<Answer> {
        let mut words: Vec<OsString> = vec!["-m".into(), "pip".into(), "--python".into()];
        words.push(environment.folder.clone().into());
        words.extend(arguments.iter().map(OsString::from));
        self.0.run(&environment.folder, &words).await
    }

    /// Installs `what` into a new environment.
    pub async fn install(&self, name: &str, what: &[&str]) -> Outcome<Environment> {
        let environment = self.environment(name).await?;
        self.run(&environment, &[&["install"], what].concat()).await?.succeeded()?;
        Ok(environment)
    }

    /// The same, for an installation whose words matter or that must fail.
    pub async fn try_install(&self, name: &str, what: &[&str]) -> Outcome<Answer> {
        let environment = self.environment(name).await?;
        self.run(&environment, &[&["install"], what].concat()).await
    }

    /// A new folder.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.0.folder(name)
    }
}

/// A virtual environment of Python.
#[derive(Clone, Debug)]
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    const LIMIT: Duration = Duration::from_secs(60);

    /// Makes an empty one, unless it is there.
    pub async fn make(folder: &Path) -> Outcome<Self> {
        if !folder.exists() {
            let mut make = Command::new(installed_python("python")?);
            make.args(["-m", "venv", "--without-pip"]).arg(folder);
            run(make, Self::LIMIT).await?.succeeded()?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a module's constant `WORDS` is; fails if the module is not there.
    pub async fn hears(&self, module: &str) -> Outcome<String> {
        let mut python = Command::new(self.folder.join("bin/python"));
        // Two versions of a module may differ in nothing that compiled code is compared by.
        python
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(["-c", &format!("import {module}; print({module}.WORDS)")]);
        Ok(run(python, Self::LIMIT).await?.succeeded()?.stdout.trim().to_owned())
    }
}
