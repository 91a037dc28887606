//! What is refused, and that a person at cargo's screen can read why.

use anyhow::ensure;
use proget_tests::server::{ADMIN_KEY, ADMIN_PASSWORD};
use proget_tests::{Cargo, Crate, Outcome};

use super::{hears, program, server, speaking};

const WANTED: &str = "left = { version = \"1\", registry = \"local\" }";

#[tokio::test]
async fn a_version_is_published_once() -> Outcome {
    let (house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left", "1.0.0", "the first")).await?.succeeded()?;
    // cargo itself looks before it publishes; build metadata does not make another version.
    for version in ["1.0.0", "1.0.0+other"] {
        let again = cargo.publish(&speaking("left", version, "the second")).await?.failed()?;
        again.says("already")?.says("1.0.0")?;
    }
    // Who does not look is answered by the feed.
    let blind = |words| {
        let body = speaking("left", "1.0.0", words).publish_body();
        let put = house.http().put(format!("{}/cargo/internal/api/v1/crates/new", house.url()));
        async move { Ok::<_, anyhow::Error>(put.bearer_auth(ADMIN_KEY).body(body?).send().await?.text().await?) }
    };
    let said = blind("the second").await?;
    ensure!(said.contains("is already uploaded"), "a blind publish was answered {said}");
    hears(&cargo, &program("app", WANTED, "left::words()"), "the first").await
}

#[tokio::test]
async fn names_that_differ_only_in_hyphens_or_case_are_not_both_published() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left_pad", "1.0.0", "first")).await?.succeeded()?;
    for rival in ["left-pad", "Left_Pad"] {
        cargo.publish(&speaking(rival, "1.1.0", "rival")).await?.failed()?.says("left_pad")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_crate_that_breaks_the_rules_is_refused_with_the_rule() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    // cargo refuses most bad names itself; this one it lets through.
    let long = "a".repeat(65);
    cargo.publish(&Crate::new(&long, "1.0.0")).await?.failed()?.says("64")?;
    cargo.ask(&["search", "--registry", "local", "a"]).await?.succeeded()?.does_not_say("aaaa")?;
    Ok(())
}

#[tokio::test]
async fn a_private_feed_opens_to_a_key_or_a_password_and_a_wrong_one_is_said_to_be_wrong() -> Outcome {
    let (house, feed) = server().await?;
    Cargo::new(&feed)?.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let key = house.create_key(&["--feed", "internal", "--may", "view"]).await?;
    let app = program("app", WANTED, "left::words()");
    for who in [feed.with_token(&key.text), feed.with_password("admin", ADMIN_PASSWORD)] {
        hears(&Cargo::new(&who)?, &app, "left").await?;
    }
    let nobody = Cargo::new(&feed.anonymous())?;
    nobody.run(&nobody.project(&app)?, &["build"]).await?.failed()?.says("no token found for `local`")?;
    let wrong = Cargo::new(&feed.with_token("no-such-key"))?;
    let refused = wrong.run(&wrong.project(&app)?, &["build"]).await?.failed()?;
    refused.says("401")?.does_not_say("no-such-key")?;
    wrong.publish(&speaking("left", "2.0.0", "left")).await?.failed()?.says("401")?;
    house.administer(&["key", "revoke", &key.id.to_string()]).await?;
    let late = Cargo::new(&feed.with_token(&key.text))?;
    late.run(&late.project(&app)?, &["build"]).await?.failed()?.says("401")?;
    Ok(())
}

#[tokio::test]
async fn everybody_builds_from_an_open_feed_and_nobody_unknown_publishes_to_it() -> Outcome {
    let (house, _private) = server().await?;
    let open = house.create_open_feed("cargo", "open").await?;
    Cargo::new(&open)?.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let nobody = Cargo::new(&open.anonymous())?;
    hears(&nobody, &program("app", WANTED, "left::words()"), "left").await?;
    nobody.ask(&["search", "--registry", "local", "left"]).await?.succeeded()?.says("left = \"1.0.0\"")?;
    nobody.publish(&speaking("left", "2.0.0", "left")).await?.failed()?.says("no token found")?;
    let wrong = Cargo::new(&open.with_token("no-such-key"))?;
    wrong.publish(&speaking("left", "2.0.0", "left")).await?.failed()?.says("401")?;
    Ok(())
}

#[tokio::test]
async fn whoever_may_only_look_is_told_so() -> Outcome {
    let (house, feed) = server().await?;
    Cargo::new(&feed)?.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let reader = house.create_key(&["--feed", "internal", "--may", "view"]).await?;
    let cargo = Cargo::new(&feed.with_token(&reader.text))?;
    hears(&cargo, &program("app", WANTED, "left::words()"), "left").await?;
    cargo.publish(&speaking("left", "2.0.0", "left")).await?.failed()?.says("403")?.says("do not permit")?;
    let yank = ["yank", "left@1.0.0", "--registry", "local"];
    cargo.ask(&yank).await?.failed()?.says("403")?.says("do not permit")?;
    // A key that may publish may not take back.
    let author = house.create_key(&["--feed", "internal", "--may", "view,add"]).await?;
    let cargo = Cargo::new(&feed.with_token(&author.text))?;
    cargo.publish(&speaking("left", "1.1.0", "newer")).await?.succeeded()?;
    cargo.ask(&yank).await?.failed()?.says("403")?;
    hears(&cargo, &program("app", WANTED, "left::words()"), "newer").await
}
