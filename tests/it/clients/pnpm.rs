//! pnpm: abbreviated packuments, a package store of its own, keys from npm's settings.

use std::fs;

use anyhow::ensure;
use proget_tests::{Outcome, Pnpm};

use super::{hears, server, speaking};

#[tokio::test]
async fn pnpm_publishes_adds_and_installs_from_its_lock_file() -> Outcome {
    let (_server, feed) = server().await?;
    let pnpm = Pnpm::new(&feed)?;
    pnpm.publish(&speaking("left", "1.0.0", "the first")).await?.succeeded()?.says("left@1.0.0")?;
    let tool = speaking("@acme/tool", "1.0.0", "tool").depends_on("left", "^1.0.0");
    pnpm.publish(&tool).await?.succeeded()?.says("@acme/tool@1.0.0")?;
    let app = pnpm.add("app", &["@acme/tool"]).await?;
    hears(&app, "@acme/tool", "tool")?;
    hears(&app, ".pnpm/node_modules/left", "the first")?;
    pnpm.publish(&speaking("left", "1.1.0", "the second")).await?.succeeded()?;

    let other = Pnpm::new(&feed)?;
    let clone = other.folder("app")?;
    for file in ["package.json", "pnpm-lock.yaml"] {
        fs::copy(app.join(file), clone.join(file))?;
    }
    let lock = fs::read_to_string(clone.join("pnpm-lock.yaml"))?;
    ensure!(lock.contains("integrity: sha512-"), "the lock file says:\n{lock}");
    other.run(&clone, &["install", "--frozen-lockfile"]).await?.succeeded()?;
    hears(&clone, ".pnpm/node_modules/left", "the first")?;
    ensure!(fs::read_to_string(clone.join("pnpm-lock.yaml"))? == lock, "pnpm changed the lock file");
    other.run(&clone, &["audit"]).await?.succeeded()?.says("No known vulnerabilities")?;
    Ok(())
}

#[tokio::test]
async fn pnpm_shows_why_something_is_refused() -> Outcome {
    let (server, feed) = server().await?;
    let pnpm = Pnpm::new(&feed)?;
    pnpm.publish(&speaking("widget", "1.0.0", "the first")).await?.succeeded()?;
    let folder = pnpm.folder("changed")?;
    speaking("widget", "1.0.0", "the second").write_to(&folder)?;
    let forced = pnpm.run(&folder, &["publish", "--no-git-checks", "--force"]).await?;
    forced.failed()?.says("previously published versions: 1.0.0")?;
    let reader = server.create_key(&["--feed", "internal", "--may", "view"]).await?;
    let pnpm = Pnpm::new(&feed.with_token(&reader.text))?;
    hears(&pnpm.add("app", &["widget"]).await?, "widget", "the first")?;
    pnpm.publish(&speaking("other", "1.0.0", "other")).await?.failed()?.says("403")?;
    let nobody = Pnpm::new(&feed.anonymous())?;
    ensure!(nobody.add("app", &["widget"]).await.is_err(), "a private feed was open");
    Ok(())
}
