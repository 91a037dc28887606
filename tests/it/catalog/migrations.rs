//! Schemas: made once, however many start at once; refused when too new; mended when half made.

use anyhow::{bail, ensure};
use proget_storage::sql::{Migrate, OpenError, SqlCatalog, SqlOptions};
use proget_tests::Outcome;

use super::place::{Kind, Place, create_feed, exec, on_every_database, on_every_server};

on_every_database!(
    a_schema_that_is_too_new_is_refused_and_one_that_was_expanded_is_not,
    without_permission_to_migrate_a_missing_schema_is_an_error,
    the_status_tells_what_was_done,
);
on_every_server!(many_who_start_at_once_make_one_schema);

async fn many_who_start_at_once_make_one_schema(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let start = |_| {
        let url = place.url.clone();
        tokio::spawn(async move { SqlCatalog::open(&url, SqlOptions::default()).await })
    };
    let mut open = Vec::new();
    for catalog in (0..8).map(start).collect::<Vec<_>>() {
        open.push(catalog.await??);
    }
    ensure!(place.number("SELECT COUNT(*) FROM instance").await? == 1);
    let steps = place.number("SELECT COUNT(*) FROM schema_steps").await?;
    let finished = place.number("SELECT COUNT(*) FROM schema_steps WHERE finished IS NOT NULL").await?;
    ensure!(steps > 0 && steps == finished, "{finished} of {steps} steps are finished");
    Ok(())
}

async fn a_schema_that_is_too_new_is_refused_and_one_that_was_expanded_is_not(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    drop(place.open().await?);
    let raw = place.other_process().await?;
    let step = "INSERT INTO schema_steps (number, name, oldest, build, started, finished)";
    exec(&raw, &format!("{step} VALUES (900, 'expanded', 1, '9.0.0', 0, 0)")).await?;
    raw.commit().await?;
    drop(place.open().await?);
    let raw = place.other_process().await?;
    exec(&raw, &format!("{step} VALUES (901, 'contracted', 901, '9.1.0', 0, 0)")).await?;
    raw.commit().await?;
    let refused = SqlCatalog::open(&place.url, SqlOptions::default()).await;
    let Err(error @ OpenError::TooNew { .. }) = refused else { bail!("expected a refusal, got {refused:?}") };
    ensure!(error.to_string().contains("9.1.0"), "the sentence must name the build that is needed: {error}");
    Ok(())
}

async fn without_permission_to_migrate_a_missing_schema_is_an_error(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let options = SqlOptions { migrate: Migrate::Never, ..SqlOptions::default() };
    let refused = SqlCatalog::open(&place.url, options.clone()).await;
    ensure!(matches!(refused, Err(OpenError::NotMigrated { .. })), "{refused:?}");
    let status = SqlCatalog::migrate(&place.url).await?;
    ensure!(status.missing.is_empty() && !status.done.is_empty(), "{status:?}");
    SqlCatalog::open(&place.url, options).await?;
    Ok(())
}

async fn the_status_tells_what_was_done(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    if kind != Kind::Sqlite {
        let before = SqlCatalog::status(&place.url).await?;
        ensure!(before.done.is_empty() && !before.missing.is_empty(), "{before:?}");
    }
    // Also while a server owns the database.
    let _server = place.open().await?;
    let status = SqlCatalog::status(&place.url).await?;
    ensure!(status.missing.is_empty() && status.too_new.is_none());
    ensure!(status.done.iter().all(|step| step.finished.is_some() && !step.build.is_empty()), "{status:?}");
    Ok(())
}

/// MariaDB commits with every statement that changes the schema, so a process that dies halfway
/// leaves half a step; the next one has to finish it.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_step_is_finished_by_the_next_start_on_mariadb() -> Outcome {
    let place = Place::fresh(Kind::MariaDb).await?;
    drop(place.open().await?);
    let raw = place.other_process().await?;
    for sql in [
        "DROP TABLE journal",
        "DROP TABLE downloads",
        "DROP INDEX doomed_by_age ON doomed",
        "UPDATE schema_steps SET finished = NULL",
    ] {
        exec(&raw, sql).await?;
    }
    raw.commit().await?;
    let catalog = place.open().await?;
    create_feed(&catalog, "f").await?;
    for table in ["journal", "downloads"] {
        place.number(&format!("SELECT COUNT(*) FROM {table}")).await?;
    }
    ensure!(place.number("SELECT COUNT(*) FROM instance").await? == 1, "there is one instance row");
    ensure!(place.number("SELECT COUNT(*) FROM schema_steps WHERE finished IS NULL").await? == 0);
    Ok(())
}

/// Statements that change the schema commit by themselves on MariaDB, so only a named lock keeps two
/// starting processes apart.
#[tokio::test(flavor = "multi_thread")]
async fn who_starts_on_mariadb_waits_for_who_is_at_work_on_the_schema() -> Outcome {
    let place = Place::fresh(Kind::MariaDb).await?;
    let at_work = place.other_process().await?;
    exec(&at_work, "DO GET_LOCK(CONCAT('proget-schema-', DATABASE()), 0)").await?;
    let starting = {
        let url = place.url.clone();
        tokio::spawn(async move { SqlCatalog::open(&url, SqlOptions::default()).await })
    };
    place.until_somebody_waits().await?;
    ensure!(!starting.is_finished(), "it did not wait");
    ensure!(SqlCatalog::status(&place.url).await?.done.is_empty(), "a step was begun without the lock");
    exec(&at_work, "DO RELEASE_LOCK(CONCAT('proget-schema-', DATABASE()))").await?;
    starting.await??;
    Ok(())
}
