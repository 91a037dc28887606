//! Yanked versions: gone for whoever decides anew, there for whoever has decided before.

use std::fs;

use proget_tests::{Cargo, Outcome};

use super::{hears, program, server, speaking};

const WANTED: &str = "left = { version = \"1\", registry = \"local\" }";

#[tokio::test]
async fn a_yanked_version_is_not_chosen_any_more_but_locks_that_name_it_still_build() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    for version in ["1.0.0", "1.1.0"] {
        cargo.publish(&speaking("left", version, version)).await?.succeeded()?;
    }
    let locked = program("locked", WANTED, "left::words()");
    hears(&cargo, &locked, "1.1.0").await?;
    cargo.ask(&["yank", "left@1.1.0", "--registry", "local"]).await?.succeeded()?.says("Yank left@1.1.0")?;
    hears(&cargo, &program("fresh", WANTED, "left::words()"), "1.0.0").await?;
    // On a machine that has never seen the version either.
    let other = Cargo::new(&feed)?;
    let clone = other.project(&locked)?;
    fs::copy(cargo.project(&locked)?.join("Cargo.lock"), clone.join("Cargo.lock"))?;
    other.run(&clone, &["run", "--locked"]).await?.succeeded()?.says("1.1.0")?;
    let pinned = program("pinned", "left = { version = \"=1.1.0\", registry = \"local\" }", "left::words()");
    let pinned = other.project(&pinned)?;
    other.run(&pinned, &["build"]).await?.failed()?.says("version 1.1.0 is yanked")?;
    Ok(())
}

#[tokio::test]
async fn a_yank_is_taken_back_and_both_may_be_said_twice() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let yank = ["yank", "left@1.0.0", "--registry", "local"];
    cargo.ask(&yank).await?.succeeded()?;
    cargo.ask(&yank).await?.succeeded()?;
    let app = program("app", WANTED, "left::words()");
    let folder = cargo.project(&app)?;
    cargo.run(&folder, &["build"]).await?.failed()?.says("left")?;
    let undo = [&yank[..], &["--undo"]].concat();
    cargo.ask(&undo).await?.succeeded()?.says("Unyank left@1.0.0")?;
    cargo.ask(&undo).await?.succeeded()?;
    hears(&cargo, &app, "left").await?;
    cargo.ask(&["yank", "left@9.0.0", "--registry", "local"]).await?.failed()?.says("9.0.0")?;
    cargo.ask(&["yank", "nothing@1.0.0", "--registry", "local"]).await?.failed()?.says("nothing")?;
    Ok(())
}

#[tokio::test]
async fn a_version_that_is_yanked_is_still_taken_and_may_not_be_published_again() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left", "1.0.0", "the first")).await?.succeeded()?;
    cargo.ask(&["yank", "left@1.0.0", "--registry", "local"]).await?.succeeded()?;
    cargo
        .publish(&speaking("left", "1.0.0", "the second"))
        .await?
        .failed()?
        .says("`1.0.0` is already uploaded")?;
    cargo.ask(&["yank", "left@1.0.0", "--registry", "local", "--undo"]).await?.succeeded()?;
    hears(&cargo, &program("app", WANTED, "left::words()"), "the first").await
}
