//! Small files come from memory; whether they may be had does not.

use crate::stand::{Plain, Stand};
use futures::TryStreamExt as _;
use proget_core::access::{Permission, Principal};
use proget_core::blob::BlobKey;
use proget_core::catalog::Blobs as _;
use proget_core::digest::Sha256;
use proget_core::feed::StoreName;
use proget_core::package::{FileName, FileRef};
use proget_core::registry::Item;
use proget_core::{FeedFormat as _, Problem};
use std::sync::Arc;

/// A package whose file has `size` bytes, no two alike that lie near each other.
fn package(name: &str, size: usize) -> String {
    let mut text = format!("{name} 1 ");
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&format!("{number:x}."));
    }
    text.truncate(size);
    text
}

async fn item(stand: &Stand, name: &str) -> Arc<Item> {
    let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::View).unwrap();
    let package = Plain.name(name).unwrap().key().clone();
    let file = FileRef { package, file: FileName::new(format!("{name}-1.txt")).unwrap() };
    stand.registry.item(&admission, &file).await.unwrap()
}

async fn key(stand: &Stand, text: &str) -> BlobKey {
    let digest = Sha256::of(text.as_bytes());
    stand.memory.blob(&StoreName::default(), &digest).await.unwrap().unwrap().key
}

#[tokio::test]
async fn a_second_download_of_a_small_file_does_not_touch_the_store_and_is_counted() {
    let stand = Stand::new().await;
    let (small, large) = (package("apple", 128 << 10), package("pear", (128 << 10) + 1));
    stand.publish(&small).await.unwrap();
    stand.publish(&large).await.unwrap();
    assert!(stand.download("apple", 1).await.unwrap() == small.as_bytes());
    assert!(stand.download("pear", 1).await.unwrap() == large.as_bytes());
    stand.store.go_away();
    assert!(stand.download("apple", 1).await.unwrap() == small.as_bytes());
    assert!(matches!(stand.download("pear", 1).await, Err(Problem::Busy { .. })));
    let files = [item(&stand, "apple").await.id, item(&stand, "pear").await.id];
    assert_eq!(stand.registry.download_counts(&files).await.unwrap(), [2, 1]);
}

#[tokio::test]
async fn a_part_of_a_small_file_is_right_whether_it_is_remembered_or_not() {
    let stand = Stand::new().await;
    let text = package("apple", 100_000);
    stand.publish(&text).await.unwrap();
    let item = item(&stand, "apple").await;
    // The first part is what makes the file remembered.
    for part in [70_000..70_010_u64, 0..1, 0..100_000, 99_999..100_000, 5..5, 1..99_999] {
        let blob = stand.registry.open(&item, Some(part.clone())).await.unwrap();
        assert_eq!((blob.size, &blob.range), (100_000, &part));
        let bytes = blob.body.try_collect::<Vec<_>>().await.unwrap().concat();
        assert!(bytes == text.as_bytes()[part.start as usize..part.end as usize], "{part:?}");
        stand.store.go_away();
    }
}

#[tokio::test]
async fn a_deleted_version_is_refused_although_its_bytes_are_still_in_memory() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.download("apple", 1).await.unwrap();
    let held = item(&stand, "apple").await;
    stand.remove("apple", 1).await.unwrap();
    stand.store.go_away();
    assert!(matches!(stand.download("apple", 1).await, Err(Problem::NotFound(_))));
    // Who was let in before may go on to read: that is how we know that the bytes are still there.
    assert!(stand.registry.open(&held, None).await.is_ok());
}

#[tokio::test]
async fn a_damaged_small_blob_is_found_by_verification_and_is_never_remembered() {
    let stand = Stand::new().await;
    for text in ["apple 1", "pear 1"] {
        stand.publish(text).await.unwrap();
    }
    stand.download("apple", 1).await.unwrap();
    assert!(stand.disk.damage(&key(&stand, "apple 1").await, "apple 2"));
    assert!(stand.disk.damage(&key(&stand, "pear 1").await, "pear 2"));
    // Read before the damage, and after it.
    assert_eq!(stand.download("apple", 1).await.unwrap(), b"apple 1");
    assert_eq!(stand.download("pear", 1).await.unwrap(), b"pear 2");
    let report = stand.registry.verify(|_| ()).await.unwrap();
    assert_eq!(report.damage.len(), 2, "verification looked into the memory: {:?}", report.damage);
    assert!(stand.disk.damage(&key(&stand, "pear 1").await, "pear 1"));
    assert_eq!(stand.download("pear", 1).await.unwrap(), b"pear 1", "damage outlived its repair");
}
