//! npm, the one on this machine. Its audit and funding requests stay on: an installation that
//! hangs or fails because of them is a defect of the registry, not of the test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{Answer, Client, Registry};
use crate::program::find;
use crate::{Outcome, Package};

/// npm with a home of its own, pointed at one registry.
#[derive(Debug)]
pub struct Npm(Client);

impl Npm {
    /// An npm that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        let mut client = Client::new(find("npm")?)?;
        fs::write(client.home().join("npmrc"), registry.npmrc())?;
        // An empty one: the machine's own may switch audit and fund off.
        fs::write(client.home().join("global"), "")?;
        client.set("NPM_CONFIG_USERCONFIG", "npmrc");
        client.set("NPM_CONFIG_GLOBALCONFIG", "global");
        client.set("NPM_CONFIG_CACHE", "cache");
        Ok(Self(client))
    }

    /// A new folder for a project.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.0.folder(name)
    }

    /// `npm <arguments>` in `folder`.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Outcome<Answer> {
        self.0.run(folder, arguments).await
    }

    /// `npm <arguments>` where the folder does not matter.
    pub async fn ask(&self, arguments: &[&str]) -> Outcome<Answer> {
        self.run(&self.folder("nowhere")?, arguments).await
    }

    /// `npm <arguments>` for somebody who answers its questions.
    pub async fn converse(&self, arguments: &[&str], answers: &[(&str, &str)]) -> Outcome<Answer> {
        self.0.converse(&self.folder("nowhere")?, arguments, answers).await
    }

    /// Writes the package into a folder of its own and publishes it.
    pub async fn publish(&self, package: &Package) -> Outcome<Answer> {
        self.publish_with(package, &[]).await
    }

    /// The same with further arguments.
    pub async fn publish_with(&self, package: &Package, arguments: &[&str]) -> Outcome<Answer> {
        let folder = self.folder(&package.folder_name())?;
        package.write_to(&folder)?;
        self.run(&folder, &[&["publish"], arguments].concat()).await
    }

    /// The settings file of this npm's user, into which signing in writes.
    pub fn settings(&self) -> Outcome<String> {
        Ok(fs::read_to_string(self.0.home().join("npmrc"))?)
    }

    /// Installs `what` into a new project and returns its folder.
    pub async fn install(&self, project: &str, what: &[&str]) -> Outcome<PathBuf> {
        self.try_install(project, what).await?.succeeded()?;
        self.folder(project)
    }

    /// The same, for an installation whose words matter or that must fail.
    pub async fn try_install(&self, project: &str, what: &[&str]) -> Outcome<Answer> {
        let folder = self.folder(project)?;
        Package::new(project, "1.0.0").write_to(&folder)?;
        self.run(&folder, &[&["install"], what].concat()).await
    }
}
