//! Changes to packages that exist. Publishing is in `publish`.
//!
//! Every change begins by stamping its package. That locks the row until the commit, so two
//! changes to one package follow each other, and whoever sees the new content sees the new stamp.

use super::super::fault::Fault;
use super::super::session::{Session, values};
use super::expect::Expected;
use super::touched::Touched;
use super::{downloads, publish};
use proget_core::catalog::{ChangeSet, Conflict, PackageChange, VersionRef};
use proget_core::ids::{FeedId, PackageId, Stamp};
use proget_core::package::{Download, FileName, NameKey, TagName, VersionStatus};

pub(super) async fn change(
    session: &Session,
    change: &PackageChange,
    set: &ChangeSet,
    expected: &mut Expected,
    touched: &mut Touched,
) -> Result<(), Fault> {
    match change {
        PackageChange::AddFile(file) => publish::add_file(session, file, set, expected, touched).await,
        PackageChange::SetTag(of, tag) => {
            let (package, version) = version(session, of, touched).await?;
            set_tag(session, package, tag, version).await
        }
        PackageChange::RemoveTag(feed, name, tag) => remove_tag(session, *feed, name, tag, touched).await,
        PackageChange::SetStatus(of, status) => {
            let (_, version) = version(session, of, touched).await?;
            set_status(session, version, status).await
        }
        PackageChange::RemoveVersion(of) => {
            let (package, version) = version(session, of, touched).await?;
            // Files and tags go with it by foreign keys.
            session.exec("DELETE FROM versions WHERE id = ?", values![version]).await?;
            let left = "SELECT 1 FROM versions WHERE package_id = ? LIMIT 1";
            if !session.any(left, values![package.0]).await? {
                session.exec("DELETE FROM packages WHERE id = ?", values![package.0]).await?;
            }
            Ok(())
        }
        PackageChange::RemoveFile(feed, name, file) => remove_file(session, *feed, name, file, touched).await,
        PackageChange::RemovePackage(feed, name) => {
            let package = stamp(session, *feed, name, touched).await?.ok_or(Conflict::Absent)?;
            session.exec("DELETE FROM packages WHERE id = ?", values![package.0]).await?;
            Ok(())
        }
        PackageChange::CountDownloads(counts) => downloads::count(session, counts).await,
    }
}

/// Gives a package its new stamp and so locks it; `None` if there is no such package.
pub(super) async fn stamp(
    session: &Session,
    feed: FeedId,
    name: &NameKey,
    touched: &mut Touched,
) -> Result<Option<PackageId>, Fault> {
    let sql = "UPDATE packages SET stamp = ?, modified = {now} WHERE feed_id = ? AND name_key = ?";
    if session.exec(sql, values![Stamp::random().0, feed.0, name.as_str()]).await? == 0 {
        return Ok(None);
    }
    let sql = "SELECT id FROM packages WHERE feed_id = ? AND name_key = ?";
    let id = session.number(sql, values![feed.0, name.as_str()]).await?.map(PackageId);
    if let Some(id) = id {
        touched.package(feed, id);
    }
    Ok(id)
}

/// The package, stamped, and the row of one of its versions.
async fn version(
    session: &Session,
    of: &VersionRef,
    touched: &mut Touched,
) -> Result<(PackageId, i64), Fault> {
    let package = stamp(session, of.feed, &of.package, touched).await?.ok_or(Conflict::VersionAbsent)?;
    let sql = "SELECT id FROM versions WHERE package_id = ? AND version_key = ?";
    let version = session.number(sql, values![package.0, of.version.as_str()]).await?;
    Ok((package, version.ok_or(Conflict::VersionAbsent)?))
}

/// Points a tag at a version, wherever it pointed before.
pub(super) async fn set_tag(
    session: &Session,
    package: PackageId,
    tag: &TagName,
    version: i64,
) -> Result<(), Fault> {
    let sql = "INSERT INTO tags (package_id, name, version_id) VALUES (?, ?, ?) \
               {upsert package_id, name} version_id = {new version_id}";
    session.exec(sql, values![package.0, tag.as_str(), version]).await?;
    Ok(())
}

async fn remove_tag(
    session: &Session,
    feed: FeedId,
    name: &NameKey,
    tag: &TagName,
    touched: &mut Touched,
) -> Result<(), Fault> {
    // Looked for under the package's lock, because a tag that is not there must change no stamp.
    let sql = "SELECT id FROM packages WHERE feed_id = ? AND name_key = ? {lock}";
    let Some(package) = session.number(sql, values![feed.0, name.as_str()]).await? else { return Ok(()) };
    let sql = "DELETE FROM tags WHERE package_id = ? AND name = ?";
    if session.exec(sql, values![package, tag.as_str()]).await? > 0 {
        stamp(session, feed, name, touched).await?;
    }
    Ok(())
}

async fn set_status(session: &Session, version: i64, status: &VersionStatus) -> Result<(), Fault> {
    let sql = "UPDATE versions SET listed = ?, download = ?, deprecated = ? WHERE id = ?";
    let download: i64 = match status.download {
        Download::ByRule => 0,
        Download::Allowed => 1,
        Download::Blocked => 2,
    };
    let deprecated = status.deprecated.clone();
    session.exec(sql, values![i64::from(status.listed), download, deprecated, version]).await?;
    Ok(())
}

async fn remove_file(
    session: &Session,
    feed: FeedId,
    name: &NameKey,
    file: &FileName,
    touched: &mut Touched,
) -> Result<(), Fault> {
    let package = stamp(session, feed, name, touched).await?.ok_or(Conflict::Absent)?;
    let sql = "DELETE FROM files WHERE package_id = ? AND name = ?";
    match session.exec(sql, values![package.0, file.as_str()]).await? {
        0 => Err(Conflict::Absent.into()),
        _ => Ok(()),
    }
}
