//! Several database servers in one address, of which one takes writes; and servers that only read.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use proget_core::catalog::{Catalog as _, CatalogError, Durability, Feeds as _, Instance as _};
use proget_core::conformance::sample::{self, set};
use proget_storage::sql::{OpenError, SqlCatalog, SqlOptions};
use proget_tests::{MariaDb, Outcome, PgBouncer, Postgres, SOON, eventually, free_port};
use sea_orm::ConnectionTrait as _;

use super::place::{create_feed, open, plant};

/// What a commit under a fence must be, if another history has another term.
fn is_fenced<T>(outcome: &Result<T, CatalogError>) -> bool {
    matches!(outcome, Err(CatalogError::Fenced))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_is_found_and_has_what_was_acknowledged_on_both() -> Outcome {
    let mut primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    primary.commit_on_both().await?;
    let database = primary.database().await?;
    let alone = standby.here(&primary, &database);
    let refused = eventually("the database is on the standby", SOON, || async {
        match SqlCatalog::open(&alone.url, SqlOptions::default()).await {
            Err(error @ OpenError::OnlyReads { .. }) => Ok(error.to_string()),
            other => bail!("{other:?}"),
        }
    });
    let refused = refused.await?;
    ensure!(refused.contains("only reads") && refused.contains("promote"), "{refused}");
    // The standby first: the order of an address decides nothing.
    let both = standby.and(&primary, &alone);
    let catalog = open(&both.url).await?;
    let line = catalog.line();
    create_feed(&catalog, "before").await?;
    let durability = catalog.durability().await?;
    ensure!(durability == Durability::Replicated, "{durability:?}");
    primary.kill().await?;
    standby.promote().await?;
    let begun = Instant::now();
    eventually("commits are taken again", SOON, || create_feed(&catalog, "after")).await?;
    // The other one is gone, and this one waits for nobody.
    let durability = catalog.durability().await?;
    ensure!(durability == Durability::OneDisk, "{durability:?}");
    println!("PostgreSQL: {:?} after the promotion commits were taken", begun.elapsed());
    ensure!(catalog.feed(&sample::feed_name("before")).await?.is_some(), "an acknowledged feed is lost");
    eventually("the line of leases is there", SOON, || async {
        Ok(line().execute_unprepared("CREATE TEMPORARY TABLE written (one INT)").await?)
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_that_a_failover_lost_gives_no_right_to_write() -> Outcome {
    let mut primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    let database = primary.database().await?;
    let catalog = open(&primary.and(&standby, &database).url).await?;
    let kept = plant(&catalog, 5).await?;
    let behind = standby.here(&primary, &database).connect().await?;
    eventually("the standby has the first term", SOON, || async {
        let all = sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            "SELECT 1 FROM fences WHERE term = 5",
        );
        ensure!(behind.query_one_raw(all).await?.is_some(), "not yet");
        Ok(())
    })
    .await?;
    standby.stop_receiving().await?;
    let lost = plant(&catalog, 6).await?;
    create_feed(&catalog, "lost").await?;
    primary.kill().await?;
    standby.promote().await?;
    let late = eventually("commits are answered again", SOON, || async {
        match catalog.commit(set().fenced(lost).record(super::place::journal_entry("late"))).await {
            Err(error @ CatalogError::Unavailable { .. }) => bail!("{error:?}"),
            answer => Ok(answer),
        }
    });
    let late = late.await?;
    ensure!(is_fenced(&late), "a lost term wrote: {late:?}");
    ensure!(
        catalog.feed(&sample::feed_name("lost")).await?.is_none(),
        "the standby has lost nothing: no test"
    );
    // In this history the first term still holds, until the holder of the lost one plants again.
    catalog.commit(set().fenced(kept).record(super::place::journal_entry("kept"))).await?;
    let again = plant(&catalog, 6).await?;
    let old = catalog.commit(set().fenced(kept).record(super::place::journal_entry("old"))).await;
    ensure!(is_fenced(&old), "{old:?}");
    catalog.commit(set().fenced(again).record(super::place::journal_entry("again"))).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_is_demoted_is_neither_written_nor_read_and_comes_back_by_itself() -> Outcome {
    let server = MariaDb::start().await?;
    let database = server.database().await?;
    let two = database.url.replace("@127.0.0.1:", &format!("@127.0.0.1:{},127.0.0.1:", free_port()?));
    // The first one does not answer.
    let catalog = open(&two).await?;
    create_feed(&catalog, "before").await?;
    let raw = database.connect().await?;
    for (flushed, expected) in [("2", Durability::Memory), ("1", Durability::OneDisk)] {
        raw.execute_unprepared(&format!("SET GLOBAL innodb_flush_log_at_trx_commit = {flushed}")).await?;
        let durability = catalog.durability().await?;
        ensure!(durability == expected, "{durability:?}");
    }
    raw.execute_unprepared("SET GLOBAL read_only = 1").await?;
    // Whoever reads on sessions that have rested a moment is told.
    eventually("nothing is read from a demoted server", SOON, || async {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        match catalog.feed(&sample::feed_name("before")).await {
            Err(CatalogError::Unavailable { .. }) => Ok(()),
            other => bail!("{other:?}"),
        }
    })
    .await?;
    let refused = SqlCatalog::open(&database.url, SqlOptions::default()).await;
    ensure!(matches!(refused, Err(OpenError::OnlyReads { .. })), "{refused:?}");
    raw.execute_unprepared("SET GLOBAL read_only = 0").await?;
    eventually("commits are taken again", SOON, || create_feed(&catalog, "after")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_is_supported_in_the_mode_session_and_refused_with_what_to_do_in_others() -> Outcome {
    let database = Postgres::fresh_database().await?;
    let lenient = "ignore_startup_parameters = extra_float_digits";
    let session = PgBouncer::start(&database, "session", lenient).await?;
    create_feed(&*open(&session.url).await?, "through").await?;
    for mode in ["transaction", "statement"] {
        let bouncer = PgBouncer::start(&database, mode, lenient).await?;
        let refused = SqlCatalog::open(&bouncer.url, SqlOptions::default()).await;
        let Err(error @ OpenError::Pooled { .. }) = refused else { bail!("{mode}: {refused:?}") };
        ensure!(error.to_string().contains("pool_mode = session"), "{error}");
    }
    let strict = PgBouncer::start(&database, "session", "").await?;
    let refused = SqlCatalog::open(&strict.url, SqlOptions::default()).await;
    let Err(error @ OpenError::Pooler { .. }) = refused else { bail!("strict: {refused:?}") };
    ensure!(error.to_string().contains("ignore_startup_parameters"), "{error}");
    Ok(())
}
