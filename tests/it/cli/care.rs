//! Verifying and sweeping from the command line, with and without a running server.

use super::{ended_with, publish};
use anyhow::{Context as _, ensure};
use proget_core::digest::Sha256;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Database, Outcome, Package, ServerSetup};
use sea_orm::ConnectionTrait as _;
use std::path::{Path, PathBuf};

/// All files below a folder.
fn files_below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let places = if entry.file_type()?.is_dir() { &mut open } else { &mut files };
            places.push(entry.path());
        }
    }
    Ok(files)
}

#[tokio::test]
async fn verify_names_the_package_whose_bytes_have_changed() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    publish(&server, &feed, &Package::new("sound", "1.0.0").file("a.js", "1")).await?;
    publish(&server, &feed, &Package::new("broken", "2.0.0").file("b.js", "2")).await?;
    let report = server.administer(&["verify"]).await?;
    ensure!(report["blobs"] == 2 && report["damage"] == serde_json::json!([]), "{report}");

    let bytes = Package::new("broken", "2.0.0").file("b.js", "2").tarball()?;
    let blobs = files_below(&server.data().join("packages/blobs"))?;
    let blob = blobs.iter().find(|path| std::fs::read(path).is_ok_and(|content| content == bytes));
    let blob = blob.context("the published bytes are not in the store")?;
    let mut damaged = bytes.clone();
    *damaged.last_mut().context("no bytes")? ^= 1;
    std::fs::write(blob, damaged)?;

    let told = server.command(&["verify"]).await?;
    ended_with(&told, 5)?;
    told.says("1 damaged")?.says("internal/broken/")?.does_not_say("internal/sound/")?;
    // The same without a server.
    server.stop().await?;
    let told = server.command(&["verify", "--json"]).await?;
    ended_with(&told, 5)?;
    let report = told.json()?;
    ensure!(report["damage"].as_array().is_some_and(|damage| damage.len() == 1), "{report}");
    Ok(())
}

#[tokio::test]
async fn verify_without_its_store_fails_and_calls_nothing_damaged() -> Outcome {
    let server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    publish(&server, &feed, &Package::new("sound", "1.0.0").file("a.js", "1")).await?;
    let (here, elsewhere) = (server.data().join("packages"), server.data().join("unmounted"));
    std::fs::rename(&here, &elsewhere)?;
    let told = server.command(&["verify"]).await?;
    ended_with(&told, 1)?;
    told.says("the package store")?.does_not_say("damaged")?;
    std::fs::rename(&elsewhere, &here)?;
    server.command(&["verify"]).await?.succeeded()?.says("1 file read")?;
    Ok(())
}

#[tokio::test]
async fn a_sweep_removes_what_nothing_refers_to_and_nothing_else() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    let feed = server.create_feed("npm", "internal").await?;
    let kept = publish(&server, &feed, &Package::new("kept", "1.0.0").file("a.js", "1")).await?;
    publish(&server, &server.create_feed("npm", "old").await?, &Package::new("gone", "1.0.0")).await?;

    let refused = server.command(&["feed", "delete", "old"]).await?;
    ended_with(&refused, 1)?;
    refused.says("holds 1 package,")?.says("--yes")?;
    server.command(&["feed", "delete", "old", "--yes"]).await?.succeeded()?;

    // A publish reserves its bytes for a while; let that while have passed.
    server.stop().await?;
    let file = server.data().join("proget.db");
    let connection = Database { url: format!("sqlite://{}", file.display()) }.connect().await?;
    connection.execute_unprepared("UPDATE blobs SET reserved_until = 0").await?;
    connection.close().await?;
    server.resume().await?;

    let blobs = || files_below(&server.data().join("packages/blobs"));
    let bytes = Package::new("gone", "1.0.0").tarball()?;
    let is_there = || {
        Ok::<_, anyhow::Error>(
            blobs()?.iter().any(|path| std::fs::read(path).is_ok_and(|found| found == bytes)),
        )
    };
    ensure!(is_there()?, "the bytes went before any sweep");
    // Condemned by the first, doomed and deleted by the second.
    for _ in 0..2 {
        let report = server.administer(&["sweep", "--delete-after", "0"]).await?;
        ensure!(report["deletesStopped"].is_null(), "{report}");
    }
    ensure!(!is_there()?, "the bytes are still there after two sweeps");
    let status = server.http().get(kept).bearer_auth(ADMIN_KEY).send().await?.status();
    ensure!(status == 200, "a package that is referred to was answered {status} after the sweep");
    server.command(&["verify"]).await?.succeeded()?.says("1 file read")?;

    let told = server.administer(&["journal", "--limit", "100"]).await?;
    let entries = told.as_array().context("the journal is no list")?;
    let about = |action: &str, subject: &str| {
        let told = |entry: &&serde_json::Value| {
            entry["action"] == action && entry["subject"].as_str().is_some_and(|text| text.contains(subject))
        };
        entries.iter().filter(told).count()
    };
    let key = format!("blob {}-", Sha256::of(&bytes));
    // Besides there may be what the server tries its store with, seen by a sweep before it was away again.
    let expected = [
        ("published", "", 2),
        ("blob-doomed", key.as_str(), 1),
        ("blob-doomed", "no file refers to it", 1),
        ("blob-deleted", key.as_str(), 1),
    ];
    for (action, subject, count) in expected {
        ensure!(about(action, subject) == count, "not {count} times '{action}' '{subject}': {told:#}");
    }
    let newest = server.command(&["journal", "--limit", "1"]).await?.succeeded()?;
    newest.says("blob-deleted")?.says("was doomed long enough ago")?.does_not_say("blob-doomed")?;
    Ok(())
}

#[tokio::test]
async fn a_sweep_that_stopped_deleting_goes_on_only_after_somebody_confirms() -> Outcome {
    let mut server = ServerSetup::new().start().await?;
    server.administer(&["sweep"]).await?;
    server.stop().await?;
    std::fs::remove_file(server.data().join("packages/blobs/witness"))?;
    server.resume().await?;
    for _ in 0..2 {
        let told = server.command(&["sweep"]).await?;
        ended_with(&told, 5)?;
        told.says("deletes are stopped")?.says("proget sweep --confirm")?;
    }
    server.command(&["sweep", "--confirm"]).await?.succeeded()?;
    server.command(&["sweep"]).await?.succeeded()?.does_not_say("stopped")?;
    Ok(())
}
