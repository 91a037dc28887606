//! Step 3: an index on search texts, for words that hardly any package has; see `grams`.
//!
//! A build that does not know it would publish packages that no search finds, so older ones do not
//! work beside it.

use super::super::commit::learn;
use super::super::dialect::Dialect;
use super::super::fault::Fault;
use super::super::session::{Columns, Session, values};
use super::{Fill, Step};

pub(super) const STEP: Step =
    Step { number: 3, name: "search-grams", oldest: 3, statements, fill: Fill::SearchGrams };

/// Texts of so many packages are read at once.
const PACKAGES: i64 = 50;

fn statements(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        // Neither places nor lengths are wanted. A row's number is its package's, and is never given
        // to another package.
        Dialect::Sqlite => &[
            "CREATE VIRTUAL TABLE search_grams USING fts5(grams, detail = none, columnsize = 0, tokenize = 'ascii')",
            "CREATE TRIGGER search_grams_of_deleted AFTER DELETE ON packages \
             BEGIN DELETE FROM search_grams WHERE rowid = old.id; END",
        ],
        // New grams wait in a list that every search reads, so it must be short.
        Dialect::Postgres => &[
            "CREATE TABLE IF NOT EXISTS search_grams (
                package_id BIGINT NOT NULL PRIMARY KEY,
                grams INTEGER[] NOT NULL,
                FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE CASCADE
            )",
            "CREATE INDEX search_grams_of_packages ON search_grams USING gin (grams) \
             WITH (gin_pending_list_limit = 256)",
        ],
        Dialect::MySql => &[],
    }
}

/// What the packages that are there say.
pub(super) async fn fill(session: &Session) -> Result<(), Fault> {
    if session.dialect == Dialect::MySql {
        return Ok(());
    }
    let sql = "SELECT DISTINCT p.id, p.feed_id, v.search_text FROM \
               (SELECT id, feed_id FROM packages WHERE id > ? ORDER BY id LIMIT ?) p \
               JOIN versions v ON v.package_id = p.id ORDER BY p.id";
    let mut last = i64::MIN;
    loop {
        let rows = session.all(sql, values![last, PACKAGES]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            let mut columns = Columns::of(row, session.dialect);
            let (package, feed) = (columns.int()?, columns.int()?);
            learn(session, feed, package, &columns.bytes()?).await?;
            last = package;
        }
    }
}
