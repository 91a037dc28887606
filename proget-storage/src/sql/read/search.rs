//! Lists of packages and versions, page by page.
//!
//! A page begins after the key of the last row of the one before, so it costs the same however deep
//! it is. The comparison of whole keys is spelled out with a plain condition on the first column
//! beside it, because MariaDB uses no index for a comparison of rows.

use super::super::SqlCatalog;
use super::super::fault::Fault;
use super::super::session::values;
use super::cursor;
use super::versions::{self, PACKAGE, SAYS, VERSION};
use proget_core::catalog::{Found, Page, PageRequest, Search, VersionFilter, Visibility};
use proget_core::ids::FeedId;
use sea_orm::Value;

impl SqlCatalog {
    pub(super) async fn search_in(
        &self,
        feed: FeedId,
        search: &Search,
        request: &PageRequest,
    ) -> Result<Page<Found>, Fault> {
        // The newest version that counts, found through the index on the versions' order.
        let listed = if search.visibility == Visibility::Listed { "AND n.listed = 1" } else { "" };
        let stable = if search.stable_only { "AND n.prerelease = 0" } else { "" };
        let mut sql = format!(
            "SELECT {PACKAGE}, {VERSION}, {SAYS} FROM packages p \
             JOIN versions v ON v.id = (SELECT n.id FROM versions n WHERE n.package_id = p.id {listed} {stable} \
             ORDER BY n.order_key DESC, n.version_key DESC LIMIT 1) \
             WHERE p.feed_id = ?"
        );
        let mut values = values![feed.0];
        let mut and = |condition: &str, wanted: Value| {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(wanted);
        };
        if let Some(after) = cursor::read(request.after.as_ref()).and_then(|[name]| cursor::text(name)) {
            and("p.name_key > ?", after.into());
        }
        if let Some(name) = &search.name {
            and("p.name_key = ?", name.as_str().into());
        }
        if let Some(prefix) = search.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            and("p.name_key >= ?", prefix.into());
            if let Some(end) = after_prefix(prefix) {
                and("p.name_key < ?", end.into());
            }
        }
        for word in search.text.iter().filter(|word| !word.is_empty()) {
            and("{has v.search_text}", word.to_ascii_lowercase().into_bytes().into());
        }
        sql.push_str(" ORDER BY p.name_key LIMIT ?");
        values.push(cursor::limit(request).into());
        self.found(&sql, values, request, |found| {
            cursor::write(&[found.package.name.key().as_str().as_bytes()])
        })
        .await
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
        self.found(&sql, values, request, |found| {
            let version = &found.version.version;
            let name = found.package.name.key().as_str().as_bytes();
            cursor::write(&[name, &version.order().0, version.key().as_str().as_bytes()])
        })
        .await
    }

    /// A page of rows with their files, from one snapshot.
    async fn found(
        &self,
        sql: &str,
        values: Vec<Value>,
        request: &PageRequest,
        cursor: impl Fn(&Found) -> proget_core::catalog::Cursor,
    ) -> Result<Page<Found>, Fault> {
        let session = self.pools().snapshot().await?;
        let rows = session.all(sql, values).await?;
        let found = versions::found(&session, &rows).await?;
        Ok(cursor::page(found, request, cursor))
    }
}

fn after_version(request: &PageRequest) -> Option<(String, Vec<u8>, String)> {
    let [name, order, version] = cursor::read(request.after.as_ref())?;
    Some((cursor::text(name)?, order, cursor::text(version)?))
}

/// The first text after all that begin with this one, in the order of bytes; none if there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // The order of UTF-8 bytes is that of code points; surrogates are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_end_of_a_prefix_is_after_all_that_begin_with_it() {
        assert_eq!(after_prefix("@acme/").as_deref(), Some("@acme0"));
        assert_eq!(after_prefix("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(after_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{10ffff}"), None);
    }
}
