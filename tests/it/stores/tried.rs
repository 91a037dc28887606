//! `proget store test`: a plain verdict on every kind of store that there is on this machine.

use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_tests::{Cloud, CloudServer, Outcome, ServerSetup};
use serde_json::Value;

use super::on_every_cloud;

on_every_cloud!(a_bucket_is_found_to_be_safe_for_a_cluster);

async fn verdict(setup: ServerSetup, address: &str) -> Outcome<Value> {
    setup.prepare().await?.command(&["store", "test", address, "--json"]).await?.json()
}

async fn a_bucket_is_found_to_be_safe_for_a_cluster(cloud: Cloud) -> Outcome {
    let cloud = CloudServer::start(cloud).await?;
    let bucket = cloud.bucket().await?;
    let mut setup = ServerSetup::new();
    for (name, value) in &bucket.variables {
        setup = setup.env(name, value);
    }
    let told = verdict(setup.clone(), &bucket.address).await?;
    ensure!(told["verdict"] == "safe-for-a-cluster", "{told:#}");
    let findings = told["findings"].as_array().context("no findings")?;
    ensure!(findings.len() == 13 && findings.iter().all(|one| one["judgement"] == "holds"), "{told:#}");
    // For people, of the store that is set, and twice: the first trial must not be in the way of the second.
    let bare = setup.env("PROGET_STORAGE_ROOT", &bucket.address).prepare().await?;
    let answer = bare.command(&["store", "test"]).await?.succeeded()?;
    answer.says(&bucket.address)?.says("safe for a cluster")?.says("MiB/s")?;
    Ok(())
}

#[tokio::test]
async fn a_directory_of_this_machine_is_safe_for_one_server_and_nothing_is_left_in_it() -> Outcome {
    let folder = tempfile::tempdir()?;
    let told = verdict(ServerSetup::new(), &folder.path().display().to_string()).await?;
    ensure!(told["verdict"] == "safe-for-one-server", "{told:#}");
    ensure!(files_in(folder.path())? == 0, "files are left");
    Ok(())
}

#[tokio::test]
async fn memory_is_no_place_for_packages() -> Outcome {
    let folder = tempfile::tempdir_in("/dev/shm")?;
    let address = folder.path().display().to_string();
    let answer = ServerSetup::new().prepare().await?.command(&["store", "test", &address]).await?;
    answer.failed()?.says("do not use; surviving a power cut")?;
    Ok(())
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_told_with_what_to_do() -> Outcome {
    let bare = ServerSetup::new().prepare().await?;
    bare.command(&["store", "test", "/proc/packages"]).await?.failed()?.says("/proc/packages")?;
    bare.command(&["store", "test", "s3://k:s3cret@b"])
        .await?
        .failed()?
        .says("credentials")?
        .does_not_say("s3cret")?;
    Ok(())
}

fn files_in(folder: &Path) -> Outcome<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files_in(&entry.path())? } else { 1 };
    }
    Ok(count)
}
