//! What is refused, and that a person at the screen can read why.

use anyhow::ensure;
use proget_tests::server::ADMIN_PASSWORD;
use proget_tests::{Outcome, Pip, Twine, Uv};

use super::{hears, server, speaking, upload};

#[tokio::test]
async fn a_private_feed_opens_to_a_key_or_a_password_in_the_address_and_to_nobody_else() -> Outcome {
    let (house, feed) = server().await?;
    upload(&feed, &[&speaking("widget", "1.0", "widget")]).await?;
    let key = house.create_key(&["--feed", "internal", "--may", "view"]).await?;
    for (name, who) in
        [("key", feed.with_token(&key.text)), ("password", feed.with_password("admin", ADMIN_PASSWORD))]
    {
        hears(&Pip::new(&who)?.install(name, &["widget"]).await?, "widget", "widget").await?;
    }
    for who in [feed.with_token("no-such-key"), feed.with_password("admin", "guessed")] {
        let refused = Pip::new(&who)?.try_install("app", &["widget"]).await?.failed()?;
        refused.says("401 Error, Credentials not correct")?.does_not_say("guessed")?;
    }
    // Without any pip would ask, and is told that nobody is there to answer.
    Pip::new(&feed.anonymous())?.try_install("app", &["widget"]).await?.failed()?;
    // A revoked key is refused by the next request.
    house.administer(&["key", "revoke", &key.id.to_string()]).await?;
    let late = Pip::new(&feed.with_token(&key.text))?;
    late.try_install("app", &["widget"]).await?.failed()?.says("401")?;
    Ok(())
}

#[tokio::test]
async fn everybody_installs_from_an_open_feed_and_nobody_unknown_uploads_to_it() -> Outcome {
    let (house, _private) = server().await?;
    let open = house.create_open_feed("pypi", "open").await?;
    upload(&open, &[&speaking("widget", "1.0", "widget")]).await?;
    hears(&Pip::new(&open.anonymous())?.install("app", &["widget"]).await?, "widget", "widget").await?;
    let intruder = speaking("intruder", "1.0", "intruder").wheel()?;
    // twine refuses to upload without a name; a wrong one must be refused by the feed.
    Twine::new(&open.anonymous())?.upload(&[&intruder]).await?.failed()?;
    let wrong = Twine::new(&open.with_password("admin", "guessed"))?;
    wrong.upload(&[&intruder]).await?.failed()?.says("401")?;
    let missing = Pip::new(&open.anonymous())?.try_install("gone", &["intruder"]).await?.failed()?;
    missing.says("No matching distribution found for intruder")?;
    Ok(())
}

#[tokio::test]
async fn whoever_may_only_look_is_told_so() -> Outcome {
    let (house, feed) = server().await?;
    upload(&feed, &[&speaking("widget", "1.0", "widget")]).await?;
    let reader = house.create_key(&["--feed", "internal", "--may", "view"]).await?;
    let reader = feed.with_token(&reader.text);
    hears(&Pip::new(&reader)?.install("app", &["widget"]).await?, "widget", "widget").await?;
    let newer = speaking("widget", "2.0", "widget").wheel()?;
    let refused = Twine::new(&reader)?.upload(&[&newer]).await?.failed()?;
    refused.says("403")?.says("do not permit")?;
    Uv::new(&reader)?.publish(&[&newer]).await?.failed()?.says("403")?.says("do not permit")?;
    let other = house.create_feed("pypi", "other").await?;
    let stranger = house.create_key(&["--feed", "other", "--may", "view,add"]).await?;
    Twine::new(&other.with_token(&stranger.text))?.upload(&[&newer]).await?.succeeded()?;
    let stranger = feed.with_token(&stranger.text);
    Twine::new(&stranger)?.upload(&[&newer]).await?.failed()?;
    Pip::new(&stranger)?.try_install("app", &["widget"]).await?.failed()?;
    let versions = Pip::new(&feed)?.ask(&["index", "versions", "widget"]).await?.succeeded()?;
    ensure!(!versions.stdout.contains("2.0"), "a refused upload is listed:\n{}", versions.stdout);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_not_what_it_says_is_refused_with_the_reason() -> Outcome {
    let (_house, feed) = server().await?;
    let twine = Twine::new(&feed)?;
    let mut renamed = speaking("widget", "1.0", "widget").wheel()?;
    renamed.name = "widget-2.0-py3-none-any.whl".into();
    let refused = twine.upload(&[&renamed]).await?.failed()?;
    refused.says("400")?.says("2.0")?.says("1.0")?;
    // uv does not look into a wheel's record before it sends it.
    let uv = Uv::new(&feed)?;
    uv.publish(&[&renamed]).await?.failed()?;
    let pip = Pip::new(&feed)?;
    pip.ask(&["index", "versions", "widget"]).await?.failed()?.says("No matching distribution found")?;
    Ok(())
}
