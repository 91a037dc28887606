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

    /// Writes the package into a folder of its own and publishes it.
    pub async fn publish(&self, package: &Package) -> Outcome<Answer> {
        let folder = self.folder(&package.folder_name())?;
        package.write_to(&folder)?;
        self.run(&folder, &["publish"]).await
    }

    /// Installs `what` into a new project and returns its folder.
    pub async fn install(&self, project: &str, what: &[&str]) -> Outcome<PathBuf> {
        let folder = self.folder(project)?;
        Package::new(project, "1.0.0").write_to(&folder)?;
        self.run(&folder, &[&["install"], what].concat()).await?.succeeded()?;
        Ok(folder)
    }
}
