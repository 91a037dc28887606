//! cargo, by theme: crates and their building, yanking, finding and owning, refusals, two feeds.

mod finding;
mod packages;
mod refusals;
mod two_feeds;
mod yanking;

use anyhow::ensure;
use proget_tests::{Cargo, Crate, Outcome, Registry};

use super::{House, house};

/// A server with one feed that only those may read who may.
async fn server() -> Outcome<(House, Registry)> {
    let house = house().await?;
    let feed = house.create_feed("cargo", "internal").await?;
    Ok((house, feed))
}

/// A crate whose library says `words` when it is asked.
pub(super) fn speaking(name: &str, version: &str, words: &str) -> Crate {
    Crate::new(name, version).source(&format!("pub fn words() -> &'static str {{ {words:?} }}\n"))
}

/// A program that depends on `dependencies` (lines of TOML) and prints `expression`.
pub(super) fn program(name: &str, dependencies: &str, expression: &str) -> Crate {
    Crate::new(name, "0.0.0")
        .table(&format!("[dependencies]\n{dependencies}"))
        .file("src/main.rs", format!("fn main() {{ println!(\"{{}}\", {expression}); }}\n"))
}

/// Builds and runs a program and demands that it prints `words`.
pub(super) async fn hears(cargo: &Cargo, program: &Crate, words: &str) -> Outcome {
    let folder = cargo.project(program)?;
    let said = cargo.run(&folder, &["run", "--quiet"]).await?.succeeded()?;
    ensure!(said.stdout.trim() == words, "it should print {words:?} but printed {:?}", said.stdout);
    Ok(())
}
