//! Rows of packages, versions and files, however they were found.

use super::super::fault::Fault;
use super::super::session::{Columns, Session, marks};
use super::blobs;
use proget_core::catalog::{FileRow, Found, PackageRow, VersionRow};
use proget_core::clock::Timestamp;
use proget_core::digest::Digests;
use proget_core::feed::StoreName;
use proget_core::ids::{BlobId, FeedId, FileId, PackageId, Stamp};
use proget_core::package::{
    Download, FileName, Fragment, OrderKey, PackageName, Stability, Version, VersionStatus,
};
use sea_orm::{QueryResult, Value};
use std::collections::HashMap;

/// A package (`p`).
pub(super) const PACKAGE: &str = "p.id, p.feed_id, p.name, p.name_key, p.stamp, p.created, p.modified";
/// What a version (`v`) is and what was decided about it.
pub(super) const VERSION: &str =
    "v.version, v.version_key, v.order_key, v.prerelease, v.listed, v.download, v.deprecated";
/// What it says of itself, beside that.
pub(super) const SAYS: &str = "v.id, v.published, v.published_by, v.summary, v.fragment";
/// A file (`f`) and where its blob (`b`) lies.
pub(super) const FILE: &str = "f.id, f.name, f.blob_id, b.store, b.digest, b.generation, f.size, f.sha256, f.sha1, \
                               f.sha512, f.md5, f.blake2b, f.fragment, f.published";

/// Statements with more values than this are cut into several.
const CHUNK: usize = 400;

/// The columns of [`PACKAGE`].
pub(super) fn package(columns: &mut Columns<'_>) -> Result<PackageRow, Fault> {
    let (id, feed) = (PackageId(columns.int()?), FeedId(columns.int()?));
    Ok(PackageRow {
        id,
        feed,
        name: PackageName::new(columns.text()?, columns.text()?),
        stamp: Stamp(columns.uuid()?),
        created: Timestamp(columns.int()?),
        modified: Timestamp(columns.int()?),
    })
}

/// The columns of [`VERSION`].
pub(super) fn version(columns: &mut Columns<'_>) -> Result<(Version, VersionStatus), Fault> {
    let (written, key, order) = (columns.text()?, columns.text()?, OrderKey(columns.bytes()?));
    let stability = if columns.yes()? { Stability::Prerelease } else { Stability::Stable };
    let status = VersionStatus {
        listed: columns.yes()?,
        download: match columns.int()? {
            0 => Download::ByRule,
            1 => Download::Allowed,
            2 => Download::Blocked,
            other => return Err(Fault::Damaged(format!("there is no download rule {other}"))),
        },
        deprecated: columns.maybe_text()?,
    };
    Ok((Version::new(written, key, order, stability), status))
}

/// The columns of [`VERSION`], then of [`SAYS`]: the row's number, and the version without files.
pub(super) fn version_row(columns: &mut Columns<'_>) -> Result<(i64, VersionRow), Fault> {
    let (version, status) = version(columns)?;
    let id = columns.int()?;
    let row = VersionRow {
        version,
        published: Timestamp(columns.int()?),
        published_by: columns.text()?,
        status,
        summary: columns.text()?,
        fragment: Fragment(columns.bytes()?.into()),
        files: Vec::new(),
    };
    Ok((id, row))
}

/// The columns of [`FILE`].
pub(super) fn file(columns: &mut Columns<'_>) -> Result<FileRow, Fault> {
    Ok(FileRow {
        id: FileId(columns.int()?),
        name: columns.parsed(FileName::new)?,
        blob: BlobId(columns.int()?),
        store: columns.parsed(StoreName::new)?,
        key: blobs::key(columns)?,
        size: columns.size()?,
        digests: Digests {
            sha256: digest(columns.bytes()?)?,
            sha1: columns.maybe_bytes()?.map(digest).transpose()?,
            sha512: columns.maybe_bytes()?.map(digest).transpose()?,
            md5: columns.maybe_bytes()?.map(digest).transpose()?,
            blake2b: columns.maybe_bytes()?.map(digest).transpose()?,
        },
        fragment: Fragment(columns.bytes()?.into()),
        published: Timestamp(columns.int()?),
    })
}

fn digest<T: for<'b> TryFrom<&'b [u8], Error = proget_core::digest::MalformedDigest>>(
    bytes: Vec<u8>,
) -> Result<T, Fault> {
    T::try_from(&bytes).map_err(|error| Fault::Damaged(error.to_string()))
}

/// Rows of [`PACKAGE`], [`VERSION`], [`SAYS`], with the files of each version.
pub(super) async fn found(session: &Session, rows: &[QueryResult]) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let mut columns = Columns::of(row, session.dialect);
        let package = package(&mut columns)?;
        let (id, version) = version_row(&mut columns)?;
        found.push((id, Found { package, version }));
    }
    let ids: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
    let mut files = files_of(session, &ids).await?;
    Ok(found
        .into_iter()
        .map(|(id, mut found)| {
            found.version.files = files.remove(&id).unwrap_or_default();
            found
        })
        .collect())
}

/// The files of these versions, by name.
async fn files_of(session: &Session, versions: &[i64]) -> Result<HashMap<i64, Vec<FileRow>>, Fault> {
    let mut files: HashMap<i64, Vec<FileRow>> = HashMap::new();
    for chunk in versions.chunks(CHUNK) {
        let sql = format!(
            "SELECT f.version_id, {FILE} FROM files f JOIN blobs b ON b.id = f.blob_id \
             WHERE f.version_id IN ({}) ORDER BY f.version_id, f.name",
            marks(chunk.len())
        );
        let rows = session.all(&sql, chunk.iter().map(|id| Value::from(*id)).collect()).await?;
        collect_files(session, &rows, &mut files)?;
    }
    Ok(files)
}

/// Rows of a version's number, then [`FILE`].
pub(super) fn collect_files(
    session: &Session,
    rows: &[QueryResult],
    files: &mut HashMap<i64, Vec<FileRow>>,
) -> Result<(), Fault> {
    for row in rows {
        let mut columns = Columns::of(row, session.dialect);
        let version = columns.int()?;
        files.entry(version).or_default().push(file(&mut columns)?);
    }
    Ok(())
}
