//! yarn classic (1.22), which asks for full packuments and follows tarball addresses literally.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{Answer, Client, Registry, installed};
use crate::{Outcome, Package};

/// yarn with a home of its own, pointed at one registry.
#[derive(Debug)]
pub struct Yarn {
    client: Client,
    registry: Registry,
}

impl Yarn {
    /// A yarn that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        let mut client = Client::new(installed("yarn")?)?;
        // Without the second line yarn sends its key for packages with a scope only.
        fs::write(client.home().join(".npmrc"), registry.npmrc() + "always-auth=true\n")?;
        // yarn takes the address from its own file and the key from npm's. Looking for its own
        // newer version is the one thing switched off: it asks a host outside of the test.
        let yarnrc = format!("registry \"{}\"\ndisable-self-update-check true\n", registry.url);
        fs::write(client.home().join(".yarnrc"), yarnrc)?;
        client.set("YARN_CACHE_FOLDER", "cache");
        Ok(Self { client, registry: registry.clone() })
    }

    /// A new folder for a project.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.client.folder(name)
    }

    /// `yarn <arguments>` in `folder`, without questions.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Outcome<Answer> {
        self.client.run(folder, &[arguments, &["--non-interactive"]].concat()).await
    }

    /// Writes the package into a folder of its own and publishes it.
    pub async fn publish(&self, package: &Package) -> Outcome<Answer> {
        let folder = self.folder(&package.folder_name())?;
        package.write_to(&folder)?;
        let version = ["publish", "--new-version", package.version(), "--registry", &self.registry.url];
        self.run(&folder, &version).await
    }

    /// Adds `what` to a new project and returns its folder.
    pub async fn add(&self, project: &str, what: &[&str]) -> Outcome<PathBuf> {
        let folder = self.folder(project)?;
        Package::new(project, "1.0.0").write_to(&folder)?;
        self.run(&folder, &[&["add"], what].concat()).await?.succeeded()?;
        Ok(folder)
    }
}
