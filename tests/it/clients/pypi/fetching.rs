//! What goes over the wire: bytes and their digests, metadata without the wheel, listings, and the
//! two shapes of the index.

use std::fs;

use anyhow::ensure;
use proget_core::digest::Sha256;
use proget_tests::{Nginx, Outcome, Pip, SOON, Twine, eventually};

use super::{asked_for, hears, is_file, server, speaking, upload};

#[tokio::test]
async fn what_is_downloaded_is_what_was_uploaded_byte_for_byte() -> Outcome {
    let (_house, feed) = server().await?;
    let widget = speaking("widget", "1.0", "widget").with("Summary", "turns things");
    let (wheel, source) = (widget.wheel()?, widget.sdist()?);
    Twine::new(&feed)?.upload(&[&wheel, &source]).await?.succeeded()?;
    let pip = Pip::new(&feed)?;
    let folder = pip.folder("fetched")?;
    let target = folder.display().to_string();
    pip.ask(&["download", "--no-deps", "-d", &target, "widget"]).await?.succeeded()?;
    is_file(&folder, &wheel)?;
    pip.ask(&["download", "--no-deps", "--no-binary", ":all:", "-d", &target, "widget"])
        .await?
        .succeeded()?;
    is_file(&folder, &source)
}

#[tokio::test]
async fn required_hashes_are_those_of_the_files_and_wrong_ones_stop_the_installation() -> Outcome {
    let (_house, feed) = server().await?;
    let widget = speaking("widget", "1.0", "widget").requires("left==2.0");
    let left = speaking("left", "2.0", "left");
    upload(&feed, &[&widget, &left]).await?;
    let pip = Pip::new(&feed)?;
    let (right, wrong) = (Sha256::of(&widget.wheel()?.bytes), Sha256::of(b"something else"));
    let other = Sha256::of(&left.wheel()?.bytes);
    let list = pip.folder("lists")?.join("requirements.txt");
    let lines = |digest| format!("widget==1.0 --hash=sha256:{digest}\nleft==2.0 --hash=sha256:{other}\n");
    fs::write(&list, lines(right))?;
    let list = list.display().to_string();
    hears(&pip.install("right", &["--require-hashes", "-r", &list]).await?, "widget", "widget").await?;
    fs::write(&list, lines(wrong))?;
    let refused = pip.try_install("wrong", &["--require-hashes", "-r", &list]).await?.failed()?;
    refused.says("DO NOT MATCH THE HASHES")?;
    Ok(())
}

#[tokio::test]
async fn versions_are_compared_by_their_metadata_without_fetching_wheels() -> Outcome {
    let (house, feed) = server().await?;
    // The newest cannot be had with the other requirement, which only its metadata tells.
    let widget = speaking("widget", "2.0", "new").requires("left>=2");
    let older = speaking("widget", "1.0", "old").requires("left<2");
    let left = ["1.0", "2.0"].map(|version| speaking("left", version, version));
    upload(&feed, &[&widget, &older, &left[0], &left[1]]).await?;
    let pip = Pip::new(&feed)?;
    let environment = pip.install("app", &["-v", "widget", "left<2"]).await?;
    hears(&environment, "widget", "old").await?;
    eventually("the log tells what was fetched", SOON, || async {
        for (ending, times) in [
            ("widget-2.0-py3-none-any.whl.metadata", 1),
            ("widget-2.0-py3-none-any.whl", 0),
            ("widget-1.0-py3-none-any.whl.metadata", 1),
            ("widget-1.0-py3-none-any.whl", 1),
        ] {
            let asked = asked_for(&house, ending);
            ensure!(
                asked == times,
                "{ending} was asked for {asked} times instead of {times}:\n{}",
                house.log()
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn pip_lists_versions_newest_first_and_says_when_there_are_none() -> Outcome {
    let (_house, feed) = server().await?;
    let versions = ["1.9", "1.10", "2.0b1"].map(|version| speaking("widget", version, version));
    upload(&feed, &[&versions[0], &versions[1], &versions[2]]).await?;
    let pip = Pip::new(&feed)?;
    pip.ask(&["index", "versions", "widget"]).await?.succeeded()?.says("Available versions: 1.10, 1.9")?;
    let all = pip.ask(&["index", "versions", "--pre", "widget"]).await?.succeeded()?;
    all.says("Available versions: 2.0b1, 1.10, 1.9")?;
    pip.ask(&["index", "versions", "nothing"]).await?.failed()?.says("No matching distribution found")?;
    // pip's search asks the old interface, which is not there; it prints what it is answered.
    let old = feed.url_with_password("pypi")?;
    let searched = pip.ask(&["search", "widget", "--index", &old]).await?.failed()?;
    searched.says("XMLRPC request failed")?.does_not_say("Traceback")?;
    Ok(())
}

#[tokio::test]
async fn a_second_look_at_the_index_costs_no_second_copy_and_still_sees_what_is_new() -> Outcome {
    let (house, feed) = server().await?;
    upload(&feed, &[&speaking("widget", "1.0", "first")]).await?;
    let pip = Pip::new(&feed)?;
    // Without that word pip remembers nothing that came over plain HTTP.
    let trusting = ["--trusted-host", "127.0.0.1", "widget"];
    hears(&pip.install("first", &trusting).await?, "widget", "first").await?;
    hears(&pip.install("again", &trusting).await?, "widget", "first").await?;
    eventually("the second look was answered with 304", SOON, || async {
        let log = house.log();
        let unchanged = log.lines().any(|line| line.contains("/simple/widget/") && line.contains("304"));
        ensure!(unchanged, "no 304 in:\n{log}");
        Ok(())
    })
    .await?;
    upload(&feed, &[&speaking("widget", "1.1", "second")]).await?;
    hears(&pip.install("new", &trusting).await?, "widget", "second").await
}

#[tokio::test]
async fn who_asks_for_html_finds_the_same_as_who_asks_for_json() -> Outcome {
    let (house, feed) = server().await?;
    let widget = speaking("widget", "1.0", "widget").requires("left").requires_python(">=3, <99");
    let future = speaking("widget", "9.0", "future").requires_python(">=99");
    upload(&feed, &[&widget, &future, &speaking("left", "1.0", "left")]).await?;
    super::yank(&house, "left", "1.0", "but there is no other").await?;
    // Between pip and the server somebody asks for HTML in pip's place, as an old pip does itself.
    let directives = format!(
        "location / {{ proxy_set_header Accept text/html; proxy_set_header Host $http_host; proxy_pass {}; }}",
        house.url()
    );
    let nginx = Nginx::start(&directives).await?;
    let old = feed.at(format!("{}/pypi/internal/", nginx.url()));
    let pip = Pip::new(&old)?;
    let environment = pip.environment("app").await?;
    let said = pip.run(&environment, &["install", "-vv", "widget", "left==1.0"]).await?.succeeded()?;
    said.says("text/html")?.says("but there is no other")?;
    hears(&environment, "widget", "widget").await?;
    hears(&environment, "left", "left").await
}
