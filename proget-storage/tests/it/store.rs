//! What the local store promises, one promise a test.

use crate::disk::{all, files, folder, in_memory, pattern, spooled, wait_for};
use futures::TryStreamExt as _;
use proget_core::blob::{BlobHead, BlobStore, Put, StoreErrorKind};
use proget_core::digest::Sha256;
use proget_core::{Artifact, blob::BlobKey};
use proget_storage::{LocalStore, OpenError, Scratch, open_store};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

fn place(root: &Path, key: &BlobKey) -> PathBuf {
    let digest = key.digest.to_string();
    root.join("blobs").join(&digest[..2]).join(&digest[2..4]).join(key.to_string())
}

fn small_chunk_sizes() -> [usize; 7] {
    const CHUNK: usize = 256 << 10;
    [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17]
}

#[tokio::test]
async fn bytes_come_back_whole_and_in_part_around_every_chunk_boundary() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(root.path()).await.unwrap();
    for size in small_chunk_sizes() {
        let bytes = pattern(size);
        let (key, artifact) = spooled(&scratch, &bytes).await.unwrap();
        assert_eq!(artifact.digests().sha256, Sha256::of(&bytes));
        assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::Stored);
        assert_eq!(store.head(&key).await.unwrap(), Some(size as u64));
        assert_eq!(all(store.get(&key, None).await.unwrap()).await.unwrap(), bytes);
        for (start, end) in [(0, size), (0, size / 2), (size / 3, size), (size / 2, size / 2), (size, size)] {
            let blob = store.get(&key, Some(start as u64..end as u64)).await.unwrap();
            assert_eq!((blob.size, blob.range.clone()), (size as u64, start as u64..end as u64));
            assert_eq!(all(blob).await.unwrap(), bytes.slice(start..end), "{start}..{end} of {size}");
        }
    }
}

#[tokio::test]
async fn accepting_an_upload_is_a_hard_link_and_the_artifact_stays_until_it_is_dropped() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let (key, artifact) = spooled(&scratch, &pattern(1000)).await.unwrap();
    store.put(&key, &artifact).await.unwrap();
    let (from, to) = (artifact.path().unwrap().to_owned(), place(root.path(), &key));
    assert_eq!(fs::metadata(&from).unwrap().ino(), fs::metadata(&to).unwrap().ino());
    assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::AlreadyThere);
    drop(artifact);
    wait_for("the artifact's file to go", || !from.exists());
    assert_eq!(files(root.path()), [to]);
}

#[tokio::test]
async fn artifacts_in_memory_and_on_another_disk_are_stored_and_leave_no_copies() {
    let root = folder();
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    assert_ne!(device(root.path()), device(elsewhere.path()), "this test needs two file systems");
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(elsewhere.path()).await.unwrap();
    let bytes = pattern(700_000);
    let artifacts = [in_memory(&bytes), spooled(&scratch, &bytes).await.unwrap()];
    for (key, artifact) in &artifacts {
        assert_eq!(store.put(key, artifact).await.unwrap(), Put::Stored);
        assert_eq!(store.put(key, artifact).await.unwrap(), Put::AlreadyThere);
        assert_eq!(all(store.get(key, None).await.unwrap()).await.unwrap(), bytes);
    }
    wait_for("the copies to go", || files(root.path()).len() == artifacts.len());
}

#[tokio::test]
async fn a_put_never_replaces_and_other_bytes_under_a_key_are_corrupt() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let (key, artifact) = in_memory(&pattern(100));
    let (_, other) = in_memory(&pattern(101));
    store.put(&key, &artifact).await.unwrap();
    assert_eq!(store.put(&key, &other).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(all(store.get(&key, None).await.unwrap()).await.unwrap(), pattern(100));
}

#[tokio::test]
async fn a_scratch_file_that_lost_bytes_is_not_accepted() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let (key, artifact) = spooled(&scratch, &pattern(5000)).await.unwrap();
    fs::File::options().write(true).open(artifact.path().unwrap()).unwrap().set_len(4999).unwrap();
    assert_eq!(store.put(&key, &artifact).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(store.head(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_blob_that_lost_bytes_gives_an_error_and_not_a_short_body() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let (key, artifact) = in_memory(&pattern(1 << 20));
    store.put(&key, &artifact).await.unwrap();
    let under_way = store.get(&key, None).await.unwrap();
    fs::File::options().write(true).open(place(root.path(), &key)).unwrap().set_len(600_000).unwrap();
    assert_eq!(all(under_way).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    for range in [0..1 << 20, (1 << 20) - 5..1 << 20] {
        assert_eq!(store.get(&key, Some(range)).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_deleting_it_succeeds() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let ((key, artifact), (near, near_artifact)) = (in_memory(&pattern(9)), in_memory(&pattern(9)));
    assert_eq!(key.digest, near.digest);
    assert_eq!(store.head(&key).await.unwrap(), None);
    assert_eq!(store.get(&key, None).await.unwrap_err().kind(), StoreErrorKind::NotFound);
    store.put(&key, &artifact).await.unwrap();
    store.put(&near, &near_artifact).await.unwrap();
    for _ in 0..2 {
        store.delete(&key).await.unwrap();
        assert_eq!(store.head(&key).await.unwrap(), None);
    }
    assert_eq!(store.head(&near).await.unwrap(), Some(9), "a delete removes nothing else");
    assert_eq!(store.put(&key, &artifact).await.unwrap(), Put::Stored);
}

#[tokio::test]
async fn a_store_whose_disk_has_gone_is_unavailable_and_never_says_that_a_blob_is_not_there() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let (key, artifact) = in_memory(&pattern(9));
    store.put(&key, &artifact).await.unwrap();
    fs::rename(root.path().join("blobs"), root.path().join("unmounted")).unwrap();
    let unavailable = StoreErrorKind::Unavailable;
    assert_eq!(store.head(&key).await.unwrap_err().kind(), unavailable);
    assert_eq!(store.get(&key, None).await.unwrap_err().kind(), unavailable);
    assert_eq!(store.delete(&key).await.unwrap_err().kind(), unavailable);
    assert_eq!(store.note().await.unwrap_err().kind(), unavailable);
    assert_eq!(store.set_note("x".into()).await.unwrap_err().kind(), unavailable);
    let listed: Result<Vec<BlobHead>, _> = store.list().try_collect().await;
    assert_eq!(listed.unwrap_err().kind(), unavailable);
    let (other, other_artifact) = in_memory(&pattern(10));
    for (key, artifact) in [(key, artifact), (other, other_artifact)] {
        assert_eq!(store.put(&key, &artifact).await.unwrap_err().kind(), unavailable);
    }
    assert!(!root.path().join("blobs").exists(), "nothing is written where the disk was");
    fs::rename(root.path().join("unmounted"), root.path().join("blobs")).unwrap();
    assert_eq!(store.head(&key).await.unwrap(), Some(9), "it comes back by itself");
}

#[tokio::test]
async fn a_listing_names_each_blob_and_nothing_foreign_or_half_written() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let mut expected = Vec::new();
    // More than one batch.
    for size in 0..600 {
        let (key, artifact) = in_memory(&pattern(size));
        store.put(&key, &artifact).await.unwrap();
        expected.push(BlobHead { key, size: size as u64 });
    }
    store.set_note("note".into()).await.unwrap();
    let waiting = spooled(&scratch, &pattern(10)).await.unwrap();
    let home = place(root.path(), &expected[0].key);
    let sibling = home.parent().unwrap();
    let strange = BlobKey::fresh(Sha256::of(b"strange")).to_string();
    for foreign in [
        sibling.join("README"),
        sibling.join(&strange),
        sibling.join(format!("{}#1", expected[0].key)),
        sibling.join(expected[0].key.to_string().to_uppercase()),
        root.path().join("blobs").join("zz"),
        root.path().join("blobs").join("00ff"),
    ] {
        fs::write(foreign, "foreign").unwrap();
    }
    fs::create_dir(sibling.join(BlobKey::fresh(expected[0].key.digest).to_string())).unwrap();
    let mut listed: Vec<BlobHead> = store.list().try_collect().await.unwrap();
    listed.sort_by_key(|head| head.key);
    expected.sort_by_key(|head| head.key);
    assert_eq!(listed, expected);
    drop(waiting);
}

#[tokio::test]
async fn the_note_is_absent_at_first_then_what_was_written_last_also_for_another_process() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    assert_eq!(store.note().await.unwrap(), None);
    for text in ["first", "second, which is longer", "", "4"] {
        store.set_note(text.into()).await.unwrap();
        let other = LocalStore::open(root.path()).await.unwrap();
        assert_eq!(other.note().await.unwrap().as_deref(), Some(text.as_bytes()));
    }
    let long = store.set_note(vec![b'x'; 5000].into()).await.unwrap_err();
    assert_eq!(long.kind(), StoreErrorKind::TooLarge);
    assert_eq!(files(root.path()), [fs::canonicalize(root.path()).unwrap().join("blobs/witness")]);
}

#[tokio::test]
async fn a_store_is_opened_by_its_address_and_creates_what_is_missing() {
    let root = folder();
    let deep = root.path().join("a b/c");
    let address = format!("file://{}", deep.display().to_string().replace(' ', "%20"));
    let store = open_store(&address).await.unwrap();
    let (key, artifact) = in_memory(&pattern(3));
    store.put(&key, &artifact).await.unwrap();
    assert!(place(&deep, &key).exists());
    assert_eq!(store.to_string(), format!("file://{}", fs::canonicalize(&deep).unwrap().display()));
    assert!(store.abilities().durable && !store.abilities().shared);
    let again = open_store(deep.to_str().unwrap()).await.unwrap();
    assert_eq!(again.head(&key).await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_refused_by_name() {
    let root = folder();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = LocalStore::open(&file).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotADirectory { .. }), "{refused}");
    assert!(refused.to_string().contains(file.to_str().unwrap()), "{refused}");
    fs::write(root.path().join("blobs"), "").unwrap();
    let refused = LocalStore::open(root.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotADirectory { .. }), "{refused}");
}

#[tokio::test]
async fn memory_is_not_called_durable() {
    let root = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = LocalStore::open(root.path()).await.unwrap();
    assert!(!store.abilities().durable);
}

#[tokio::test]
async fn closing_store_and_scratch_leaves_only_blobs() {
    let root = folder();
    let store = LocalStore::open(root.path()).await.unwrap();
    let scratch = Scratch::open(root.path()).await.unwrap();
    let (key, artifact): (BlobKey, Artifact) = spooled(&scratch, &pattern(3)).await.unwrap();
    store.put(&key, &artifact).await.unwrap();
    drop((store, scratch, artifact));
    for folder in ["scratch", "blobs/arriving"] {
        let folder = root.path().join(folder);
        wait_for("the folders to empty", || fs::read_dir(&folder).unwrap().next().is_none());
    }
    assert_eq!(files(root.path()), [fs::canonicalize(place(root.path(), &key)).unwrap()]);
}
