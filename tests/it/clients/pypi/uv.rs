//! uv: publishing, installing, and projects with a lock.

use std::fs;

use anyhow::ensure;
use proget_tests::{Environment, Outcome, Uv};

use super::{hears, server, speaking, upload, yank};

#[tokio::test]
async fn uv_publishes_once_and_again_and_is_refused_other_bytes() -> Outcome {
    let (_house, feed) = server().await?;
    let widget = speaking("widget", "1.0", "the first").requires("left>=1");
    let (wheel, source) = (widget.wheel()?, widget.sdist()?);
    let uv = Uv::new(&feed)?;
    uv.publish(&[&wheel, &source]).await?.succeeded()?.says("widget-1.0.tar.gz")?;
    uv.publish(&[&wheel]).await?.succeeded()?;
    let other = speaking("widget", "1.0", "the second").wheel()?;
    uv.publish(&[&other]).await?.failed()?.says("already exists")?;
    // With an address to look at, it does not even send what is there.
    let look = feed.url_with_password("simple/")?;
    let newer = speaking("widget", "1.1", "newer").wheel()?;
    let known = uv.publish_with(&[&wheel, &newer], &["--check-url", &look]).await?.succeeded()?;
    known.says("already exists, skipping")?.says("widget-1.1")?;
    uv.publish_with(&[&other], &["--check-url", &look]).await?.failed()?.says("widget-1.0")?;
    let dry = speaking("widget", "1.2", "dry").wheel()?;
    uv.publish_with(&[&dry], &["--dry-run"]).await?.succeeded()?;
    uv.publish(&[&dry]).await?.succeeded()?;
    Ok(())
}

#[tokio::test]
async fn uv_installs_with_the_same_choices_as_pip() -> Outcome {
    let (house, feed) = server().await?;
    let widget = speaking("widget", "1.1", "newer").requires("left>=1");
    let older = speaking("widget", "1.0", "older").requires("left");
    let future = speaking("widget", "3.0", "future").requires_python(">=99");
    let bad = speaking("widget", "2.0", "bad");
    upload(&feed, &[&older, &widget, &future, &bad, &speaking("left", "1.0.post2", "left")]).await?;
    yank(&house, "widget", "2.0", "it burns").await?;
    let uv = Uv::new(&feed)?;
    let folder = uv.folder("app")?;
    let environment = Environment::make(&folder.join("environment")).await?;
    let python = environment.folder().display().to_string();
    let install = async |what: &str| uv.run(&folder, &["pip", "install", "--python", &python, what]).await;
    install("widget").await?.succeeded()?;
    hears(&environment, "widget", "newer").await?;
    hears(&environment, "left", "left").await?;
    install("widget==1.0").await?.succeeded()?;
    hears(&environment, "widget", "older").await?;
    install("widget==2.0").await?.succeeded()?.says("it burns")?;
    install("widget==3.0").await?.failed()?.says("99")?;
    install("nothing").await?.failed()?.says("nothing")?;
    Ok(())
}

#[tokio::test]
async fn a_project_is_locked_and_another_machine_gets_the_same_from_the_lock() -> Outcome {
    let (_house, feed) = server().await?;
    let widget = speaking("widget", "1.0", "locked").requires("left");
    upload(&feed, &[&widget, &speaking("left", "1.0", "left")]).await?;
    let uv = Uv::new(&feed)?;
    let app = uv.project("app")?;
    uv.run(&app, &["add", "widget"]).await?.succeeded()?.says("widget")?;
    let lock = fs::read_to_string(app.join("uv.lock"))?;
    let digest = proget_core::digest::Sha256::of(&widget.wheel()?.bytes).to_string();
    ensure!(lock.contains(&digest), "the wheel's digest is not in the lock:\n{lock}");
    ensure!(lock.contains(&feed.url), "the feed's address is not in the lock:\n{lock}");
    ensure!(!lock.contains(proget_tests::server::ADMIN_KEY), "the key stands in the lock:\n{lock}");

    upload(&feed, &[&speaking("widget", "2.0", "newer")]).await?;
    let other = Uv::new(&feed)?;
    let clone = other.project("app")?;
    for file in ["pyproject.toml", "uv.lock"] {
        fs::copy(app.join(file), clone.join(file))?;
    }
    other.run(&clone, &["sync", "--locked"]).await?.succeeded()?;
    let say = ["run", "--locked", "python", "-c", "import widget; print(widget.WORDS)"];
    other.run(&clone, &say).await?.succeeded()?.says("locked")?;
    other.run(&clone, &["lock", "--upgrade"]).await?.succeeded()?.says("v2.0")?;
    other.run(&clone, &["sync"]).await?.succeeded()?;
    other.run(&clone, &say).await?.succeeded()?.says("newer")?;
    Ok(())
}

#[tokio::test]
async fn uv_says_that_a_key_is_wrong_whether_it_reads_or_publishes() -> Outcome {
    let (_house, feed) = server().await?;
    upload(&feed, &[&speaking("widget", "1.0", "widget")]).await?;
    let uv = Uv::new(&feed.with_token("no-such-key"))?;
    let app = uv.project("app")?;
    uv.run(&app, &["add", "widget"]).await?.failed()?.says("401")?.does_not_say("no-such-key")?;
    let newer = speaking("widget", "2.0", "widget").wheel()?;
    uv.publish(&[&newer]).await?.failed()?.says("401")?;
    Ok(())
}
