//! The life of a package as npm's users know it: published, installed, tagged, deprecated, gone.

use std::fs;

use anyhow::{Context as _, ensure};
use proget_tests::{Npm, Outcome, Package};

use super::super::{hears, lock_of, server, speaking};

#[tokio::test]
async fn a_package_is_published_seen_and_installed_with_its_dependency() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    npm.publish(&speaking("left", "1.2.0", "left")).await?.succeeded()?.says("+ left@1.2.0")?;
    let widget = speaking("widget", "1.0.0", "widget")
        .depends_on("left", "^1.0.0")
        .with("description", "turns things")
        .with("license", "MIT");
    npm.publish(&widget).await?.succeeded()?.says("+ widget@1.0.0")?;

    let seen = npm.ask(&["view", "widget", "--json"]).await?.succeeded()?.json()?;
    ensure!(seen["version"] == "1.0.0" && seen["description"] == "turns things", "npm view saw {seen:#}");
    ensure!(seen["dependencies"]["left"] == "^1.0.0", "npm view saw {seen:#}");
    let tarball = seen["dist"]["tarball"].as_str().context("no tarball")?;
    ensure!(tarball == format!("{}widget/-/widget-1.0.0.tgz", feed.url), "the tarball is at {tarball}");
    npm.ask(&["view", "widget", "versions"]).await?.succeeded()?.says("1.0.0")?;

    // Auditing and funding stay on: an installation must neither hang nor fail because of them.
    let installed = npm.try_install("app", &["widget"]).await?.succeeded()?;
    installed.says("added 2 packages")?.says("found 0 vulnerabilities")?;
    let app = npm.folder("app")?;
    hears(&app, "widget", "widget")?;
    hears(&app, "left", "left")?;
    let locked = &lock_of(&app)?["packages"]["node_modules/left"];
    ensure!(
        locked["integrity"].as_str().is_some_and(|text| text.starts_with("sha512-")),
        "locked: {locked:#}"
    );
    Ok(())
}

#[tokio::test]
async fn a_locked_project_is_installed_again_byte_for_byte_by_a_machine_that_knows_nothing() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    npm.publish(&speaking("left", "1.0.0", "the first")).await?.succeeded()?;
    let app = npm.install("app", &["left@^1.0.0"]).await?;
    npm.publish(&speaking("left", "1.1.0", "the second")).await?.succeeded()?;

    let other = Npm::new(&feed)?;
    let clone = other.folder("app")?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(app.join(file), clone.join(file))?;
    }
    other.run(&clone, &["ci"]).await?.succeeded()?.says("added 1 package")?;
    hears(&clone, "left", "the first")?;
    // Without the lock the range takes the newer one.
    hears(&other.install("fresh", &["left@^1.0.0"]).await?, "left", "the second")
}

#[tokio::test]
async fn a_scoped_package_makes_the_same_way() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    npm.publish(&speaking("@acme/core", "2.0.0", "core")).await?.succeeded()?.says("+ @acme/core@2.0.0")?;
    let tool = speaking("@acme/tool", "1.0.0-beta.1", "tool").depends_on("@acme/core", "2");
    npm.publish_with(&tool, &["--tag", "beta"]).await?.succeeded()?.says("+ @acme/tool@1.0.0-beta.1")?;
    npm.ask(&["view", "@acme/tool@beta", "version"]).await?.succeeded()?.says("1.0.0-beta.1")?;
    let app = npm.install("app", &["@acme/tool@beta"]).await?;
    hears(&app, "@acme/tool", "tool")?;
    hears(&app, "@acme/core", "core")?;
    npm.run(&app, &["ls", "--all"]).await?.succeeded()?.says("@acme/core@2.0.0")?;
    Ok(())
}

#[tokio::test]
async fn tags_are_listed_moved_and_removed_and_installs_follow_them() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    for version in ["1.0.0", "1.1.0"] {
        npm.publish(&speaking("widget", version, version)).await?.succeeded()?;
    }
    npm.ask(&["dist-tag", "ls", "widget"]).await?.succeeded()?.says("latest: 1.1.0")?;
    npm.ask(&["dist-tag", "add", "widget@1.0.0", "stable"])
        .await?
        .succeeded()?
        .says("+stable: widget@1.0.0")?;
    npm.ask(&["dist-tag", "ls", "widget"]).await?.succeeded()?.says("stable: 1.0.0")?;
    hears(&npm.install("stable", &["widget@stable"]).await?, "widget", "1.0.0")?;
    npm.ask(&["dist-tag", "add", "widget@1.0.0", "latest"]).await?.succeeded()?;
    hears(&npm.install("latest", &["widget"]).await?, "widget", "1.0.0")?;
    npm.ask(&["dist-tag", "rm", "widget", "stable"]).await?.succeeded()?.says("-stable: widget@1.0.0")?;
    npm.ask(&["dist-tag", "ls", "widget"]).await?.succeeded()?.does_not_say("stable")?;
    npm.try_install("gone", &["widget@stable"]).await?.failed()?.says("No matching version found")?;
    // Neither a version that is not there nor the tag that must stay.
    npm.ask(&["dist-tag", "add", "widget@9.9.9", "stable"]).await?.failed()?.says("9.9.9")?;
    npm.ask(&["dist-tag", "rm", "widget", "latest"]).await?.failed()?.says("latest")?;
    Ok(())
}

#[tokio::test]
async fn a_deprecated_version_warns_who_installs_it_until_it_is_taken_back() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    for version in ["1.0.0", "1.1.0"] {
        npm.publish(&speaking("widget", version, version)).await?.succeeded()?;
    }
    npm.ask(&["deprecate", "widget@1.0.0", "it turns the wrong way"]).await?.succeeded()?;
    let warned = npm.try_install("warned", &["widget@1.0.0"]).await?.succeeded()?;
    warned.says("deprecated widget@1.0.0: it turns the wrong way")?;
    npm.try_install("other", &["widget@1.1.0"]).await?.succeeded()?.does_not_say("deprecated")?;
    npm.ask(&["deprecate", "widget@1.0.0", ""]).await?.succeeded()?;
    // npm asks again here: a revalidation that still got the old document would warn.
    npm.try_install("again", &["widget@1.0.0"]).await?.succeeded()?.does_not_say("deprecated")?;
    Ok(())
}

#[tokio::test]
async fn one_version_and_then_the_whole_package_are_unpublished() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        npm.publish(&speaking("widget", version, version)).await?.succeeded()?;
    }
    npm.ask(&["unpublish", "widget@1.2.0"]).await?.succeeded()?.says("- widget@1.2.0")?;
    let left = npm.ask(&["view", "widget", "versions", "--json"]).await?.succeeded()?.json()?;
    ensure!(left == serde_json::json!(["1.0.0", "1.1.0"]), "left are {left}");
    // The tag went to the newest that is left, and the file is gone too.
    npm.ask(&["dist-tag", "ls", "widget"]).await?.succeeded()?.says("latest: 1.1.0")?;
    let file = format!("{}widget/-/widget-1.2.0.tgz", feed.url);
    npm.try_install("gone", &[&file]).await?.failed()?.says("404")?;
    hears(&npm.install("kept", &["widget"]).await?, "widget", "1.1.0")?;

    npm.ask(&["unpublish", "widget", "--force"]).await?.succeeded()?.says("- widget")?;
    npm.ask(&["view", "widget"]).await?.failed()?.says("404")?;
    // Its names are free again.
    npm.publish(&speaking("widget", "1.0.0", "reborn")).await?.succeeded()?;
    hears(&Npm::new(&feed)?.install("reborn", &["widget"]).await?, "widget", "reborn")
}

#[tokio::test]
async fn a_package_is_found_by_its_words_and_the_registry_answers_a_ping() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    let found = Package::new("widget", "1.0.0")
        .with("description", "turns a millstone")
        .with("keywords", vec!["grain"]);
    npm.publish(&found).await?.succeeded()?;
    npm.publish(&Package::new("unrelated", "1.0.0").with("description", "does not")).await?.succeeded()?;
    for words in ["widget", "millstone", "grain"] {
        let hits = npm.ask(&["search", words, "--json"]).await?.succeeded()?.json()?;
        let names: Vec<_> = hits.as_array().into_iter().flatten().map(|hit| hit["name"].as_str()).collect();
        ensure!(names == [Some("widget")], "searching {words} found {names:?}");
    }
    npm.ask(&["search", "nosuchthing"]).await?.succeeded()?.says("No matches found")?;
    npm.ask(&["ping"]).await?.succeeded()?.says("PONG")?;
    Ok(())
}
