//! Disks that are full, and a store that may not be written.
//!
//! Small disks are mounted in the server's own mount namespace, which the test looks into through
//! `/proc`: whatever way it ends, nothing stays mounted.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use proget_tests::{Outcome, Package, ProgetProcess, ServerSetup};

use super::table::{SQLITE_FULL, STAGING_FULL, STORE_CLOSED, STORE_FULL};
use super::uploads::widgets;
use super::world::{SMALL, World, seen};

/// A server that sees the file systems that `mounts`, a shell command that knows `$0`, makes at `place`.
fn mounted(mounts: &str, place: &Path) -> ServerSetup {
    let script = format!("set -e; {mounts}; exec \"$@\"");
    let place = place.display().to_string();
    ServerSetup::new().through(&["unshare", "--mount", "sh", "-c", &script, &place])
}

/// Makes one of the server's disks larger.
fn enlarge(server: &ProgetProcess, place: &Path) -> Outcome {
    let mut command = Command::new("nsenter");
    command.args(["--mount", "--target", &server.id()?.to_string()]);
    let done = command.args(["mount", "-o", "remount,size=200m"]).arg(place).output()?;
    ensure!(done.status.success(), "mount: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_during_an_upload_is_told_and_leaves_nothing() -> Outcome {
    let place = tempfile::tempdir()?;
    let setup = mounted("mount -t tmpfs -o size=12m none \"$0\"", place.path()).packages_in(place.path());
    let world = World::begin(setup, |server| seen(server, place.path())).await?;
    let before = world.kept().await?;
    let large = widgets("2.0.0", 13 << 20)?;
    let mut answers = Vec::new();
    for upload in &large {
        answers.push(upload.send(&world.server).await?);
        world.is_as_before(&before).await?;
    }
    World::are(&answers, &STAGING_FULL)?;
    world.has_reserved(&STAGING_FULL).await?;
    world.serves().await?;
    enlarge(&world.server, place.path())?;
    world.recovers(&large).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_full_when_an_upload_is_accepted_is_told_and_keeps_no_half_of_it() -> Outcome {
    let place = tempfile::tempdir()?;
    let mounts = "mount -t tmpfs -o size=4m none \"$0\"; mkdir \"$0/scratch\"; \
                  mount -t tmpfs -o size=64m none \"$0/scratch\"";
    let setup = mounted(mounts, place.path()).packages_in(place.path());
    let world = World::begin(setup, |server| seen(server, place.path())).await?;
    let before = world.kept().await?;
    let large = widgets("2.0.0", 8 << 20)?;
    let mut answers = Vec::new();
    for upload in &large {
        answers.push(upload.send(&world.server).await?);
        world.is_as_before(&before).await?;
    }
    World::are(&answers, &STORE_FULL)?;
    world.has_reserved(&STORE_FULL).await?;
    world.serves().await?;
    enlarge(&world.server, place.path())?;
    world.recovers(&large).await
}

/// Gives every folder below this one these permissions.
fn permit(folder: &Path, mode: u32) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            permit(&path, mode)?;
        }
    }
    Ok(fs::set_permissions(folder, Permissions::from_mode(mode))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_not_be_written_still_serves_and_says_so_to_who_publishes() -> Outcome {
    // Permissions mean something to the server although it runs as root.
    let setup = ServerSetup::new().through(&["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]);
    let place = tempfile::tempdir()?;
    let world = World::begin(setup.packages_in(place.path()), |_| Ok(place.path().to_owned())).await?;
    let before = world.kept().await?;
    let next = widgets("2.0.0", SMALL)?;
    permit(place.path(), 0o555)?;
    let mut answers = Vec::new();
    for upload in &next {
        answers.push(upload.send(&world.server).await?);
    }
    World::are(&answers, &STORE_CLOSED)?;
    world.has_reserved(&STORE_CLOSED).await?;
    world.is_as_before(&before).await?;
    world.serves().await?;
    permit(place.path(), 0o755)?;
    world.recovers(&next).await
}

/// Fills a disk to its last byte.
fn fill(file: &Path) -> Outcome {
    let mut filler = fs::File::create(file)?;
    for size in [1 << 20, 4096, 1] {
        let zeros = vec![0; size];
        while filler.write_all(&zeros).is_ok() {}
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_disk_is_full_still_serves_and_takes_nothing_until_there_is_room() -> Outcome {
    let (data, packages) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let setup = mounted("mount -t tmpfs -o size=12m none \"$0\"", data.path());
    let setup = setup.data_in(data.path()).packages_in(packages.path());
    let world = World::begin(setup, |_| Ok(packages.path().to_owned())).await?;
    let before = world.kept().await?;
    let filler = seen(&world.server, data.path())?.join("filler");
    fill(&filler)?;
    // Small commits find room in the log that is there already; this one does not.
    let document =
        Package::new("thick", "1.0.0").with("x", "y".repeat(900_000)).publish_document("http://e/")?;
    let publish = || {
        let url = format!("{}/npm/js/thick", world.server.url());
        world.server.http().put(url).bearer_auth(proget_tests::server::ADMIN_KEY).json(&document).send()
    };
    // Each attempt may use up room that the last one left; in the end there is none.
    let mut last = None;
    for round in 0..50 {
        let answer = publish().await?;
        let (status, retry) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        let text = answer.text().await?;
        if status != 201 {
            last = Some((status, retry, text));
            break;
        }
        ensure!(round == 0, "the same bytes were published twice before the disk was full");
    }
    let (status, retry, text) = last.context("the disk never was full")?;
    ensure!(
        status == SQLITE_FULL.status && retry && text.contains(SQLITE_FULL.says),
        "{status} {retry} {text}"
    );
    world.has_reserved(&SQLITE_FULL).await?;
    world.is_as_before(&before).await?;
    world.serves().await?;
    fs::remove_file(&filler)?;
    ensure!(publish().await?.status() == 201, "there is room again");
    world.recovers(&widgets("2.0.0", SMALL)?).await
}
