//! yarn classic: full packuments, tarball addresses taken literally, keys from npm's settings.

use std::fs;

use anyhow::ensure;
use proget_tests::{Outcome, Yarn};

use super::{hears, server, speaking};

#[tokio::test]
async fn yarn_publishes_adds_and_installs_from_its_lock_file() -> Outcome {
    let (_server, feed) = server().await?;
    let yarn = Yarn::new(&feed)?;
    yarn.publish(&speaking("left", "1.0.0", "the first")).await?.succeeded()?.says("Published")?;
    let tool = speaking("@acme/tool", "1.0.0", "tool").depends_on("left", "^1.0.0");
    yarn.publish(&tool).await?.succeeded()?.says("Published")?;
    let app = yarn.add("app", &["@acme/tool"]).await?;
    hears(&app, "@acme/tool", "tool")?;
    hears(&app, "left", "the first")?;
    yarn.publish(&speaking("left", "1.1.0", "the second")).await?.succeeded()?;

    // Another machine, the same lock file, and nothing in its cache.
    let other = Yarn::new(&feed)?;
    let clone = other.folder("app")?;
    for file in ["package.json", "yarn.lock"] {
        fs::copy(app.join(file), clone.join(file))?;
    }
    let lock = fs::read_to_string(clone.join("yarn.lock"))?;
    ensure!(lock.contains(&format!("{}left/-/left-1.0.0.tgz", feed.url)), "the lock file says:\n{lock}");
    ensure!(lock.contains("integrity sha512-"), "the lock file says:\n{lock}");
    other.run(&clone, &["install", "--frozen-lockfile"]).await?.succeeded()?;
    hears(&clone, "left", "the first")?;
    ensure!(fs::read_to_string(clone.join("yarn.lock"))? == lock, "yarn changed the lock file");
    other.run(&clone, &["info", "left", "versions"]).await?.succeeded()?.says("1.1.0")?;
    Ok(())
}

#[tokio::test]
async fn yarn_shows_why_something_is_refused() -> Outcome {
    let (server, feed) = server().await?;
    let yarn = Yarn::new(&feed)?;
    yarn.publish(&speaking("widget", "1.0.0", "the first")).await?.succeeded()?;
    let again = yarn.publish(&speaking("widget", "1.0.0", "the second")).await?.failed()?;
    again.says("previously published versions: 1.0.0")?;
    let reader = server.create_key(&["--feed", "internal", "--may", "view"]).await?;
    let yarn = Yarn::new(&feed.with_token(&reader.text))?;
    hears(&yarn.add("app", &["widget"]).await?, "widget", "the first")?;
    yarn.publish(&speaking("other", "1.0.0", "other")).await?.failed()?;
    let nobody = Yarn::new(&feed.anonymous())?;
    ensure!(nobody.add("app", &["widget"]).await.is_err(), "a private feed was open");
    Ok(())
}
