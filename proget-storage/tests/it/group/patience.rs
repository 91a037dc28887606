//! How long a set waits for its turn: as long as a call may take, and no longer.

use super::stand::{Stand, named};
use proget_core::catalog::FeedChange;
use proget_storage::SqlOptions;
use std::time::Duration;

/// Packages of a feed whose deletion takes much longer than a call may.
const PACKAGES: usize = 150_000;

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_behind_a_long_deletion_is_told_to_come_back_and_later_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::open(folder.path()).await;
    stand.fill_feed(PACKAGES).await;
    let (file, feed) = (stand.file.clone(), stand.feed);
    drop(stand);
    let options = SqlOptions { call: Duration::from_millis(1500), ..SqlOptions::default() };
    let stand = Stand::at(file, options).await;

    let mut deletion = stand.commit(named("deletion").with(FeedChange::Delete(feed)));
    assert!(futures::poll!(deletion.as_mut()).is_pending());
    let refused = stand.commit(named("behind")).await;
    assert!(futures::poll!(deletion.as_mut()).is_pending(), "the deletion was too quick to show anything");
    assert!(matches!(&refused, Err(error) if error.is_retryable()), "{refused:?}");
    deletion.await.unwrap();
    stand.commit(named("after")).await.unwrap();
    assert_eq!(stand.journal().await, ["deletion", "after"]);
}
