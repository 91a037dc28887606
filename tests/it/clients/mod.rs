//! The client ring: npm, yarn classic and pnpm against the real program. What is asserted is what
//! a person at the client's screen would see, not only whether the command ended well.

mod npm;
mod pnpm;
mod proxied;
mod yarn;

use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_tests::{Outcome, Package, ProgetProcess, Registry, ServerSetup};
use serde_json::Value;

/// A server with one feed that only those may read who may.
async fn server() -> Outcome<(ProgetProcess, Registry)> {
    let server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    Ok((server, feed))
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
