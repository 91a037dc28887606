//! Opening a catalogue: what an operator is told, and what SQLite promises a single server.

use std::error::Error;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use proget_core::catalog::{Catalog as _, Instance as _};
use proget_storage::sql::{OpenError, SqlCatalog, SqlOptions};
use proget_tests::{Outcome, free_port};
use sea_orm::ConnectionTrait as _;

use super::place::{Kind, Place, create_feed, on_every_database};

on_every_database!(a_restart_finds_the_same_instance_on_the_same_database);

fn whole_story(error: &OpenError) -> String {
    let mut story = format!("{error}\n{error:?}");
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        story.push_str(&format!("\n{error}\n{error:?}"));
        cause = error.source();
    }
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_reported_soon_and_without_its_password() -> Outcome {
    for scheme in ["postgres", "mysql"] {
        let address = format!("{scheme}://ann:s3cret@127.0.0.1:{}/packages", free_port()?);
        let begun = Instant::now();
        let refused = SqlCatalog::open(&address, SqlOptions::default()).await;
        let Err(error @ OpenError::Unreachable { .. }) = refused else { bail!("{scheme}: {refused:?}") };
        let story = whole_story(&error);
        ensure!(story.contains("127.0.0.1") && !story.contains("s3cret"), "{story}");
        ensure!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_reported_without_it() -> Outcome {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let place = Place::fresh(kind).await?;
        let mut address = url::Url::parse(&place.url)?;
        address.set_username("nobody-here").ok();
        address.set_password(Some("s3cret")).ok();
        let refused = SqlCatalog::open(address.as_str(), SqlOptions::default()).await;
        let Err(error @ OpenError::Unreachable { .. }) = refused else { bail!("{kind:?}: {refused:?}") };
        let story = whole_story(&error);
        ensure!(!story.contains("s3cret"), "{story}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_sqlite_file_is_refused_and_a_third_after_the_first_is_not() -> Outcome {
    let place = Place::fresh(Kind::Sqlite).await?;
    let first = place.open().await?;
    ensure!(first.is_exclusive());
    let second = SqlCatalog::open(&place.url, SqlOptions::default()).await;
    let Err(error @ OpenError::Locked { .. }) = second else { bail!("expected a refusal, got {second:?}") };
    ensure!(error.to_string().contains("catalog.db"), "{error}");
    ensure!(matches!(SqlCatalog::migrate(&place.url).await, Err(OpenError::Locked { .. })));
    drop(first);
    ensure!(place.open().await?.is_exclusive());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_has_one_owner_under_all_its_names() -> Outcome {
    let place = Place::fresh(Kind::Sqlite).await?;
    let first = place.open().await?;
    let path = place.url.trim_start_matches("sqlite://");
    std::os::unix::fs::symlink(path, format!("{path}.alias"))?;
    let alias = format!("{}.alias", place.url);
    let second = SqlCatalog::open(&alias, SqlOptions::default()).await;
    ensure!(matches!(second, Err(OpenError::Locked { .. })), "two owners: {second:?}");
    drop(first);
    ensure!(SqlCatalog::open(&alias, SqlOptions::default()).await?.is_exclusive());
    Ok(())
}

/// The session itself is asked, by a trigger that runs in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_waits_for_the_disk_although_the_postgres_database_was_told_not_to() -> Outcome {
    let place = Place::fresh(Kind::Postgres).await?;
    drop(place.open().await?);
    let raw = place.raw().await?;
    for sql in [
        "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) \
         || ' SET synchronous_commit = off'; END $$",
        "CREATE TABLE noted (setting text)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO noted VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$",
        "CREATE TRIGGER noting BEFORE INSERT ON feeds FOR EACH ROW EXECUTE FUNCTION note()",
    ] {
        raw.execute_unprepared(sql).await?;
    }
    create_feed(&*place.open().await?, "f").await?;
    ensure!(place.number("SELECT COUNT(*) FROM noted").await? == 1);
    ensure!(place.number("SELECT COUNT(*) FROM noted WHERE setting = 'on'").await? == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sqlite_connection_writes_through_and_enforces_foreign_keys() -> Outcome {
    let place = Place::fresh(Kind::Sqlite).await?;
    let all = place.open().await?.pragmas().await?;
    ensure!(all.len() == 5, "one connection writes and four read: {all:?}");
    for pragmas in all {
        ensure!(
            pragmas.journal_mode == "wal" && pragmas.synchronous == 2 && pragmas.foreign_keys == 1,
            "{pragmas:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_sqlite_database_is_another_database() -> Outcome {
    let place = Place::fresh(Kind::Sqlite).await?;
    let catalog = place.open().await?;
    create_feed(&catalog, "f").await?;
    let original = catalog.instance().await?;
    catalog.close().await;
    drop(catalog);
    let path = place.url.trim_start_matches("sqlite://");
    std::fs::copy(path, format!("{path}.copy"))?;
    let copy = super::place::open(&format!("{}.copy", place.url)).await?.instance().await?;
    ensure!(copy.installation == original.installation && copy.identity != original.identity);
    Ok(())
}

async fn a_restart_finds_the_same_instance_on_the_same_database(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let first = place.open().await?;
    let before = first.instance().await?;
    ensure!(first.is_exclusive() == (kind == Kind::Sqlite));
    first.close().await;
    drop(first);
    let after = place.open().await?.instance().await?;
    ensure!(after.installation == before.installation && after.identity == before.identity);
    ensure!(!before.identity.is_empty() && after.now >= before.now);
    Ok(())
}
