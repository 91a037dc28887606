//! pnpm, with a package store of its own: a shared one would answer instead of the registry.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{Answer, Client, Registry, installed};
use crate::{Outcome, Package};

/// pnpm with a home of its own, pointed at one registry.
#[derive(Debug)]
pub struct Pnpm(Client);

impl Pnpm {
    /// A pnpm that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        let mut client = Client::new(installed("pnpm")?)?;
        let folders = ["store", "cache", "state"]
            .map(|folder| format!("{folder}-dir={}\n", client.home().join(folder).display()))
            .concat();
        fs::write(client.home().join(".npmrc"), registry.npmrc() + &folders + "update-notifier=false\n")?;
        client.set("NPM_CONFIG_USERCONFIG", ".npmrc");
        client.set("PNPM_HOME", "pnpm");
        Ok(Self(client))
    }

    /// A new folder for a project.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.0.folder(name)
    }

    /// `pnpm <arguments>` in `folder`.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Outcome<Answer> {
        self.0.run(folder, arguments).await
    }

    /// Writes the package into a folder of its own and publishes it (not from a git branch).
    pub async fn publish(&self, package: &Package) -> Outcome<Answer> {
        let folder = self.folder(&package.folder_name())?;
        package.write_to(&folder)?;
        self.run(&folder, &["publish", "--no-git-checks"]).await
    }

    /// Adds `what` to a new project and returns its folder.
    pub async fn add(&self, project: &str, what: &[&str]) -> Outcome<PathBuf> {
        let folder = self.folder(project)?;
        Package::new(project, "1.0.0").write_to(&folder)?;
        self.run(&folder, &[&["add"], what].concat()).await?.succeeded()?;
        Ok(folder)
    }
}
