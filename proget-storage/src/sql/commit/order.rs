//! Takes the locks of a large set in the order that everybody keeps, before its changes are applied
//! in the order in which they were written. A set with one blob and one package needs none of this;
//! without it, two large sets would only meet in a deadlock, which is repeated, but slowly.

use super::super::fault::Fault;
use super::super::session::{Session, marks, values};
use proget_core::catalog::{BlobChange, Change, JobChange, PackageChange};
use sea_orm::Value;
use std::collections::BTreeSet;

/// Statements with more values than this are cut into several.
const CHUNK: usize = 400;

pub(super) async fn lock_in_order(session: &Session, changes: &[Change]) -> Result<(), Fault> {
    if changes.len() < 2 || session.dialect == super::super::Dialect::Sqlite {
        return Ok(());
    }
    lock_jobs(session, changes).await?;
    lock_blobs(session, changes).await?;
    lock_packages(session, changes).await
}

async fn lock_jobs(session: &Session, changes: &[Change]) -> Result<(), Fault> {
    let jobs: BTreeSet<i64> = changes.iter().filter_map(job_of).collect();
    for job in jobs {
        session.any("SELECT 1 FROM jobs WHERE id = ? {lock}", values![job]).await?;
    }
    Ok(())
}

async fn lock_blobs(session: &Session, changes: &[Change]) -> Result<(), Fault> {
    let ids: BTreeSet<i64> = changes.iter().filter_map(blob_of).collect();
    if ids.len() < 2 {
        return Ok(());
    }
    // The order is that of digests across all chunks, so they are looked up first.
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut known = BTreeSet::new();
    for chunk in ids.chunks(CHUNK) {
        let sql = format!("SELECT digest, id FROM blobs WHERE id IN ({})", marks(chunk.len()));
        for row in session.all(&sql, chunk.iter().map(|id| Value::from(*id)).collect()).await? {
            let mut columns = super::super::session::Columns::of(&row, session.dialect);
            known.insert((columns.bytes()?, columns.int()?));
        }
    }
    for (_, id) in known {
        session.any("SELECT 1 FROM blobs WHERE id = ? {lock}", values![id]).await?;
    }
    Ok(())
}

async fn lock_packages(session: &Session, changes: &[Change]) -> Result<(), Fault> {
    let packages: BTreeSet<(i64, &str)> = changes.iter().filter_map(package_of).collect();
    if packages.len() < 2 {
        return Ok(());
    }
    for (feed, name) in packages {
        let sql = "SELECT 1 FROM packages WHERE feed_id = ? AND name_key = ? {lock}";
        session.any(sql, values![feed, name]).await?;
    }
    Ok(())
}

fn job_of(change: &Change) -> Option<i64> {
    let Change::Job(change) = change else { return None };
    match change {
        JobChange::Claim { job, .. }
        | JobChange::Renew { job, .. }
        | JobChange::Say { job, .. }
        | JobChange::Finish { job, .. }
        | JobChange::Cancel(job) => Some(job.0),
        JobChange::Enqueue(_)
        | JobChange::ReleaseAllOf(_)
        | JobChange::Forget { .. }
        | JobChange::PutSchedule { .. }
        | JobChange::RemoveSchedule(_)
        | JobChange::Occur { .. } => None,
    }
}

fn blob_of(change: &Change) -> Option<i64> {
    match change {
        Change::Package(PackageChange::AddFile(file)) => Some(file.blob.0),
        Change::Blob(BlobChange::Condemn { id, .. } | BlobChange::Doom { id, .. }) => Some(id.0),
        _ => None,
    }
}

fn package_of(change: &Change) -> Option<(i64, &str)> {
    let Change::Package(change) = change else { return None };
    let (feed, name) = match change {
        PackageChange::AddFile(file) => (file.feed, file.package.key()),
        PackageChange::SetTag(of, _) | PackageChange::SetStatus(of, _) | PackageChange::RemoveVersion(of) => {
            (of.feed, &of.package)
        }
        PackageChange::RemoveTag(feed, name, _)
        | PackageChange::RemoveFile(feed, name, _)
        | PackageChange::RemovePackage(feed, name) => (*feed, name),
        PackageChange::CountDownloads(_) => return None,
    };
    Some((feed.0, name.as_str()))
}
