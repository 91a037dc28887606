//! What the scratch directory promises within one process.

use crate::disk::{files, folder, pattern, spooled, wait_for};
use bytes::Bytes;
use futures::FutureExt as _;
use proget_core::blob::{Leftovers, Spool, Staging, StoreErrorKind};
use proget_core::digest::{DigestSet, Digests};
use proget_core::ids::{Incarnation, UploadId};
use proget_storage::Scratch;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

const EVERYTHING: DigestSet = DigestSet { sha1: true, sha512: true, md5: true, blake2b: true };

#[tokio::test]
async fn an_upload_is_measured_and_hashed_however_it_was_cut() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    for size in [0, 1, 511 << 10, 512 << 10, (512 << 10) + 1, 3 << 20] {
        let bytes = pattern(size);
        for cut in [1 << 10, 100_003, 4 << 20] {
            let mut spool = scratch.begin(EVERYTHING).await.unwrap();
            for start in (0..size).step_by(cut) {
                spool.write(bytes.slice(start..size.min(start + cut))).await.unwrap();
                spool.write(Bytes::new()).await.unwrap();
            }
            assert_eq!(spool.size(), size as u64);
            let artifact = spool.finish().await.unwrap();
            assert_eq!(
                (artifact.size(), artifact.digests()),
                (size as u64, &Digests::of(&bytes, EVERYTHING))
            );
            for _ in 0..2 {
                let mut read = Vec::new();
                artifact.open().unwrap().read_to_end(&mut read).unwrap();
                assert_eq!(read, bytes);
            }
        }
    }
}

#[tokio::test]
async fn a_refused_upload_touches_no_disk_and_a_dropped_one_leaves_nothing() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let mut spool = scratch.begin(DigestSet::default()).await.unwrap();
    spool.write(pattern(1000)).await.unwrap();
    assert!(files(root.path()).is_empty());
    for _ in 0..8 {
        spool.write(pattern(1 << 20)).await.unwrap();
    }
    wait_for("the upload's file", || files(root.path()).len() == 1);
    drop(spool);
    wait_for("the dropped upload to go", || files(root.path()).is_empty());
}

#[tokio::test]
async fn the_last_clone_of_an_artifact_takes_the_file_with_it() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let (_, artifact) = spooled(&scratch, &pattern(10)).await.unwrap();
    let clone = artifact.clone();
    drop(artifact);
    assert!(clone.open().is_ok());
    drop(clone);
    wait_for("the file to go", || files(root.path()).is_empty());
}

#[test]
fn an_artifact_that_outlives_its_runtime_leaves_nothing_either() {
    let root = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kept = runtime.block_on(async {
        let scratch = Scratch::open(root.path()).await.unwrap();
        let (_, dropped_inside) = spooled(&scratch, &pattern(10)).await.unwrap();
        let kept = spooled(&scratch, &pattern(10)).await.unwrap();
        drop(dropped_inside);
        kept
    });
    drop(runtime);
    assert_eq!(files(root.path()).len(), 1);
    drop(kept);
    assert!(files(root.path()).is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn an_upload_whose_write_was_given_up_half_way_can_not_be_finished() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let mut spool: Box<dyn Spool> = scratch.begin(DigestSet::default()).await.unwrap();
    // Far more than two buffers: on one thread the first poll must meet a wait.
    assert!(spool.write(pattern(16 << 20)).now_or_never().is_none());
    assert_eq!(spool.write(pattern(1)).await.unwrap_err().kind(), StoreErrorKind::Interrupted);
    assert_eq!(spool.finish().await.unwrap_err().kind(), StoreErrorKind::Interrupted);
    wait_for("the torn upload to go", || files(root.path()).is_empty());
}

#[tokio::test]
async fn a_sweep_spares_every_living_owner_and_everything_foreign() {
    let root = folder();
    let ours = Scratch::open(root.path()).await.unwrap();
    let other = Scratch::open(root.path()).await.unwrap().with_patience(Duration::ZERO);
    let held = [spooled(&ours, &pattern(10)).await.unwrap(), spooled(&other, &pattern(10)).await.unwrap()];
    let foreign = root.path().join("scratch/mine");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes"), "x").unwrap();
    for scratch in [&ours, &other] {
        assert_eq!(scratch.sweep().await.unwrap(), Leftovers::default());
    }
    assert!(held.iter().all(|(_, artifact)| artifact.open().is_ok()));
    assert!(foreign.join("notes").exists());
}

/// What another machine's process would leave: a lock file with another boot's name, not locked.
fn leftover_of_another_machine(root: &Path, age: Duration) -> std::path::PathBuf {
    let folder = root.join("scratch").join(Incarnation::random().to_string());
    fs::create_dir(&folder).unwrap();
    let changed = SystemTime::now() - age;
    for (name, bytes) in
        [("lock".to_owned(), "another boot"), (UploadId::random().to_string(), "half an upload")]
    {
        fs::write(folder.join(&name), bytes).unwrap();
        fs::File::options().write(true).open(folder.join(&name)).unwrap().set_modified(changed).unwrap();
    }
    fs::File::open(&folder).unwrap().set_modified(changed).unwrap();
    folder
}

#[tokio::test]
async fn what_another_machine_left_goes_after_a_day_without_change() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    const HOUR: Duration = Duration::from_secs(3600);
    let young = leftover_of_another_machine(root.path(), 23 * HOUR);
    let old = leftover_of_another_machine(root.path(), 25 * HOUR);
    assert_eq!(scratch.sweep().await.unwrap(), Leftovers { removed: 1, bytes: 14 });
    assert!(young.exists() && !old.exists());
    assert_eq!(files(root.path()).len(), 1, "the question for the time leaves no file");
}

#[tokio::test]
async fn a_folder_without_a_lock_is_given_a_day_because_its_owner_may_be_starting() {
    let root = folder();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let starting = root.path().join("scratch").join(Incarnation::random().to_string());
    fs::create_dir(&starting).unwrap();
    assert_eq!(scratch.sweep().await.unwrap(), Leftovers::default());
    assert!(starting.exists());
    let impatient = Scratch::open(root.path()).await.unwrap().with_patience(Duration::ZERO);
    impatient.sweep().await.unwrap();
    assert!(!starting.exists());
}

#[tokio::test]
async fn two_processes_can_not_claim_one_incarnation() {
    let root = folder();
    let incarnation = Incarnation::random();
    let first = Scratch::open_as(root.path(), incarnation).await.unwrap();
    assert!(root.path().join("scratch").join(incarnation.to_string()).is_dir());
    assert!(Scratch::open_as(root.path(), incarnation).await.is_err());
    drop(first);
    Scratch::open_as(root.path(), incarnation).await.unwrap();
}
