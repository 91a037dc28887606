//! Schemas: made once, however many start at once; refused when too new; mended when half made.

use anyhow::{Context as _, bail, ensure};
use proget_core::catalog::{
    Catalog as _, Instance as _, InstanceChange, JobChange, JobKind, Jobs as _, NewJob, Packages as _,
};
use proget_core::cluster::NodeName;
use proget_core::conformance::sample::{self, set};
use proget_storage::sql::{ForeignStep, Migrate, OpenError, SqlCatalog, SqlOptions};
use proget_tests::Outcome;

use super::place::{Kind, Place, create_feed, exec, on_every_database, on_every_server, publish};
use std::time::Duration;

on_every_database!(
    a_schema_that_is_too_new_is_refused_and_one_that_was_expanded_is_not,
    without_permission_to_migrate_a_missing_schema_is_an_error,
    the_status_tells_what_was_done,
    a_database_from_before_the_cluster_is_brought_up_to_date,
    steps_of_other_crates_are_carried_out_and_keep_nobody_out,
    steps_of_other_crates_have_numbers_of_their_own,
);
on_every_server!(
    many_who_start_at_once_make_one_schema,
    many_who_start_at_once_carry_out_steps_of_other_crates_once,
);

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
        "DROP TABLE cluster_mode",
        "DROP TABLE job_lines",
        "DROP INDEX jobs_by_due ON jobs",
        "UPDATE schema_steps SET finished = NULL",
    ] {
        exec(&raw, sql).await?;
    }
    raw.commit().await?;
    let catalog = place.open().await?;
    create_feed(&catalog, "f").await?;
    for table in ["journal", "downloads", "job_lines"] {
        place.number(&format!("SELECT COUNT(*) FROM {table}")).await?;
    }
    ensure!(place.number("SELECT COUNT(*) FROM instance").await? == 1, "there is one instance row");
    catalog.revision().await?;
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

/// What the builds before the cluster made: steps 1 to 3, with what people had put in.
async fn a_database_from_before_the_cluster_is_brought_up_to_date(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    publish(&catalog, &feed, "a", "1.0.0").await?;
    let before = catalog.instance().await?.installation;
    catalog.close().await;
    drop(catalog);
    let raw = place.other_process().await?;
    for table in ["schedules", "job_lines", "jobs", "settings", "cluster_mode"] {
        exec(&raw, &format!("DROP TABLE {table}")).await?;
    }
    exec(&raw, "DELETE FROM schema_steps WHERE number = 4").await?;
    raw.commit().await?;
    let catalog = place.open().await?;
    let row = catalog.instance().await?;
    ensure!(row.installation == before && row.service_node.is_none(), "{row:?}");
    ensure!(catalog.rows(feed.id, &sample::name("a")).await?.is_some(), "the package is still there");
    catalog.commit(set().with(InstanceChange::Settle(NodeName::new("web-1")?))).await?;
    let (key, input) = ("a".to_owned(), "{}".to_owned());
    let job = NewJob { kind: JobKind::new("verify"), key, input, after: Duration::ZERO, attempts: 1 };
    catalog.commit(set().with(JobChange::Enqueue(job))).await?;
    ensure!(catalog.claimable(&[JobKind::new("verify")], 9).await?.len() == 1);
    // A build takes a database for too new if a step asks for one that is newer than all it knows,
    // which is 3 for those builds.
    let asked_for = place.number("SELECT MAX(oldest) FROM schema_steps").await?;
    ensure!(asked_for <= 3, "builds from before the cluster would be kept out: {asked_for}");
    Ok(())
}

/// Two steps as another crate would bring them along.
fn other_crate() -> Vec<ForeignStep> {
    let table = "CREATE TABLE IF NOT EXISTS elsewhere (id BIGINT NOT NULL PRIMARY KEY)";
    let step = |number, name, statement: &'static str| ForeignStep {
        number,
        name,
        sqlite: vec![statement],
        postgres: vec![statement],
        mysql: vec![statement],
    };
    let row = "INSERT INTO elsewhere (id) VALUES (1)";
    // Not in their order: numbers decide.
    vec![step(1002, "first-row", row), step(1001, "elsewhere", table)]
}

async fn steps_of_other_crates_are_carried_out_and_keep_nobody_out(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    drop(place.open().await?);
    let options = SqlOptions { also: other_crate(), ..SqlOptions::default() };
    let never = SqlOptions { migrate: Migrate::Never, ..options.clone() };
    let refused = SqlCatalog::open(&place.url, never.clone()).await;
    ensure!(matches!(refused, Err(OpenError::NotMigrated { missing: 2, .. })), "{refused:?}");
    let status = SqlCatalog::status_with(&place.url, &options).await?;
    ensure!(status.missing == ["elsewhere", "first-row"], "{status:?}");
    let status = SqlCatalog::migrate_with(&place.url, &options).await?;
    ensure!(status.missing.is_empty(), "{status:?}");
    let last = status.done.last().context("no step was recorded")?;
    ensure!((last.number, last.name.as_str()) == (1002, "first-row") && last.finished.is_some(), "{last:?}");
    for options in [options, never, SqlOptions::default()] {
        SqlCatalog::open(&place.url, options).await?.close().await;
    }
    ensure!(place.number("SELECT COUNT(*) FROM elsewhere").await? == 1, "each step once");
    let asked_for = place.number("SELECT MAX(oldest) FROM schema_steps WHERE number >= 1001").await?;
    ensure!(asked_for == 1, "a build that does not know them is not too old for them");
    Ok(())
}

async fn many_who_start_at_once_carry_out_steps_of_other_crates_once(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let start = |_| {
        let (url, options) = (place.url.clone(), SqlOptions { also: other_crate(), ..SqlOptions::default() });
        tokio::spawn(async move { SqlCatalog::open(&url, options).await })
    };
    for catalog in (0..6).map(start).collect::<Vec<_>>() {
        catalog.await??.close().await;
    }
    ensure!(place.number("SELECT COUNT(*) FROM elsewhere").await? == 1, "each step once");
    Ok(())
}

async fn steps_of_other_crates_have_numbers_of_their_own(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    for number in [4, 1000, 1002] {
        let mut also = other_crate();
        also[1].number = number;
        let refused = SqlCatalog::open(&place.url, SqlOptions { also, ..SqlOptions::default() }).await;
        let Err(error @ OpenError::Numbered { .. }) = refused else {
            bail!("expected a refusal, got {refused:?}")
        };
        ensure!(error.to_string().contains("1001"), "the sentence must say which numbers are free: {error}");
    }
    Ok(())
}
