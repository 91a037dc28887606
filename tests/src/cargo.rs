//! cargo, the one on this machine, with a home of its own: no cache, no credentials and no
//! registries but those of the test.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::{Answer, Client, Credential, Registry};
use crate::program::find;
use crate::{Crate, Outcome};

/// cargo, pointed at one feed, which it calls `local`.
#[derive(Debug)]
pub struct Cargo(Client);

impl Cargo {
    /// A cargo that knows `registry` and nothing else.
    pub fn new(registry: &Registry) -> Outcome<Self> {
        Self::with_others(registry, &[])
    }

    /// A cargo that knows further feeds by these names, with the key of the first.
    pub fn with_others(registry: &Registry, others: &[(&str, &Registry)]) -> Outcome<Self> {
        let mut client = Client::new(find("cargo")?)?;
        client.set("CARGO_HOME", "cargo");
        // Where cargo is a link to rustup, the toolchains are not in our home.
        for (variable, folder) in [("RUSTUP_HOME", ".rustup"), ("RUSTUP_TOOLCHAIN", "")] {
            let known = std::env::var_os(variable);
            let ours = std::env::home_dir().filter(|_| !folder.is_empty()).map(|home| home.join(folder));
            if let Some(value) = known.or(ours.filter(|path| path.is_dir()).map(Into::into)) {
                client.tell(variable, value);
            }
        }
        let token = match &registry.credential {
            Some(Credential::Token(token)) => Some(token.clone()),
            Some(Credential::Basic(user, password)) => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            None => None,
        };
        if let Some(token) = &token {
            client.tell("CARGO_REGISTRIES_LOCAL_TOKEN", token);
        }
        let mut lines =
            "[registry]\ndefault = \"local\"\nglobal-credential-providers = [\"cargo:token\"]\n".to_owned();
        for (name, feed) in [("local", registry)].iter().chain(others) {
            lines += &format!("[registries.{name}]\nindex = \"sparse+{}\"\n", feed.url);
            if let (Some(token), true) = (&token, *name != "local") {
                lines += &format!("token = \"{token}\"\n");
            }
        }
        let home = client.home().join("cargo");
        fs::create_dir_all(&home)?;
        fs::write(home.join("config.toml"), lines)?;
        client.stay_at_home();
        Ok(Self(client))
    }

    /// A new folder for a project.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        self.0.folder(name)
    }

    /// `cargo <arguments>` in a folder.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Outcome<Answer> {
        self.0.run(folder, arguments).await
    }

    /// `cargo <arguments>` where the folder does not matter.
    pub async fn ask(&self, arguments: &[&str]) -> Outcome<Answer> {
        self.run(&self.folder("nowhere")?, arguments).await
    }

    /// Writes the crate as a project of its own.
    pub fn project(&self, package: &Crate) -> Outcome<PathBuf> {
        let folder = self.folder(&format!("{}-{}", package.name(), package.version()))?;
        package.write_to(&folder)?;
        Ok(folder)
    }

    /// Publishes the crate without building it first.
    pub async fn publish(&self, package: &Crate) -> Outcome<Answer> {
        let folder = self.project(package)?;
        self.run(&folder, &["publish", "--registry", "local", "--allow-dirty", "--no-verify"]).await
    }
}
