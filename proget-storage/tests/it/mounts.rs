//! File systems that are full, read-only, or several where one was expected.

use crate::child::{self, run_with_mounts};
use crate::disk::{all, files, folder, in_memory, pattern, spooled, wait_for};
use proget_core::blob::{BlobStore as _, Put, StoreErrorKind};
use proget_storage::{LocalStore, OpenError, Scratch};
use std::os::unix::fs::MetadataExt as _;

const FULL: &str = "mount -t tmpfs -o size=2m none \"$PROGET_TEST_PLACE\"";
const READ_ONLY: &str = "mount -t tmpfs -o ro none \"$PROGET_TEST_PLACE\"";
const SPLIT: &str =
    "mkdir \"$PROGET_TEST_PLACE/scratch\"; mount -t tmpfs none \"$PROGET_TEST_PLACE/scratch\"";

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_done() {
    run_with_mounts("mounts::child_fills_the_disk", folder().path(), FULL);
}

#[tokio::test]
#[ignore = "a part of the test above, which starts it"]
async fn child_fills_the_disk() {
    let root = child::place();
    let store = LocalStore::open(&root).await.unwrap();
    let scratch = Scratch::open(&root).await.unwrap();
    // A file that has no name any more gives its room back when the last thread has closed it.
    let room = || rustix::fs::statvfs(&root).map(|disk| disk.f_bfree * disk.f_frsize).unwrap();
    let before = room();
    let full = spooled(&scratch, &pattern(4 << 20)).await.unwrap_err();
    assert_eq!(full.kind(), StoreErrorKind::Full);
    assert!(full.is_retryable());
    wait_for("the failed upload to go", || files(&root).is_empty() && room() >= before);

    let (large, artifact) = in_memory(&pattern(4 << 20));
    assert_eq!(store.put(&large, &artifact).await.unwrap_err().kind(), StoreErrorKind::Full);
    assert_eq!(store.head(&large).await.unwrap(), None);
    // The store keeps the folders that it made.
    wait_for("the failed put to go", || files(&root).is_empty() && room() + (256 << 10) >= before);

    let (small, artifact) = spooled(&scratch, &pattern(100_000)).await.unwrap();
    assert_eq!(store.put(&small, &artifact).await.unwrap(), Put::Stored, "there is room again");
}

#[test]
fn a_read_only_directory_is_refused_with_path_and_user() {
    run_with_mounts("mounts::child_opens_what_it_may_not_write", folder().path(), READ_ONLY);
}

#[tokio::test]
#[ignore = "a part of the test above, which starts it"]
async fn child_opens_what_it_may_not_write() {
    let root = child::place();
    let refusals = [
        LocalStore::open(&root).await.unwrap_err(),
        LocalStore::open(root.join("below")).await.unwrap_err(),
        Scratch::open(&root).await.unwrap_err(),
    ];
    for refused in refusals {
        let said = refused.to_string();
        assert!(matches!(refused, OpenError::NotWritable { .. } | OpenError::NotCreated { .. }), "{said}");
        assert!(said.contains(root.to_str().unwrap()) && said.contains("as user root (0)"), "{said}");
    }
}

#[test]
fn scratch_on_a_disk_of_its_own_below_the_root_costs_a_copy_and_nothing_else() {
    run_with_mounts("mounts::child_puts_across_two_disks", folder().path(), SPLIT);
}

#[tokio::test]
#[ignore = "a part of the test above, which starts it"]
async fn child_puts_across_two_disks() {
    let root = child::place();
    let device = |name: &str| std::fs::metadata(root.join(name)).unwrap().dev();
    let store = LocalStore::open(&root).await.unwrap();
    let scratch = Scratch::open(&root).await.unwrap();
    assert_ne!(device("blobs"), device("scratch"));
    let bytes = pattern(900_000);
    let (key, artifact) = spooled(&scratch, &bytes).await.unwrap();
    assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::Stored);
    assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::AlreadyThere);
    assert_eq!(all(store.get(&key, None).await.unwrap()).await.unwrap(), bytes);
    drop(artifact);
    wait_for("the copies to go", || files(&root).len() == 1);
}
