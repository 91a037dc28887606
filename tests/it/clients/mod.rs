//! The client ring: npm, yarn classic and pnpm, pip, twine and uv, and cargo against the real program. What is asserted is what
//! a person at the client's screen would see, not only whether the command ended well.

mod cargo;
mod npm;
mod pnpm;
mod proxied;
mod pypi;
mod yarn;

use std::ops::Deref;
use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_tests::{Nginx, Outcome, Package, ProgetProcess, Registry, ServerSetup};
use serde_json::Value;

/// With this variable set, the whole ring goes through nginx, under a path.
const PROXIED: &str = "PROGET_TEST_PROXIED";

/// The server that a test has to itself, with the proxy in front of it if there is one.
struct House {
    server: ProgetProcess,
    nginx: Option<Nginx>,
}

impl House {
    /// A feed as clients reach it, which may be through the proxy.
    fn reached(&self, feed: Registry) -> Registry {
        match &self.nginx {
            Some(nginx) => {
                let url = feed.url.replace(&self.server.url(), &format!("{}/deep/er", nginx.url()));
                feed.at(url)
            }
            None => feed,
        }
    }

    async fn create_feed(&self, format: &str, name: &str) -> Outcome<Registry> {
        Ok(self.reached(self.server.create_feed(format, name).await?))
    }

    async fn create_open_feed(&self, format: &str, name: &str) -> Outcome<Registry> {
        Ok(self.reached(self.server.create_open_feed(format, name).await?))
    }
}

impl Deref for House {
    type Target = ProgetProcess;

    fn deref(&self) -> &ProgetProcess {
        &self.server
    }
}

/// A server, and with it the proxy if the ring goes through one.
async fn house() -> Outcome<House> {
    Ok(if std::env::var_os(PROXIED).is_some() {
        let (server, nginx) = proxied::under_a_path().await?;
        House { server, nginx: Some(nginx) }
    } else {
        House { server: ServerSetup::new().start().await?, nginx: None }
    })
}

/// A server with one feed for npm that only those may read who may.
async fn server() -> Outcome<(House, Registry)> {
    let house = house().await?;
    let feed = house.create_feed("npm", "internal").await?;
    Ok((house, feed))
}

/// A package with one module that says `words` when it is asked.
fn speaking(name: &str, version: &str, words: &str) -> Package {
    Package::new(name, version).file("index.js", format!("module.exports = {words:?};\n"))
}

/// Demands that `project` contains that module and that it says `words`.
fn hears(project: &Path, module: &str, words: &str) -> Outcome {
    let file = project.join("node_modules").join(module).join("index.js");
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    ensure!(text.contains(words), "{} should say {words:?} but is {text:?}", file.display());
    Ok(())
}

/// The lock file that npm wrote into a project.
fn lock_of(project: &Path) -> Outcome<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(project.join("package-lock.json"))?)?)
}
