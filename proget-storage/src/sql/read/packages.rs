//! Reading role: packages, versions and files.

use super::super::fault::Fault;
use super::super::session::{Columns, marks, values};
use super::super::{SqlCatalog, steady};
use super::versions::{self, FILE, PACKAGE, SAYS, VERSION};
use async_trait::async_trait;
use proget_core::catalog::{
    CatalogError, FeedTotals, Found, FoundFile, PackageRows, Packages, Page, PageRequest, Search,
    VersionFilter,
};
use proget_core::ids::{FeedId, FileId, Stamp};
use proget_core::package::{FileRef, Fragment, NameKey, TagName, VersionKey};
use sea_orm::Value;
use std::collections::HashMap;

/// Statements with more values than this are cut into several.
const CHUNK: usize = 400;

#[async_trait]
impl Packages for SqlCatalog {
    async fn rows(&self, feed: FeedId, name: &NameKey) -> Result<Option<PackageRows>, CatalogError> {
        steady!(self, "reading a package", self.rows_of(feed, name))
    }

    async fn file(&self, feed: FeedId, file: &FileRef) -> Result<Option<FoundFile>, CatalogError> {
        steady!(self, "looking a file up", async {
            // One statement, so one moment, whatever the database.
            let session = self.pools().reads();
            let sql = format!(
                "SELECT p.stamp, {VERSION}, {FILE} FROM packages p \
                 JOIN files f ON f.package_id = p.id AND f.name = ? \
                 JOIN versions v ON v.id = f.version_id JOIN blobs b ON b.id = f.blob_id \
                 WHERE p.feed_id = ? AND p.name_key = ?"
            );
            let values = values![file.file.as_str(), feed.0, file.package.as_str()];
            let Some(row) = session.one(&sql, values).await? else { return Ok(None) };
            let mut columns = Columns::of(&row, session.dialect);
            let stamp = Stamp(columns.uuid()?);
            let (version, status) = versions::version(&mut columns)?;
            Ok(Some(FoundFile { stamp, version, status, file: versions::file(&mut columns)? }))
        })
    }

    async fn search(
        &self,
        feed: FeedId,
        search: &Search,
        page: &PageRequest,
    ) -> Result<Page<Found>, CatalogError> {
        // Waited for outside of the call's time limit, which is the database's.
        let turn = match search.text.is_empty() {
            true => None,
            false => {
                let turn = self.turn_to_search().await;
                Some(turn.map_err(|fault| fault.into_error("waiting for a turn to search"))?)
            }
        };
        let page = steady!(self, "searching packages", self.search_in(feed, search, page));
        drop(turn);
        page
    }

    async fn versions(
        &self,
        feed: FeedId,
        filter: &VersionFilter,
        page: &PageRequest,
    ) -> Result<Page<Found>, CatalogError> {
        steady!(self, "listing versions", self.versions_in(feed, filter, page))
    }

    async fn detail(
        &self,
        feed: FeedId,
        name: &NameKey,
        version: &VersionKey,
    ) -> Result<Option<Fragment>, CatalogError> {
        steady!(self, "reading more about a version", async {
            let session = self.pools().reads();
            let sql = "SELECT v.detail FROM packages p JOIN versions v ON v.package_id = p.id \
                       WHERE p.feed_id = ? AND p.name_key = ? AND v.version_key = ?";
            let row = session.one(sql, values![feed.0, name.as_str(), version.as_str()]).await?;
            let detail = row.map(|row| Columns::of(&row, session.dialect).bytes()).transpose()?;
            Ok(detail.map(|detail| Fragment(detail.into())))
        })
    }

    async fn file_detail(&self, feed: FeedId, file: &FileRef) -> Result<Option<Fragment>, CatalogError> {
        steady!(self, "reading more about a file", async {
            let session = self.pools().reads();
            let sql = "SELECT d.detail FROM packages p JOIN files f ON f.package_id = p.id \
                       LEFT JOIN file_details d ON d.file_id = f.id \
                       WHERE p.feed_id = ? AND p.name_key = ? AND f.name = ?";
            let values = values![feed.0, file.package.as_str(), file.file.as_str()];
            let row = session.one(sql, values).await?;
            let detail = row.map(|row| Columns::of(&row, session.dialect).maybe_bytes()).transpose()?;
            Ok(detail.map(|detail| Fragment(detail.unwrap_or_default().into())))
        })
    }

    async fn downloads(&self, files: &[FileId]) -> Result<Vec<u64>, CatalogError> {
        let mut counts: HashMap<i64, u64> = HashMap::new();
        for chunk in files.chunks(CHUNK) {
            let known = steady!(self, "reading download counts", self.downloads_of(chunk))?;
            counts.extend(known);
        }
        Ok(files.iter().map(|file| counts.get(&file.0).copied().unwrap_or(0)).collect())
    }

    async fn totals(&self, feed: FeedId) -> Result<FeedTotals, CatalogError> {
        steady!(self, "counting what a feed holds", async {
            let session = self.pools().reads();
            let sql = "SELECT (SELECT COUNT(*) FROM packages p WHERE p.feed_id = ?), \
                       (SELECT COUNT(*) FROM versions v JOIN packages p ON p.id = v.package_id WHERE p.feed_id = ?), \
                       (SELECT {whole COALESCE(SUM(f.size), 0)} FROM files f JOIN packages p ON p.id = f.package_id \
                       WHERE p.feed_id = ?)";
            let row = session.one(sql, values![feed.0, feed.0, feed.0]).await?;
            let row = row.ok_or_else(|| Fault::Damaged("a count returned nothing".into()))?;
            let mut columns = Columns::of(&row, session.dialect);
            Ok(FeedTotals { packages: columns.size()?, versions: columns.size()?, bytes: columns.size()? })
        })
    }
}

impl SqlCatalog {
    async fn rows_of(&self, feed: FeedId, name: &NameKey) -> Result<Option<PackageRows>, Fault> {
        let session = self.pools().snapshot().await?;
        // A package that exists has a version, so one statement reads both.
        let sql = format!(
            "SELECT {PACKAGE}, {VERSION}, {SAYS} FROM packages p JOIN versions v ON v.package_id = p.id \
             WHERE p.feed_id = ? AND p.name_key = ? ORDER BY v.order_key, v.version_key"
        );
        let rows = session.all(&sql, values![feed.0, name.as_str()]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let package = versions::package(&mut Columns::of(first, session.dialect))?;

        let sql = format!(
            "SELECT f.version_id, {FILE} FROM files f JOIN blobs b ON b.id = f.blob_id \
             WHERE f.package_id = ? ORDER BY f.name"
        );
        let mut files = HashMap::new();
        let file_rows = session.all(&sql, values![package.id.0]).await?;
        versions::collect_files(&session, &file_rows, &mut files)?;

        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = Columns::of(row, session.dialect);
            versions::package(&mut columns)?;
            let (id, mut version) = versions::version_row(&mut columns)?;
            version.files = files.remove(&id).unwrap_or_default();
            all.push(version);
        }

        let sql = "SELECT t.name, v.version_key FROM tags t JOIN versions v ON v.id = t.version_id \
                   WHERE t.package_id = ? ORDER BY t.name";
        let mut tags = Vec::new();
        for row in session.all(sql, values![package.id.0]).await? {
            let mut columns = Columns::of(&row, session.dialect);
            tags.push((columns.parsed(TagName::new)?, VersionKey::stored(columns.text()?)));
        }
        Ok(Some(PackageRows { package, tags, versions: all }))
    }

    async fn downloads_of(&self, files: &[FileId]) -> Result<Vec<(i64, u64)>, Fault> {
        let session = self.pools().reads();
        let sql = format!(
            "SELECT file_id, {{whole SUM(times)}} FROM downloads WHERE file_id IN ({}) GROUP BY file_id",
            marks(files.len())
        );
        let rows = session.all(&sql, files.iter().map(|file| Value::from(file.0)).collect()).await?;
        let count = |row: &sea_orm::QueryResult| {
            let mut columns = Columns::of(row, session.dialect);
            Ok((columns.int()?, columns.size()?))
        };
        rows.iter().map(count).collect()
    }
}
