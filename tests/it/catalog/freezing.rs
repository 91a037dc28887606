//! A node that freezes between BEGIN and COMMIT. Its kernel keeps the connection alive and its locks
//! would stand for ever; the database has to end what it left open.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use proget_core::catalog::{Catalog as _, CatalogError, Packages as _};
use proget_core::conformance::sample;
use proget_tests::{Outcome, SOON, eventually};

use super::place::{
    Kind, LONG, Place, create_feed, on_every_server, open, plant, publication, publish, reserve_for,
};
use super::proxy::{Mood, Proxy};

on_every_server!(
    the_locks_of_a_frozen_publish_are_freed,
    a_frozen_holder_of_a_duty_cannot_keep_its_successor_out,
);

async fn the_locks_of_a_frozen_publish_are_freed(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let awake = place.open().await?;
    let feed = create_feed(&awake, "f").await?;
    publish(&awake, &feed, "p", "1.0").await?;
    let blob = reserve_for(&awake, "b", LONG).await?;
    let proxy = Proxy::before(&place.url).await?;
    let sleeper = open(&proxy.url).await?;
    proxy.set(Mood::FreezeBeforeCommit);
    let frozen = publication(&feed, sample::new_file(feed.id, "p", "2.0", "b", &blob));
    let sleeping = tokio::spawn(async move { sleeper.commit(frozen).await });
    eventually("the publish is frozen", SOON, || async {
        if proxy.is_fair() { Ok(()) } else { bail!("not yet") }
    })
    .await?;
    // The same package: its row is locked by the frozen transaction.
    let begun = Instant::now();
    eventually("the lock is freed", SOON, || async {
        Ok(publish(&awake, &feed, "p", "3.0").await.map(drop)?)
    })
    .await?;
    ensure!(begun.elapsed() < Duration::from_secs(20), "the lock stood for {:?}", begun.elapsed());
    // The sleeper's node noticed that nobody answered, found its change absent and made it again.
    match sleeping.await? {
        Ok(_) => {
            let rows = awake.rows(feed.id, &sample::name("p")).await?;
            ensure!(rows.is_some_and(|rows| rows.versions.len() == 3), "an acknowledged version is missing");
        }
        Err(error) => ensure!(error.is_retryable(), "{error:?}"),
    }
    Ok(())
}

async fn a_frozen_holder_of_a_duty_cannot_keep_its_successor_out(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let awake = place.open().await?;
    let old = plant(&awake, 1).await?;
    let proxy = Proxy::before(&place.url).await?;
    let sleeper = open(&proxy.url).await?;
    proxy.set(Mood::FreezeBeforeCommit);
    let note = super::place::journal_entry("swept by the old holder");
    let write = sample::set().fenced(old).record(note.clone());
    let sleeping = {
        let sleeper = sleeper.clone();
        tokio::spawn(async move { sleeper.commit(write).await })
    };
    eventually("the old holder is frozen", SOON, || async {
        if proxy.is_fair() { Ok(()) } else { bail!("not yet") }
    })
    .await?;
    let begun = Instant::now();
    let new =
        eventually("the successor's term is planted", SOON, || async { Ok(plant(&awake, 2).await?) }).await?;
    ensure!(begun.elapsed() < Duration::from_secs(20), "planting took {:?}", begun.elapsed());
    // Whatever became of the frozen commit, it is the last one of its term. If it was repeated after
    // the planting, it was refused.
    match sleeping.await? {
        Ok(_) | Err(CatalogError::Fenced) => {}
        Err(error) => ensure!(error.is_retryable(), "{error:?}"),
    }
    let late = sleeper.commit(sample::set().fenced(old).record(note.clone())).await;
    ensure!(matches!(late, Err(CatalogError::Fenced)), "an old term must be refused: {late:?}");
    awake.commit(sample::set().fenced(new).record(note)).await?;
    Ok(())
}
