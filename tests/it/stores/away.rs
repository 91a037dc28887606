//! Buckets that go away while they are used: ended, frozen, cut off, or emptied behind our back.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use proget_core::blob::{BlobStore as _, Put, StoreError, StoreErrorKind};
use proget_tests::{Bucket, Cloud, CloudServer, Cutting, Outcome, Passage, eventually};

use super::{artifact, bytes_of, opened};

/// Longer than all that waits for a bucket.
const PATIENCE: Duration = Duration::from_secs(60);

fn away<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> Outcome {
    match outcome {
        Err(error) if error.kind() == StoreErrorKind::Unavailable => Ok(()),
        other => anyhow::bail!("a store that is away must be unavailable, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_whose_server_is_gone_is_unavailable_and_comes_back_with_what_was_acknowledged() -> Outcome {
    let mut server = CloudServer::start(Cloud::Azure).await?;
    let store = opened(&server.bucket().await?).await?;
    let ((small, first), (large, second), (never, third)) =
        (artifact(1000), artifact(9 << 20), artifact(2000));
    store.put(&small, &first).await?;
    store.put(&large, &second).await?;
    server.stop().await?;
    away(store.head(&small).await)?;
    away(store.get(&small, None).await)?;
    away(store.put(&never, &third).await)?;
    away(store.delete(&small).await)?;
    away(store.note().await)?;
    away(store.list().try_collect::<Vec<_>>().await)?;
    server.resume().await?;
    eventually("the store answers again", PATIENCE, || async { Ok(store.head(&small).await?) }).await?;
    for (key, size) in [(&small, 1000), (&large, 9 << 20)] {
        ensure!(bytes_of(&store, key).await?.len() == size, "bytes are lost");
    }
    ensure!(store.put(&never, &third).await? == Put::Stored, "a put goes on");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_was_emptied_is_unavailable_and_says_nothing_of_missing_packages() -> Outcome {
    // moto keeps all in memory.
    let mut server = CloudServer::start(Cloud::S3).await?;
    let store = opened(&server.bucket().await?).await?;
    let (key, artifact) = artifact(1000);
    store.put(&key, &artifact).await?;
    server.kill().await?;
    server.resume().await?;
    for outcome in [
        store.head(&key).await.map(drop),
        store.get(&key, None).await.map(drop),
        store.note().await.map(drop),
        store.list().try_collect::<Vec<_>>().await.map(drop),
    ] {
        let error = outcome.err().context("nothing of it is there")?;
        ensure!(error.kind() != StoreErrorKind::NotFound, "'not found' makes clients believe it: {error}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_says_nothing_is_given_up_in_time() -> Outcome {
    let mut server = CloudServer::start(Cloud::Azure).await?;
    let store = opened(&server.bucket().await?).await?;
    let (key, artifact) = artifact(1000);
    store.put(&key, &artifact).await?;
    server.freeze()?;
    let asked = tokio::time::timeout(PATIENCE, async {
        let (head, get) = tokio::join!(store.head(&key), store.get(&key, None));
        away(head)?;
        away(get)
    });
    asked.await??;
    server.thaw()?;
    ensure!(bytes_of(&store, &key).await?.len() == 1000, "it goes on where it stopped");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_a_body_is_made_good_or_told() -> Outcome {
    let server = CloudServer::start(Cloud::S3).await?;
    let bucket = server.bucket().await?;
    let between = Cutting::before(&server.url()).await?;
    let address = bucket.address.replace(&server.url(), between.url().trim_end_matches('/'));
    let store = opened(&Bucket { address, ..bucket }).await?;
    let (key, artifact) = artifact(40 << 20);
    store.put(&key, &artifact).await?;
    let mut blob = store.get(&key, None).await?;
    let first = blob.body.try_next().await?.map_or(0, |bytes| bytes.len());
    between.set(Passage::Cut);
    let rest = blob.body.try_collect::<Vec<_>>().await;
    ensure!(first > 0, "nothing came");
    match rest {
        Err(error) => ensure!(error.is_retryable(), "it is worth another try: {error}"),
        // What was on its way already may have been all.
        Ok(rest) => ensure!(first + rest.concat().len() == 40 << 20, "half a file was taken for a whole one"),
    }
    between.set(Passage::Open);
    ensure!(bytes_of(&store, &key).await?.len() == 40 << 20, "and again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_in_its_parts_leaves_nothing_and_is_put_again() -> Outcome {
    let server = CloudServer::start(Cloud::S3).await?;
    let bucket = server.bucket().await?;
    let between = Cutting::before(&server.url()).await?;
    let address = bucket.address.replace(&server.url(), between.url().trim_end_matches('/'));
    let store = opened(&Bucket { address, ..bucket.clone() }).await?;
    let (key, artifact) = artifact(60 << 20);
    let putting = {
        let (store, artifact) = (store.clone(), artifact.clone());
        tokio::spawn(async move { store.put(&key, &artifact).await })
    };
    between.set(Passage::Held);
    between.set(Passage::Cut);
    away(putting.await?)?;
    let direct = opened(&bucket).await?;
    ensure!(direct.head(&key).await?.is_none(), "a broken upload is visible");
    between.set(Passage::Open);
    eventually("the put succeeds", PATIENCE, || async { Ok(store.put(&key, &artifact).await?) }).await?;
    ensure!(bytes_of(&direct, &key).await?.len() == 60 << 20, "all bytes");
    Ok(())
}
