//! What is refused, and that a person at npm's screen can read why.

use anyhow::ensure;
use proget_tests::{Npm, Outcome, Package};

use super::super::{hears, server, speaking};

#[tokio::test]
async fn a_version_is_published_once() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    npm.publish(&speaking("widget", "1.0.0", "the first")).await?.succeeded()?;
    let words = "cannot publish over the previously published versions: 1.0.0";
    // npm itself looks before it publishes; with --force it does not, and the registry must answer.
    npm.publish(&speaking("widget", "1.0.0", "the second")).await?.failed()?.says(words)?;
    let forced = npm.publish_with(&speaking("widget", "1.0.0", "the second"), &["--force"]).await?;
    forced.failed()?.says(words)?.says("E403")?;
    hears(&npm.install("app", &["widget"]).await?, "widget", "the first")?;
    // The same bytes again are no conflict: whoever repeats a publish whose answer was lost succeeds.
    npm.publish_with(&speaking("widget", "1.0.0", "the first"), &["--force"]).await?.succeeded()?;
    Ok(())
}

#[tokio::test]
async fn a_name_that_breaks_the_rules_is_refused_with_the_rule() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    // npm refuses most bad names itself; this one it lets through.
    let refused = npm.publish(&Package::new("node_modules", "1.0.0")).await?.failed()?;
    refused.says("name")?;
    npm.publish(&Package::new("Upper", "1.0.0")).await?.failed()?.says("name")?;
    ensure!(reqwest::get(format!("{}node_modules", feed.url)).await?.status() != 200);
    Ok(())
}

#[tokio::test]
async fn whoever_may_only_look_is_told_so() -> Outcome {
    let (server, feed) = server().await?;
    Npm::new(&feed)?.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;
    let reader = server.create_key(&["--feed", "internal", "--may", "view"]).await?;
    let npm = Npm::new(&feed.with_token(&reader.text))?;
    hears(&npm.install("app", &["widget"]).await?, "widget", "widget")?;
    npm.publish(&speaking("widget", "2.0.0", "widget")).await?.failed()?.says("E403")?;
    npm.ask(&["unpublish", "widget@1.0.0", "--force"]).await?.failed()?.says("E403")?;
    npm.ask(&["dist-tag", "add", "widget@1.0.0", "mine"]).await?.failed()?.says("E403")?;
    npm.ask(&["deprecate", "widget@1.0.0", "old"]).await?.failed()?.says("E403")?;
    // A key that may publish may not remove.
    let author = server.create_key(&["--feed", "internal", "--may", "view,add"]).await?;
    let npm = Npm::new(&feed.with_token(&author.text))?;
    npm.publish(&speaking("widget", "2.0.0", "widget")).await?.succeeded()?;
    npm.ask(&["unpublish", "widget", "--force"]).await?.failed()?.says("E403")?;
    hears(&npm.install("app", &["widget"]).await?, "widget", "widget")
}

#[tokio::test]
async fn a_key_of_another_feed_opens_nothing_and_a_revoked_one_no_longer() -> Outcome {
    let (server, feed) = server().await?;
    Npm::new(&feed)?.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;
    server.create_feed("npm", "other").await?;
    let stranger = server.create_key(&["--feed", "other", "--may", "view,add"]).await?;
    let npm = Npm::new(&feed.with_token(&stranger.text))?;
    npm.try_install("app", &["widget"]).await?.failed()?.says("widget")?;
    npm.publish(&speaking("intruder", "1.0.0", "intruder")).await?.failed()?;

    let key = server.create_key(&["--feed", "internal", "--may", "view,add"]).await?;
    let npm = Npm::new(&feed.with_token(&key.text))?;
    npm.publish(&speaking("widget", "1.1.0", "widget")).await?.succeeded()?;
    server.administer(&["key", "revoke", &key.id.to_string()]).await?;
    npm.publish(&speaking("widget", "1.2.0", "widget")).await?.failed()?.says("E401")?;
    Npm::new(&feed.with_token("no-such-key"))?
        .try_install("app", &["widget"])
        .await?
        .failed()?
        .says("E401")?;
    Ok(())
}

#[tokio::test]
async fn everybody_reads_an_open_feed_and_nobody_unknown_a_private_one() -> Outcome {
    let (server, private) = server().await?;
    let open = server.create_open_feed("npm", "open").await?;
    for feed in [&private, &open] {
        Npm::new(feed)?.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;
    }
    let npm = Npm::new(&open.anonymous())?;
    let installed = npm.try_install("app", &["widget"]).await?.succeeded()?;
    installed.says("found 0 vulnerabilities")?;
    hears(&npm.folder("app")?, "widget", "widget")?;
    npm.publish(&speaking("widget", "2.0.0", "widget")).await?.failed()?.says("ENEEDAUTH")?;

    let npm = Npm::new(&private.anonymous())?;
    npm.try_install("app", &["widget"]).await?.failed()?.says("E401")?;
    npm.ask(&["view", "widget"]).await?.failed()?.says("E401")?;
    // What is not there looks the same as what one may not see.
    npm.ask(&["view", "nothing"]).await?.failed()?.says("E401")?;
    Ok(())
}
