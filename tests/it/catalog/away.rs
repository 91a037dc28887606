//! A database that goes away costs refusals while it is away, soon and of the right kind, and nothing
//! afterwards.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use proget_core::catalog::{Catalog as _, CatalogError, Feeds as _, StampOf, Stamps as _};
use proget_core::conformance::sample::set;
use proget_storage::sql::{OpenError, SqlCatalog, SqlOptions};
use proget_tests::{MariaDb, Outcome, Postgres, SOON, eventually};
use sea_orm::{ConnectionTrait as _, Statement};

use super::place::{Kind, Place, create_feed, journal_entry, on_every_server, open};
use super::proxy::{Mood, Proxy};

on_every_server!(a_host_that_vanishes_without_a_word_costs_seconds_not_minutes);

/// How long any single call may take while the database is away.
const PATIENCE: Duration = Duration::from_secs(12);

/// Every kind of call says "unavailable", soon.
async fn everything_is_unavailable(catalog: &SqlCatalog) -> Outcome {
    let unavailable = |what: &str, begun: Instant, error: Option<CatalogError>| {
        let took = begun.elapsed();
        ensure!(matches!(error, Some(CatalogError::Unavailable { .. })), "{what}: {error:?}");
        ensure!(took < PATIENCE, "{what} took {took:?}");
        Ok(())
    };
    let begun = Instant::now();
    unavailable("ping", begun, catalog.ping().await.err())?;
    let begun = Instant::now();
    unavailable("a read", begun, catalog.feeds().await.err())?;
    let begun = Instant::now();
    unavailable("stamps", begun, catalog.stamps(&[StampOf::Feed("f".into())]).await.err())?;
    let begun = Instant::now();
    unavailable("a commit", begun, catalog.commit(set().record(journal_entry("x"))).await.err())
}

/// The first calls after the database is back work.
async fn everything_works(catalog: &SqlCatalog) -> Outcome {
    catalog.ping().await?;
    ensure!(catalog.feeds().await?.len() == 1);
    catalog.commit(set().record(journal_entry("x"))).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_stopped_or_killed_and_started_again() -> Outcome {
    let mut server = Postgres::start().await?;
    let catalog = open(&server.database().await?.url).await?;
    create_feed(&catalog, "f").await?;
    for round in 0..2 {
        everything_works(&catalog).await?;
        if round == 0 {
            server.stop().await?
        } else {
            server.kill().await?
        }
        everything_is_unavailable(&catalog).await?;
        server.resume().await?;
        everything_works(&catalog).await?;
    }
    // Between two calls: the connections are dead and nobody has noticed.
    server.restart().await?;
    everything_works(&catalog).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_stopped_or_killed_and_started_again() -> Outcome {
    let mut server = MariaDb::start().await?;
    let catalog = open(&server.database().await?.url).await?;
    create_feed(&catalog, "f").await?;
    for round in 0..2 {
        everything_works(&catalog).await?;
        if round == 0 {
            server.stop().await?
        } else {
            server.kill().await?
        }
        everything_is_unavailable(&catalog).await?;
        server.resume().await?;
        everything_works(&catalog).await?;
    }
    server.restart().await?;
    everything_works(&catalog).await
}

/// A server that answers, but from the past: a replica, or a primary that was demoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_only_replays_is_as_good_as_away() -> Outcome {
    let mut server = Postgres::start().await?;
    let database = server.database().await?;
    let catalog = open(&database.url).await?;
    create_feed(&catalog, "f").await?;
    let raw = database.connect().await?;
    let asked = Statement::from_string(raw.get_database_backend(), "SHOW data_directory");
    let folder: String = raw.query_one_raw(asked).await?.context("no answer")?.try_get_by_index(0)?;
    raw.close().await?;
    let signal = std::path::Path::new(&folder).join("standby.signal");
    server.stop().await?;
    std::fs::write(&signal, "")?;
    server.resume().await?;
    everything_is_unavailable(&catalog).await?;
    let refused = SqlCatalog::open(&database.url, SqlOptions::default()).await;
    ensure!(matches!(refused, Err(OpenError::OnlyReads { .. })), "{refused:?}");
    server.stop().await?;
    std::fs::remove_file(&signal)?;
    server.resume().await?;
    everything_works(&catalog).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_only_reads_is_refused() -> Outcome {
    let server = MariaDb::start().await?;
    let database = server.database().await?;
    let raw = database.connect().await?;
    raw.execute_unprepared("SET GLOBAL read_only = 1").await?;
    let refused = SqlCatalog::open(&database.url, SqlOptions::default()).await;
    ensure!(matches!(refused, Err(OpenError::OnlyReads { .. })), "{refused:?}");
    raw.execute_unprepared("SET GLOBAL read_only = 0").await?;
    let catalog = open(&database.url).await?;
    create_feed(&catalog, "f").await?;
    everything_works(&catalog).await
}

async fn a_host_that_vanishes_without_a_word_costs_seconds_not_minutes(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let proxy = Proxy::before(&place.url).await?;
    let catalog = open(&proxy.url).await?;
    create_feed(&catalog, "f").await?;
    // Enough connections in use to empty both pools, were they to stay with the dead.
    let busy = || async {
        let calls = (0..40).map(|_| {
            let catalog = catalog.clone();
            tokio::spawn(async move { catalog.feeds().await.map(drop) })
        });
        let mut outcomes = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            outcomes.push(call.await?);
        }
        Outcome::Ok(outcomes)
    };
    for outcome in busy().await? {
        outcome?;
    }
    proxy.set(Mood::Swallow);
    let begun = Instant::now();
    for outcome in busy().await? {
        ensure!(matches!(outcome, Err(CatalogError::Unavailable { .. })), "{outcome:?}");
    }
    ensure!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
    everything_is_unavailable(&catalog).await?;
    proxy.set(Mood::Fair);
    eventually("the catalogue has found its database again", SOON, || everything_works(&catalog)).await
}
