//! Who one is: keys, passwords, signing in, and the questions about owners and access that
//! clients ask of a registry whose permissions stand on the feed.

use anyhow::ensure;
use proget_tests::server::{ADMIN_KEY, ADMIN_PASSWORD};
use proget_tests::{Npm, Outcome};

use super::super::{hears, server, speaking};

#[tokio::test]
async fn a_name_and_a_password_do_as_well_as_a_key() -> Outcome {
    let (server, feed) = server().await?;
    let basic = Npm::new(&feed.with_password("admin", ADMIN_PASSWORD))?;
    basic.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?.says("+ widget@1.0.0")?;
    hears(&basic.install("app", &["widget"]).await?, "widget", "widget")?;
    // ProGet's own way of sending a key where only Basic is spoken.
    let key = server.create_key(&["--feed", "internal", "--may", "view", "--name", "reader"]).await?;
    let api = Npm::new(&feed.with_password("api", &key.text))?;
    hears(&api.install("app", &["widget"]).await?, "widget", "widget")?;
    // npm answers `whoami` from its settings where a name stands in them; the profile it must ask for.
    api.ask(&["profile", "get"]).await?.succeeded()?.says("reader")?;
    basic.ask(&["profile", "get"]).await?.succeeded()?.says("Admin")?;
    Ok(())
}

#[tokio::test]
async fn signing_in_with_a_password_leaves_a_key_and_signing_out_takes_it_back() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed.anonymous())?;
    npm.ask(&["whoami"]).await?.failed()?.says("ENEEDAUTH")?;
    let answers = [("Username:", "admin"), ("Password:", ADMIN_PASSWORD)];
    npm.converse(&["login", "--auth-type=legacy"], &answers).await?.succeeded()?.says("Logged in")?;
    let settings = npm.settings()?;
    let token = settings.lines().find_map(|line| line.split_once(":_authToken=")).map(|(_, token)| token);
    ensure!(token.is_some(), "no key was left in:\n{settings}");
    ensure!(!settings.contains(ADMIN_PASSWORD), "the password was left in:\n{settings}");
    npm.ask(&["whoami"]).await?.succeeded()?.says("Admin")?;
    npm.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;

    // The key itself must be dead, not only forgotten by this npm.
    let kept = Npm::new(&feed.with_token(token.unwrap_or_default()))?;
    kept.ask(&["whoami"]).await?.succeeded()?.says("Admin")?;
    npm.ask(&["logout"]).await?.succeeded()?;
    kept.ask(&["whoami"]).await?.failed()?.says("E401")?;
    Ok(())
}

#[tokio::test]
async fn the_web_login_that_npm_tries_first_falls_back_to_name_and_password() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed.anonymous())?;
    let answers = [("Username:", "admin"), ("Password:", ADMIN_PASSWORD)];
    npm.converse(&["login", "--auth-type=web"], &answers).await?.succeeded()?.says("Logged in")?;
    npm.ask(&["whoami"]).await?.succeeded()?.says("Admin")?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_said_to_be_wrong() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed.anonymous())?;
    let answers = [("Username:", "admin"), ("Password:", "guessed")];
    let refused = npm.converse(&["login", "--auth-type=legacy"], &answers).await?.failed()?;
    refused.says("E401")?;
    ensure!(!npm.settings()?.contains("_authToken="), "a key was left nevertheless");
    Npm::new(&feed.with_password("admin", "guessed"))?.ask(&["ping"]).await?.failed()?.says("E401")?;
    Ok(())
}

#[tokio::test]
async fn questions_about_owners_and_access_have_answers() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed.with_password("admin", ADMIN_PASSWORD))?;
    npm.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;
    npm.publish(&speaking("@acme/widget", "1.0.0", "widget")).await?.succeeded()?;
    npm.ask(&["owner", "ls", "widget"]).await?.succeeded()?.says("Admin")?;
    npm.ask(&["access", "get", "status", "@acme/widget"])
        .await?
        .succeeded()?
        .says("@acme/widget: private")?;
    npm.ask(&["access", "list", "collaborators", "widget"]).await?.succeeded()?.says("Admin")?;
    npm.ask(&["access", "list", "packages"]).await?.succeeded()?;
    npm.ask(&["token", "list"]).await?.succeeded()?;
    npm.ask(&["profile", "get"]).await?.succeeded()?.says("Admin")?;
    // What is not kept per package is refused in words, not swallowed.
    npm.ask(&["owner", "add", "somebody", "widget"]).await?.failed()?.says("somebody")?;
    npm.ask(&["access", "set", "status=public", "@acme/widget"])
        .await?
        .failed()?
        .says("permissions are given on the feed")?;
    Ok(())
}

#[tokio::test]
async fn auditing_a_project_finds_nothing_and_fails_nothing() -> Outcome {
    let (_server, feed) = server().await?;
    let npm = Npm::new(&feed)?;
    npm.publish(&speaking("widget", "1.0.0", "widget")).await?.succeeded()?;
    let app = npm.install("app", &["widget"]).await?;
    npm.run(&app, &["audit"]).await?.succeeded()?.says("found 0 vulnerabilities")?;
    npm.run(&app, &["fund"]).await?.succeeded()?;
    npm.run(&app, &["outdated"]).await?.succeeded()?;
    npm.run(&app, &["update"]).await?.succeeded()?.says("up to date")?;
    Ok(())
}

#[tokio::test]
async fn whoever_has_the_administrators_key_has_a_name() -> Outcome {
    let (_server, feed) = server().await?;
    let answer = Npm::new(&feed.with_token(ADMIN_KEY))?.ask(&["whoami"]).await?.succeeded()?;
    ensure!(!answer.stdout.trim().is_empty(), "npm whoami printed nothing");
    Ok(())
}
