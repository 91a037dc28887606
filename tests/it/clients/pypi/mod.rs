//! pip, twine and uv, by theme: what is chosen, what is fetched, who may, and uploads.

mod built;
mod choosing;
mod fetching;
mod refusals;
mod uploading;
mod uv;

use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Environment, Outcome, PythonFile, PythonPackage, Registry, Twine};
use serde_json::json;

use super::{House, house};

/// A server with one feed that only those may read who may.
async fn server() -> Outcome<(House, Registry)> {
    let house = house().await?;
    let feed = house.create_feed("pypi", "internal").await?;
    Ok((house, feed))
}

/// A package with one module that says `words` when it is asked.
pub(super) fn speaking(name: &str, version: &str, words: &str) -> PythonPackage {
    PythonPackage::new(name, version).module(&name.replace('-', "_"), &format!("WORDS = {words:?}\n"))
}

/// Uploads wheels, all at once.
pub(super) async fn upload(feed: &Registry, packages: &[&PythonPackage]) -> Outcome {
    let wheels = packages.iter().map(|package| package.wheel()).collect::<Outcome<Vec<_>>>()?;
    Twine::new(feed)?.upload(&wheels.iter().collect::<Vec<_>>()).await?.succeeded()?;
    Ok(())
}

/// Demands that an environment has this module and that it says `words`.
pub(super) async fn hears(environment: &Environment, module: &str, words: &str) -> Outcome {
    let heard = environment.hears(module).await?;
    ensure!(heard == words, "{module} should say {words:?} but says {heard:?}");
    Ok(())
}

/// Takes a version back, the way ProGet does it: it is deprecated, with a reason.
async fn yank(house: &House, name: &str, version: &str, reason: &str) -> Outcome {
    let wish = json!({ "deprecated": true, "deprecationReason": reason });
    status(house, name, version, wish).await
}

async fn status(house: &House, name: &str, version: &str, wish: serde_json::Value) -> Outcome {
    let url = format!("{}/api/packages/internal/status?name={name}&version={version}", house.url());
    let post = house.http().post(url).header("X-ApiKey", ADMIN_KEY).json(&wish);
    post.send().await?.error_for_status()?;
    Ok(())
}

/// How often the server was asked for a path that ends like this, as its log has it.
///
/// The line is written after the last byte of the answer, so a client may be a moment ahead.
fn asked_for(house: &House, ending: &str) -> usize {
    let asked = |line: &&str| {
        line.split(|end: char| end.is_whitespace() || end == '"').any(|word| word.ends_with(ending))
    };
    house.log().lines().filter(asked).count()
}

/// The bytes of a file that a client has put somewhere.
fn is_file(folder: &Path, file: &PythonFile) -> Outcome {
    let path = folder.join(&file.name);
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    ensure!(bytes == file.bytes, "{} has other bytes than were uploaded", path.display());
    Ok(())
}
