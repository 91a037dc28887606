//! Keeping the index on search texts: a package learns the grams of each text that it is given.
//!
//! Always under the package's lock. Nothing is ever taken out here; a package's grams go with it, by a
//! foreign key or, in SQLite's FTS5, which knows none, by a trigger.

use super::super::dialect::Dialect;
use super::super::fault::Fault;
use super::super::grams::{Grams, MOST};
use super::super::session::{Columns, Session, values};

/// Adds what this text has and the package has not had so far.
pub(in super::super) async fn learn(
    session: &Session,
    feed: i64,
    package: i64,
    text: &[u8],
) -> Result<(), Fault> {
    let dialect = session.dialect;
    match dialect {
        Dialect::MySql => {}
        Dialect::Postgres => {
            // One statement, because each is a round trip in the middle of a publish.
            let sql = format!(
                "INSERT INTO search_grams (package_id, grams) VALUES (?, CAST(? AS INTEGER[])) \
                 ON CONFLICT (package_id) DO UPDATE SET grams = CASE \
                 WHEN cardinality(search_grams.grams) + cardinality(excluded.grams) > {MOST} \
                 THEN CAST(? AS INTEGER[]) \
                 ELSE ARRAY(SELECT unnest(search_grams.grams) UNION SELECT unnest(excluded.grams)) END \
                 WHERE NOT search_grams.grams @> excluded.grams \
                 AND NOT search_grams.grams @> CAST(? AS INTEGER[])"
            );
            let all = Grams::all(feed).written(dialect);
            let grams = Grams::of_text(feed, text).written(dialect);
            session.exec(&sql, values![package, grams, all.clone(), all]).await?;
        }
        Dialect::Sqlite => {
            let mut grams = Grams::of_text(feed, text);
            let sql = "SELECT grams FROM search_grams WHERE rowid = ?";
            if let Some(row) = session.one(sql, values![package]).await? {
                let known = Grams::read(feed, &Columns::of(&row, dialect).text()?);
                if known.cover(&grams) {
                    return Ok(());
                }
                grams = known.and(grams);
            }
            let sql = "INSERT OR REPLACE INTO search_grams (rowid, grams) VALUES (?, ?)";
            session.exec(sql, values![package, grams.written(dialect)]).await?;
        }
    }
    Ok(())
}
