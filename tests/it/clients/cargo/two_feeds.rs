//! Crates of one feed that depend on crates of another feed of the same server.

use anyhow::ensure;
use proget_tests::{Cargo, Crate, Outcome};

use super::{hears, program, server, speaking};

#[tokio::test]
async fn a_crate_of_one_feed_builds_on_a_crate_of_another() -> Outcome {
    let (house, feed) = server().await?;
    let base = house.create_feed("cargo", "base").await?;
    let lower = Cargo::new(&base)?;
    lower.publish(&speaking("left", "1.0.0", "from the other feed")).await?.succeeded()?;
    // The same name in this feed is another crate.
    let cargo = Cargo::with_others(&feed, &[("base", &base)])?;
    cargo.publish(&speaking("left", "1.5.0", "from this feed")).await?.succeeded()?;
    let widget = Crate::new("widget", "1.0.0")
        .table("[dependencies]\nleft = { version = \"1\", registry = \"base\" }")
        .table("[dependencies.right]\npackage = \"left\"\nversion = \"1\"\nregistry = \"local\"")
        .source("pub fn words() -> String { format!(\"{}, {}\", left::words(), right::words()) }");
    cargo.publish(&widget).await?.succeeded()?;

    // Somebody who knows the feeds by other names: what counts is the address.
    let other = Cargo::with_others(&feed, &[("elsewhere", &base)])?;
    let app = program("app", "widget = { version = \"1\", registry = \"local\" }", "widget::words()");
    hears(&other, &app, "from the other feed, from this feed").await?;
    let lock = std::fs::read_to_string(other.project(&app)?.join("Cargo.lock"))?;
    ensure!(lock.contains(&base.url) && lock.contains(&feed.url), "the lock names not both feeds:\n{lock}");
    Ok(())
}
