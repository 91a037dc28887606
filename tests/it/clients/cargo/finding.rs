//! Searching, looking at a crate, and the questions about owners of a registry whose permissions
//! stand on the feed.

use anyhow::ensure;
use proget_tests::{Cargo, Crate, Outcome};

use super::{server, speaking};

#[tokio::test]
async fn a_crate_is_found_by_its_words() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    let widget = Crate::new("widget", "1.1.0").with("keywords = [\"grain\"]");
    cargo.publish(&Crate::new("widget", "1.0.0")).await?.succeeded()?;
    cargo.publish(&widget).await?.succeeded()?;
    for number in 0..12 {
        cargo.publish(&Crate::new(&format!("mill-{number}"), "0.1.0")).await?.succeeded()?;
    }
    let found = cargo.ask(&["search", "--registry", "local", "widget"]).await?.succeeded()?;
    found.says("widget = \"1.1.0\"")?.says("# of the kit")?.does_not_say("mill")?;
    cargo.ask(&["search", "--registry", "local", "grain"]).await?.succeeded()?.says("widget = \"1.1.0\"")?;
    let page = cargo.ask(&["search", "--registry", "local", "mill"]).await?.succeeded()?;
    let lines = page.stdout.lines().filter(|line| line.starts_with("mill-")).count();
    ensure!(lines == 10, "a page of ten has {lines} crates:\n{}", page.text());
    // How many more is known only to be more than none.
    page.says("... and ")?.says("crates more")?;
    let more = cargo.ask(&["search", "--registry", "local", "mill", "--limit", "50"]).await?.succeeded()?;
    let lines = more.stdout.lines().filter(|line| line.starts_with("mill-")).count();
    ensure!(lines == 12, "all twelve are {lines}:\n{}", more.text());
    let none = cargo.ask(&["search", "--registry", "local", "nosuchthing"]).await?.succeeded()?;
    ensure!(none.stdout.trim().is_empty(), "found {}", none.stdout);
    Ok(())
}

#[tokio::test]
async fn a_crate_is_looked_at() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left", "0.3.0", "left")).await?.succeeded()?;
    let widget = Crate::new("widget", "1.0.0")
        .with("rust-version = \"1.60\"")
        .table("[dependencies]\nleft = { version = \"0.3\", registry = \"local\" }")
        .table("[features]\ndefault = [\"turning\"]\nturning = []");
    cargo.publish(&widget).await?.succeeded()?;
    let seen = cargo.ask(&["info", "widget", "--registry", "local"]).await?.succeeded()?;
    let seen = seen.says("version: 1.0.0")?.says("of the kit")?.says("rust-version: 1.60")?;
    seen.says("turning")?.says("license: MIT")?;
    cargo.ask(&["info", "nothing", "--registry", "local"]).await?.failed()?.says("nothing")?;
    Ok(())
}

#[tokio::test]
async fn questions_about_owners_are_answered_and_changes_refused_in_words() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed.with_password("admin", proget_tests::server::ADMIN_PASSWORD))?;
    cargo.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let owners = ["owner", "--registry", "local", "left"];
    cargo.ask(&[&owners[..], &["--list"]].concat()).await?.succeeded()?.says("Admin")?;
    let added = cargo.ask(&[&owners[..], &["--add", "somebody"]].concat()).await?.failed()?;
    added.says("permissions")?.says("feed")?;
    let removed = cargo.ask(&[&owners[..], &["--remove", "Admin"]].concat()).await?.failed()?;
    removed.says("permissions")?.says("feed")?;
    cargo.ask(&["owner", "--registry", "local", "nothing", "--list"]).await?.failed()?.says("nothing")?;
    Ok(())
}
