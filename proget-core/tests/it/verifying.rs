//! What verification finds.

use crate::stand::Stand;
use proget_core::Problem;
use proget_core::blob::{BlobStore as _, StoreErrorKind};
use proget_core::catalog::Blobs as _;
use proget_core::digest::Sha256;
use proget_core::feed::StoreName;

#[tokio::test]
async fn whole_packages_are_clean_and_damaged_or_missing_blobs_are_named_with_their_files() {
    let stand = Stand::new().await;
    for text in ["apple 1", "pear 1", "plum 1"] {
        stand.publish(text).await.unwrap();
    }
    let mut steps = 0;
    let clean = stand.registry.verify(|_| steps += 1).await.unwrap();
    assert_eq!((clean.blobs, clean.bytes, clean.damage.len(), steps), (3, 19, 0, 3));

    let key = |text: &'static str| {
        let memory = stand.memory.clone();
        async move { memory.blob(&StoreName::default(), &Sha256::of(text.as_bytes())).await.unwrap().unwrap().key }
    };
    assert!(stand.disk.damage(&key("apple 1").await, "apple 2"));
    stand.disk.delete(&key("pear 1").await).await.unwrap();
    let report = stand.registry.verify(|_| ()).await.unwrap();
    let mut files: Vec<_> = report.damage.iter().flat_map(|damage| damage.files.clone()).collect();
    files.sort();
    assert_eq!(files, ["internal/apple/apple-1.txt", "internal/pear/pear-1.txt"]);
    assert_eq!(report.blobs, 3);
}

#[tokio::test]
async fn a_store_that_is_away_is_no_damage_and_a_blob_that_cannot_be_read_once_is_read_again() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.store.go_away();
    assert!(matches!(stand.registry.verify(|_| ()).await, Err(Problem::Busy { .. })));
    stand.store.come_back();
    stand.store.fail_next(StoreErrorKind::Unavailable);
    let report = stand.registry.verify(|_| ()).await.unwrap();
    assert_eq!((report.blobs, report.damage.len()), (1, 0));
}
