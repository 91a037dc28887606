//! The life of a crate as cargo's users know it: published, added, built, locked.

use std::fs;

use anyhow::ensure;
use proget_core::digest::Sha256;
use proget_tests::{Cargo, Crate, Outcome, SOON, eventually};

use super::{hears, program, server, speaking};

#[tokio::test]
async fn a_crate_is_published_added_and_built_into_a_program() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    // Built before it is sent, and waited for afterwards, as by anybody who gives no options.
    let left = cargo.project(&speaking("left", "1.2.0", "left"))?;
    let said = cargo.run(&left, &["publish", "--registry", "local", "--allow-dirty"]).await?.succeeded()?;
    said.says("Uploaded left v1.2.0 to registry `local`")?
        .says("Published left v1.2.0 at registry `local`")?;
    let app = program("app", "", "left::words()");
    let folder = cargo.project(&app)?;
    cargo.run(&folder, &["add", "left", "--registry", "local"]).await?.succeeded()?;
    let said = cargo.run(&folder, &["run", "--quiet"]).await?.succeeded()?;
    ensure!(said.stdout.trim() == "left", "it printed {:?}", said.stdout);
    let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
    ensure!(
        lock.contains(&format!("registry+{}", feed.url)) || lock.contains(&format!("sparse+{}", feed.url))
    );
    // The digest that the index told, which must be that of the bytes cargo had packed.
    cargo.run(&left, &["package", "--allow-dirty", "--no-verify"]).await?.succeeded()?;
    let packed = fs::read(left.join("target/package/left-1.2.0.crate"))?;
    ensure!(lock.contains(&Sha256::of(&packed).to_string()), "another digest stands in the lock:\n{lock}");
    Ok(())
}

#[tokio::test]
async fn the_newest_fitting_version_is_taken_and_a_lock_keeps_what_it_took() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    for version in ["0.9.0", "1.2.0", "1.10.0", "2.0.0-rc.1"] {
        cargo.publish(&speaking("left", version, version)).await?.succeeded()?;
    }
    let app = program("app", "left = { version = \"1\", registry = \"local\" }", "left::words()");
    hears(&cargo, &app, "1.10.0").await?;
    let early = "left = { version = \"2.0.0-rc\", registry = \"local\" }";
    hears(&cargo, &program("early", early, "left::words()"), "2.0.0-rc.1").await?;
    cargo.publish(&speaking("left", "1.11.0", "1.11.0")).await?.succeeded()?;
    hears(&cargo, &app, "1.10.0").await?;
    let other = Cargo::new(&feed)?;
    let clone = other.project(&app)?;
    fs::copy(cargo.project(&app)?.join("Cargo.lock"), clone.join("Cargo.lock"))?;
    other.run(&clone, &["run", "--locked"]).await?.succeeded()?.says("1.10.0")?;
    other.run(&clone, &["update"]).await?.succeeded()?.says("left v1.10.0 (registry `local`) -> v1.11.0")?;
    hears(&other, &app, "1.11.0").await
}

#[tokio::test]
async fn features_that_name_optional_dependencies_work_in_both_spellings() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    let loud = speaking("loud", "1.0.0", "quiet").table("[features]\nvery = []");
    let loud = loud.source(
        "pub fn words() -> &'static str { if cfg!(feature = \"very\") { \"VERY LOUD\" } else { \"loud\" } }",
    );
    cargo.publish(&loud).await?.succeeded()?;
    let widget = Crate::new("widget", "1.0.0")
        .table("[dependencies]\nloud = { version = \"1\", registry = \"local\", optional = true }")
        .table("[features]\nvoice = [\"dep:loud\"]\nshout = [\"loud?/very\"]\nold = []")
        .source(
            "#[cfg(feature = \"voice\")] pub fn words() -> &'static str { loud::words() }
             #[cfg(not(feature = \"voice\"))] pub fn words() -> &'static str { \"silent\" }",
        );
    cargo.publish(&widget).await?.succeeded()?;
    for (name, features, words) in [
        ("none", "[]", "silent"),
        // `?` asks for a feature of a dependency without asking for the dependency.
        ("shout", "[\"shout\", \"old\"]", "silent"),
        ("voice", "[\"voice\"]", "loud"),
        ("both", "[\"voice\", \"shout\"]", "VERY LOUD"),
    ] {
        let wanted = format!("widget = {{ version = \"1\", registry = \"local\", features = {features} }}");
        hears(&cargo, &program(name, &wanted, "widget::words()"), words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn renamed_and_platform_dependencies_arrive_as_they_were_written() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left", "1.0.0", "one")).await?.succeeded()?;
    cargo.publish(&speaking("left", "2.0.0", "two")).await?.succeeded()?;
    let widget = Crate::new("widget", "1.0.0")
        .table("[dependencies]\nleft = { version = \"2\", registry = \"local\" }")
        .table("[dependencies.first]\npackage = \"left\"\nversion = \"1\"\nregistry = \"local\"")
        .table("[target.'cfg(windows)'.dependencies]\nmissing = { version = \"9\", registry = \"local\" }")
        .source("pub fn words() -> String { format!(\"{} {}\", first::words(), left::words()) }");
    cargo.publish(&speaking("missing", "9.0.0", "not here")).await?.succeeded()?;
    cargo.publish(&widget).await?.succeeded()?;
    let wanted = "widget = { version = \"1\", registry = \"local\" }";
    hears(&cargo, &program("app", wanted, "widget::words()"), "one two").await
}

#[tokio::test]
async fn build_metadata_and_underscores_are_part_of_what_is_published() -> Outcome {
    let (_house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("Left_Pad", "1.0.0+build.5", "padded")).await?.succeeded()?;
    let wanted = "Left_Pad = { version = \"1.0.0\", registry = \"local\" }";
    let app = program("app", wanted, "Left_Pad::words()");
    hears(&cargo, &app, "padded").await?;
    let lock = fs::read_to_string(cargo.project(&app)?.join("Cargo.lock"))?;
    ensure!(lock.contains("1.0.0+build.5"), "the build metadata is not in the lock:\n{lock}");
    // One letter is enough for a name, and short ones stand in other folders of the index.
    for name in ["a", "ab", "abc"] {
        cargo.publish(&speaking(name, "1.0.0", name)).await?.succeeded()?;
        let wanted = format!("{name} = {{ version = \"1\", registry = \"local\" }}");
        let app = program(&format!("app-{name}"), &wanted, &format!("{name}::words()"));
        hears(&cargo, &app, name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_second_resolution_is_told_that_nothing_has_changed() -> Outcome {
    let (house, feed) = server().await?;
    let cargo = Cargo::new(&feed)?;
    cargo.publish(&speaking("left", "1.0.0", "left")).await?.succeeded()?;
    let other = Cargo::new(&feed)?;
    let wanted = "left = { version = \"1\", registry = \"local\" }";
    let folder = other.project(&program("app", wanted, "left::words()"))?;
    other.run(&folder, &["generate-lockfile"]).await?.succeeded()?;
    fs::remove_file(folder.join("Cargo.lock"))?;
    other.run(&folder, &["generate-lockfile"]).await?.succeeded()?;
    eventually("the second look was answered with 304", SOON, || async {
        let log = house.log();
        let unchanged = log.lines().any(|line| line.contains("/le/ft/left") && line.contains("304"));
        ensure!(unchanged, "no 304 in:\n{log}");
        Ok(())
    })
    .await
}
