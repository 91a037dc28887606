//! Package stores against real servers: each promise on every kind of bucket, what happens when one
//! goes away, and the whole server over it.
//!
//! What needs no server (any `object_store`, one that ignores conditions) is tried in `proget-storage`.

mod away;
mod linked;
mod served;
mod tried;

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use proget_core::artifact::Artifact;
use proget_core::blob::{BlobKey, BlobStore, Put};
use proget_core::conformance;
use proget_core::digest::{DigestSet, Sha256};
use proget_storage::{BucketAddress, ObjectBlobs};
use proget_tests::{Bucket, Cloud, CloudServer, Outcome};

/// A test for each kind of bucket.
macro_rules! on_every_cloud {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use proget_tests::Cloud;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_s3() -> proget_tests::Outcome {
                super::$test(Cloud::S3).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_azure() -> proget_tests::Outcome {
                super::$test(Cloud::Azure).await
            }
        }
    )*};
}
use on_every_cloud;

on_every_cloud!(
    a_bucket_keeps_every_promise_of_a_store,
    large_blobs_arrive_in_parts_and_are_read_in_parts,
    a_bucket_is_opened_again_by_somebody_else_and_prefixes_are_apart,
    whoever_may_not_is_told_so_at_start_and_without_secrets,
);

pub(super) async fn opened(bucket: &Bucket) -> Outcome<ObjectBlobs> {
    let address: BucketAddress = bucket.address.parse()?;
    Ok(address.open_with(bucket.variables.clone()).await?)
}

pub(super) fn artifact(size: usize) -> (BlobKey, Artifact) {
    let mut dice = conformance::Dice::seeded(size as u64);
    let bytes: Vec<u8> = (0..size).map(|_| dice.roll() as u8).collect();
    let artifact = Artifact::in_memory(bytes, DigestSet::default());
    (BlobKey::fresh(artifact.digests().sha256), artifact)
}

pub(super) async fn bytes_of(store: &ObjectBlobs, key: &BlobKey) -> Outcome<Vec<u8>> {
    let blob = store.get(key, None).await?;
    let bytes: Vec<bytes::Bytes> = blob.body.try_collect().await?;
    Ok(bytes.concat())
}

#[expect(clippy::expect_used, reason = "the suite takes a store, and nothing in place of one")]
async fn a_bucket_keeps_every_promise_of_a_store(cloud: Cloud) -> Outcome {
    let server = CloudServer::start(cloud).await?;
    conformance::blobs(|| async {
        let store = opened(&server.bucket().await.expect("a bucket")).await.expect("the store opens");
        assert!(store.honours_conditions(), "{cloud:?} honours conditions on writing");
        Arc::new(store) as Arc<dyn BlobStore>
    })
    .await;
    Ok(())
}

async fn large_blobs_arrive_in_parts_and_are_read_in_parts(cloud: Cloud) -> Outcome {
    let server = CloudServer::start(cloud).await?;
    let store = opened(&server.bucket().await?).await?;
    // One part to the byte, one byte more, and several with a rest.
    for size in [8 << 20, (8 << 20) + 1, (25 << 20) + 7] {
        let (key, artifact) = artifact(size);
        ensure!(store.put(&key, &artifact).await? == Put::Stored, "it is new");
        ensure!(store.put(&key, &artifact).await? == Put::AlreadyThere, "it is there");
        let bytes = bytes_of(&store, &key).await?;
        ensure!(bytes.len() == size && Sha256::of(&bytes) == key.digest, "{size} bytes come back changed");
        let part = (8 << 20) - 5..(8 << 20);
        let blob = store.get(&key, Some(part.start as u64..part.end as u64)).await?;
        let got: Vec<bytes::Bytes> = blob.body.try_collect().await?;
        ensure!(got.concat() == bytes[part], "a part that ends where a part of the upload does");
    }
    Ok(())
}

async fn a_bucket_is_opened_again_by_somebody_else_and_prefixes_are_apart(cloud: Cloud) -> Outcome {
    let server = CloudServer::start(cloud).await?;
    let bucket = server.bucket().await?;
    let below = |prefix: &str| {
        let address = bucket.address.replacen('?', &format!("/{prefix}?"), 1);
        let address = if address == bucket.address { format!("{address}/{prefix}") } else { address };
        Bucket { address, variables: bucket.variables.clone() }
    };
    let (one, again) = (opened(&below("team/a")).await?, opened(&below("team/a")).await?);
    let other = opened(&below("team/ab")).await?;
    let (key, artifact) = artifact(5000);
    one.put(&key, &artifact).await?;
    one.set_note("a note".into()).await?;
    ensure!(again.head(&key).await? == Some(5000), "another process sees it at once");
    ensure!(again.note().await?.as_deref() == Some(b"a note"), "and the note");
    ensure!(
        other.head(&key).await?.is_none() && other.note().await?.is_none(),
        "another prefix is another store"
    );
    ensure!(again.list().try_collect::<Vec<_>>().await?.len() == 1, "one blob");
    ensure!(other.list().try_collect::<Vec<_>>().await?.is_empty(), "no blob");
    Ok(())
}

async fn whoever_may_not_is_told_so_at_start_and_without_secrets(cloud: Cloud) -> Outcome {
    let server = CloudServer::start(cloud).await?;
    let mut bucket = server.bucket().await?;
    match cloud {
        Cloud::S3 => bucket.variables[1].1 = "s3cret".into(),
        Cloud::Azure => {
            let (before, _) = bucket.variables[0].1.split_once("AccountKey=").context("no key")?;
            let endpoint = format!("{}/packages", server.url());
            bucket.variables[0].1 = format!("{before}AccountKey=czNjcmV0;BlobEndpoint={endpoint}");
        }
    }
    let error = opened(&bucket).await.err().context("it must not open")?;
    let story = format!("{error:#}");
    ensure!(story.contains("cannot use the package store") && story.contains("://"), "unclear: {story}");
    for secret in ["s3cret", "czNjcmV0"] {
        ensure!(!story.contains(secret), "a secret is told: {story}");
    }
    ensure!(story.contains("denies access"), "unclear: {story}");
    Ok(())
}
