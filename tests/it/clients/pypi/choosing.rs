//! Which version and which file pip takes: the rules are pip's, the facts they rest on are ours.

use anyhow::ensure;
use proget_tests::{Outcome, Pip, PythonPackage, Twine};

use super::{hears, server, speaking, status, upload, yank};

#[tokio::test]
async fn pip_takes_the_newest_or_what_it_was_told_and_all_that_it_requires() -> Outcome {
    let (_house, feed) = server().await?;
    let widget = speaking("widget", "1.10", "tenth").requires("left>=1,<2");
    let older = ["1.2", "1.9"].map(|version| speaking("widget", version, version));
    let left = ["1.5.post1", "2.0"].map(|version| speaking("left", version, version));
    upload(&feed, &[&older[0], &widget, &older[1], &left[0], &left[1]]).await?;
    let pip = Pip::new(&feed)?;
    let newest = pip.install("newest", &["widget"]).await?;
    hears(&newest, "widget", "tenth").await?;
    hears(&newest, "left", "1.5.post1").await?;
    pip.run(&newest, &["check"]).await?.succeeded()?;
    hears(&pip.install("exact", &["widget==1.9"]).await?, "widget", "1.9").await?;
    hears(&pip.install("range", &["widget~=1.0,<1.5"]).await?, "widget", "1.2").await?;
    // An installed one is brought up to date.
    pip.try_install("range", &["--upgrade", "widget"]).await?.succeeded()?.says("widget-1.10")?;
    let missing = pip.try_install("none", &["widget>=3"]).await?.failed()?;
    missing.says("from versions: 1.2, 1.9, 1.10")?.says("No matching distribution found")?;
    Ok(())
}

#[tokio::test]
async fn versions_before_a_release_are_taken_only_when_asked_for_or_when_there_is_no_other() -> Outcome {
    let (_house, feed) = server().await?;
    let early = ["1.0", "2.0.dev3", "2.0a1", "2.0rc1"].map(|version| speaking("widget", version, version));
    let only = speaking("lonely", "0.1b2", "lonely");
    upload(&feed, &[&early[0], &early[1], &early[2], &early[3], &only]).await?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("careful", &["widget"]).await?, "widget", "1.0").await?;
    hears(&pip.install("bold", &["--pre", "widget"]).await?, "widget", "2.0rc1").await?;
    hears(&pip.install("range", &["widget>=2.0a1,<2.0rc1"]).await?, "widget", "2.0a1").await?;
    hears(&pip.install("only", &["lonely"]).await?, "lonely", "lonely").await
}

#[tokio::test]
async fn a_version_for_another_python_is_passed_over_and_said_to_be_for_another() -> Outcome {
    let (_house, feed) = server().await?;
    let old = speaking("widget", "1.0", "for all");
    let new = speaking("widget", "2.0", "for the future").requires_python(">=99, <100");
    upload(&feed, &[&old, &new]).await?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("newest", &["widget"]).await?, "widget", "for all").await?;
    let refused = pip.try_install("pinned", &["widget==2.0"]).await?.failed()?;
    refused.says("Ignored the following versions that require a different python version")?.says(">=99")?;
    Ok(())
}

#[tokio::test]
async fn a_yanked_version_is_taken_only_by_who_pins_it_and_warns_with_the_reason() -> Outcome {
    let (house, feed) = server().await?;
    let versions = ["1.0", "1.1"].map(|version| speaking("widget", version, version));
    upload(&feed, &[&versions[0], &versions[1]]).await?;
    yank(&house, "widget", "1.1", "it \"turns\" the wrong way & <burns>").await?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("newest", &["widget"]).await?, "widget", "1.0").await?;
    let warned = pip.try_install("pinned", &["widget==1.1"]).await?.succeeded()?;
    warned.says("yanked version")?.says("it \"turns\" the wrong way & <burns>")?;
    status(&house, "widget", "1.1", serde_json::json!({ "deprecated": false })).await?;
    // The same pip asks again and must not be told the old story.
    let again = pip.try_install("again", &["widget"]).await?.succeeded()?;
    again.says("widget-1.1")?.does_not_say("yanked")?;
    Ok(())
}

#[tokio::test]
async fn a_blocked_version_is_not_there_for_anybody() -> Outcome {
    let (house, feed) = server().await?;
    let versions = ["1.0", "1.1"].map(|version| speaking("widget", version, version));
    upload(&feed, &[&versions[0], &versions[1]]).await?;
    let blocked = serde_json::json!({ "allow": false });
    status(&house, "widget", "1.1", blocked).await?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("newest", &["widget"]).await?, "widget", "1.0").await?;
    pip.try_install("pinned", &["widget==1.1"]).await?.failed()?.says("No matching distribution")?;
    Ok(())
}

#[tokio::test]
async fn names_that_are_written_in_other_ways_are_the_same_name() -> Outcome {
    let (_house, feed) = server().await?;
    let first = PythonPackage::new("My.Pkg_Two", "1.0").module("my_pkg_two", "WORDS = 'first'");
    let second = PythonPackage::new("my-pkg-two", "1.1").module("my_pkg_two", "WORDS = 'second'");
    upload(&feed, &[&first, &second]).await?;
    let pip = Pip::new(&feed)?;
    for (number, name) in ["my-pkg-two", "MY__PKG.two", "My.Pkg_Two"].into_iter().enumerate() {
        let environment = pip.install(&format!("as-{number}"), &[name]).await?;
        hears(&environment, "my_pkg_two", "second").await?;
    }
    hears(&pip.install("old", &["My.Pkg_Two==1.0"]).await?, "my_pkg_two", "first").await
}

#[tokio::test]
async fn of_several_files_of_a_version_the_one_that_fits_the_machine_is_taken() -> Outcome {
    let (_house, feed) = server().await?;
    let source = speaking("widget", "1.0", "from source");
    let foreign = speaking("widget", "1.0", "foreign").tagged("cp311-cp311-win_amd64");
    let (source, foreign) = (source.sdist()?, foreign.wheel()?);
    let twine = Twine::new(&feed)?;
    twine.upload(&[&source, &foreign]).await?.succeeded()?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("before", &["widget"]).await?, "widget", "from source").await?;
    // Added to a version that is there: a wheel that fits goes before the source.
    let fitting = speaking("widget", "1.0", "from the wheel").wheel()?;
    twine.upload(&[&fitting]).await?.succeeded()?;
    hears(&pip.install("after", &["widget"]).await?, "widget", "from the wheel").await?;
    let source = pip.install("source", &["--no-binary", "widget", "--no-cache-dir", "widget"]).await?;
    hears(&source, "widget", "from source").await?;
    let listed = pip.ask(&["index", "versions", "widget", "--json"]).await?.succeeded()?.json()?;
    ensure!(listed["versions"] == serde_json::json!(["1.0"]), "pip index versions printed {listed:#}");
    Ok(())
}
