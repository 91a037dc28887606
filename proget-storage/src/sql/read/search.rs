//! Lists of packages and versions, page by page.
//!
//! A page begins after the key of the last row of the one before, so it costs the same however deep
//! it is. The comparison of whole keys is spelled out with a plain condition on the first column
//! beside it, because MariaDB uses no index for a comparison of rows.

use super::super::SqlCatalog;
use super::super::fault::Fault;
use super::super::session::values;
use super::cursor;
use super::lookout::Lookout;
use super::versions::{self, PACKAGE, SAYS, VERSION};
use proget_core::catalog::{Found, Page, PageRequest, Search, VersionFilter};
use proget_core::ids::FeedId;

impl SqlCatalog {
    pub(super) async fn search_in(
        &self,
        feed: FeedId,
        search: &Search,
        request: &PageRequest,
    ) -> Result<Page<Found>, Fault> {
        let session = self.pools().snapshot().await?;
        let rows = Lookout::new(&session, feed, search, request).rows().await?;
        let found = versions::found(&session, &rows).await?;
        Ok(cursor::page(found, request, |found| {
            cursor::write(&[found.package.name.key().as_str().as_bytes()])
        }))
    }

    pub(super) async fn versions_in(
        &self,
        feed: FeedId,
        filter: &VersionFilter,
        request: &PageRequest,
    ) -> Result<Page<Found>, Fault> {
        let mut sql = format!(
            "SELECT {PACKAGE}, {VERSION}, {SAYS} FROM packages p JOIN versions v ON v.package_id = p.id \
             WHERE p.feed_id = ?"
        );
        let mut values = values![feed.0];
        if let Some((name, order, version)) = after_version(request) {
            sql.push_str(
                " AND p.name_key >= ? AND (p.name_key > ? OR v.order_key > ? OR (v.order_key = ? AND v.version_key > ?))",
            );
            values.extend(values![name.clone(), name, order.clone(), order, version]);
        }
        if let Some(name) = &filter.name {
            sql.push_str(" AND p.name_key = ?");
            values.push(name.as_str().into());
        }
        if let Some(version) = &filter.version {
            sql.push_str(" AND v.version_key = ?");
            values.push(version.as_str().into());
        }
        sql.push_str(" ORDER BY p.name_key, v.order_key, v.version_key LIMIT ?");
        values.push(cursor::limit(request).into());
        let session = self.pools().snapshot().await?;
        let rows = session.all(&sql, values).await?;
        let found = versions::found(&session, &rows).await?;
        Ok(cursor::page(found, request, |found| {
            let version = &found.version.version;
            let name = found.package.name.key().as_str().as_bytes();
            cursor::write(&[name, &version.order().0, version.key().as_str().as_bytes()])
        }))
    }
}

fn after_version(request: &PageRequest) -> Option<(String, Vec<u8>, String)> {
    let [name, order, version] = cursor::read(request.after.as_ref())?;
    Some((cursor::text(name)?, order, cursor::text(version)?))
}
