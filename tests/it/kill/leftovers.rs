//! What killed publishes leave behind, and that a sweep removes all of it and nothing else.
//!
//! A killed publish's reservation protects its bytes for ten minutes by the database's clock. The
//! test does not wait: with the server stopped it writes into the table that the time is up.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use proget_tests::{Database, Outcome, ProgetProcess};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

/// What there is, counted in the tables and on the disk.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    files: i64,
    blobs: i64,
    live: i64,
    doomed: i64,
    on_disk: usize,
    uploads: usize,
}

/// Demands that sweeping leaves `expected` blobs with as many files on the disk, and nothing else.
///
/// Each version of the test has contents of its own, so there are as many blobs as versions.
pub(super) async fn are_swept(
    server: &mut ProgetProcess,
    database: Option<&str>,
    expected: usize,
) -> Outcome {
    server.stop().await?;
    let database = match database {
        Some(url) => Database { url: url.to_owned() },
        None => Database { url: format!("sqlite://{}", server.data().join("proget.db").display()) },
    };
    let packages = server.data().join("packages");
    let before = count(&database, &packages, Time::Up).await?;
    server.resume().await?;
    // Once to doom, once to delete; the third finds nothing.
    let mut reports = Vec::new();
    for _ in 0..3 {
        reports.push(server.administer(&["sweep", "--delete-after", "0"]).await?);
    }
    server.stop().await?;
    let after = count(&database, &packages, Time::Runs).await?;
    println!("before the sweep: {before:?}\nafter the sweep:  {after:?}");
    let clean = Count {
        files: i64::try_from(expected)?,
        blobs: i64::try_from(expected)?,
        live: i64::try_from(expected)?,
        doomed: 0,
        on_disk: expected,
        uploads: 0,
    };
    ensure!(after == clean, "after the sweeps {reports:#?} there should be {clean:?} but there is {after:?}");
    ensure!(before != clean, "the kills left nothing behind: a sweep that does nothing would have passed");
    server.resume().await
}

/// Whether reservations are ended before counting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    Up,
    Runs,
}

async fn count(database: &Database, packages: &Path, time: Time) -> Outcome<Count> {
    let connection = database.connect().await?;
    if time == Time::Up {
        connection.execute_unprepared("UPDATE blobs SET reserved_until = 0").await?;
    }
    let on_disk = files_in(&packages.join("blobs"))?;
    let on_disk = on_disk.iter().filter(|file| !file.ends_with("witness")).count();
    let uploads = files_in(&packages.join("scratch"))?.len();
    let counted = Count {
        files: number(&connection, "SELECT COUNT(*) AS n FROM files").await?,
        blobs: number(&connection, "SELECT COUNT(*) AS n FROM blobs").await?,
        live: number(&connection, "SELECT COUNT(*) AS n FROM blobs WHERE state = 1").await?,
        doomed: number(&connection, "SELECT COUNT(*) AS n FROM doomed").await?,
        on_disk,
        uploads,
    };
    connection.close().await?;
    Ok(counted)
}

async fn number(connection: &DatabaseConnection, query: &str) -> Outcome<i64> {
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(statement).await?.context("COUNT gave no row")?;
    Ok(row.try_get("", "n")?)
}

/// All files below a folder.
fn files_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_in(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
