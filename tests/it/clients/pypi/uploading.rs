//! twine: what it uploads, and what it may upload twice.

use anyhow::ensure;
use proget_tests::{Outcome, Pip, PythonPackage, Twine};

use super::{hears, server, speaking};

#[tokio::test]
async fn a_wheel_and_its_source_are_uploaded_and_both_are_installed() -> Outcome {
    let (_house, feed) = server().await?;
    let widget = speaking("widget", "1.0", "widget").with("Summary", "turns things");
    let (wheel, source) = (widget.wheel()?, widget.sdist()?);
    let twine = Twine::new(&feed)?;
    let said = twine.upload(&[&wheel, &source]).await?.succeeded()?;
    said.says("Uploading widget-1.0-py3-none-any.whl")?.says("Uploading widget-1.0.tar.gz")?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("wheel", &["--only-binary", ":all:", "widget"]).await?, "widget", "widget").await?;
    let built = pip.install("source", &["--no-binary", ":all:", "--no-cache-dir", "widget"]).await?;
    hears(&built, "widget", "widget").await
}

#[tokio::test]
async fn the_same_bytes_again_are_no_conflict_and_other_bytes_are_refused_in_words() -> Outcome {
    let (_house, feed) = server().await?;
    let (first, second) =
        (speaking("widget", "1.0", "the first").wheel()?, speaking("widget", "1.0", "the second").wheel()?);
    ensure!(first.name == second.name && first.bytes != second.bytes, "the rivals are no rivals");
    let twine = Twine::new(&feed)?;
    twine.upload(&[&first]).await?.succeeded()?;
    // Whoever repeats an upload whose answer was lost succeeds.
    twine.upload(&[&first]).await?.succeeded()?;
    // In the line of the status, which is all that twine shows of a refusal.
    let refused = twine.upload(&[&second]).await?.failed()?;
    refused.says("400")?.says("already exists")?.says("widget-1.0-py3-none-any.whl")?;
    hears(&Pip::new(&feed)?.install("app", &["widget"]).await?, "widget", "the first").await
}

#[tokio::test]
async fn skip_existing_passes_over_what_is_there_and_uploads_the_rest() -> Outcome {
    let (_house, feed) = server().await?;
    let twine = Twine::new(&feed)?;
    twine.upload(&[&speaking("widget", "1.0", "the first").wheel()?]).await?.succeeded()?;
    let (there, new) =
        (speaking("widget", "1.0", "the second").wheel()?, speaking("widget", "1.1", "newer").wheel()?);
    let said = twine.upload_what_is_new(&[&there, &new]).await?.succeeded()?;
    said.says("Skipping widget-1.0-py3-none-any.whl because it appears to already exist")?;
    let pip = Pip::new(&feed)?;
    hears(&pip.install("old", &["widget==1.0"]).await?, "widget", "the first").await?;
    hears(&pip.install("new", &["widget"]).await?, "widget", "newer").await
}

#[tokio::test]
async fn what_the_metadata_of_a_package_says_of_it_is_seen_by_who_asks_for_it() -> Outcome {
    let (house, feed) = server().await?;
    let widget = PythonPackage::new("widget", "1.0")
        .with("Summary", "turns things")
        .with("Author", "Ada")
        .with("License", "MIT")
        .with("Classifier", "Programming Language :: Python :: 3")
        .requires("left>=1");
    Twine::new(&feed)?.upload(&[&widget.wheel()?]).await?.succeeded()?;
    let ask = house.http().get(format!("{}/pypi/internal/pypi/widget/json", house.url()));
    let ask = ask.bearer_auth(proget_tests::server::ADMIN_KEY);
    let seen: serde_json::Value = ask.send().await?.error_for_status()?.json().await?;
    let info = &seen["info"];
    ensure!(info["summary"] == "turns things" && info["author"] == "Ada", "the project says {seen:#}");
    ensure!(info["requires_dist"] == serde_json::json!(["left>=1"]), "the project says {seen:#}");
    ensure!(seen["releases"]["1.0"][0]["filename"] == "widget-1.0-py3-none-any.whl", "it says {seen:#}");
    Ok(())
}
