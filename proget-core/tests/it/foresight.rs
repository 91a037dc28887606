//! Asking about a package in the same read as about its feed: one read, and never about another feed.

use crate::stand::{Plain, Stand};
use bytes::Bytes;
use futures::future::join;
use proget_core::access::{Permission, Principal};
use proget_core::catalog::PackageRows;
use proget_core::feed::{FeedName, FeedSettings};
use proget_core::registry::Rendered;
use proget_core::{FeedFormat as _, Problem};

fn count(rows: &PackageRows) -> Option<Rendered> {
    let versions = Bytes::from(rows.versions.len().to_string());
    Some(Rendered { body: versions, gzip: None, content_type: "text/plain".into() })
}

/// As a request does it: feed and package asked for together, then the document.
async fn read(stand: &Stand) -> Result<Bytes, Problem> {
    let name = Plain.name("apple")?;
    let foreseen = stand.registry.foresee("internal", || Some(name.key().clone()));
    let (feed, foreseen) = join(stand.registry.feed("internal"), foreseen).await;
    let admission = stand.registry.admit(&Principal::system(), &feed?, Permission::View)?;
    let admission = admission.with_foreseen(foreseen);
    let document = stand.registry.document(&admission, name.key(), "count", count).await?;
    Ok(document.rendered.body.clone())
}

#[tokio::test]
async fn a_document_whose_package_was_foreseen_costs_one_read_and_is_as_fresh() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.registry.feed("internal").await.unwrap();
    for versions in 1..5 {
        let before = stand.catalog.stamp_reads();
        assert_eq!(read(&stand).await.unwrap(), versions.to_string());
        assert_eq!(stand.catalog.stamp_reads() - before, 1);
        stand.publish(&format!("apple {}", versions + 1)).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_foreseen_in_a_feed_that_is_now_another_is_not_used() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    assert_eq!(read(&stand).await.unwrap(), "1");
    // Another node puts another feed into its place; this one still remembers the first.
    let other = Stand::over(stand.clock.clone(), stand.memory.clone(), stand.disk.clone()).await;
    let system = Principal::system();
    other.registry.delete_feed(&system, &stand.feed).await.unwrap();
    let (name, settings) = (FeedName::new("internal").unwrap(), FeedSettings::default());
    other.registry.create_feed(&system, name, Plain.id(), settings).await.unwrap();
    assert!(matches!(read(&stand).await, Err(Problem::NotFound(_))));
}
