//! Looking for the packages that a search wants, in the order of their names.
//!
//! Words that many packages have are found soonest by walking through the packages until the page is
//! full; words that hardly any has, by asking the index on grams who could have them (see `grams`).
//! Which of the two a word is, the first steps of a walk tell. All of it happens in one snapshot.
//!
//! Where there are no grams to ask for (words of one or two bytes, MariaDB), the walk goes on to the end.

use super::super::dialect::Dialect;
use super::super::fault::Fault;
use super::super::grams::Grams;
use super::super::session::{Columns, Session, marks, values};
use super::cursor;
use super::versions::{self, PACKAGE, SAYS, VERSION};
use proget_core::catalog::{PageRequest, Search, Visibility};
use proget_core::ids::FeedId;
use sea_orm::{QueryResult, Value};

/// So many packages are walked through before it is asked whether that leads anywhere.
const FIRST: i64 = 64;
/// A walk goes on if one that is so many times as long can be expected to fill the page.
const LONGER: i64 = 8;
/// So many candidates are compared at once.
const CANDIDATES: i64 = 200;

/// Which packages a statement compares.
enum Among<'a> {
    /// All that the search may want.
    All,
    /// The next so many.
    Next(i64),
    /// These.
    Of(&'a [i64]),
}

/// One page of one search.
pub(super) struct Lookout<'a> {
    session: &'a Session,
    feed: FeedId,
    search: &'a Search,
    /// In lower case, as the texts are.
    words: Vec<Vec<u8>>,
    /// Only packages with greater names.
    after: Option<String>,
    limit: i64,
    rows: Vec<QueryResult>,
}

impl<'a> Lookout<'a> {
    pub(super) fn new(session: &'a Session, feed: FeedId, search: &'a Search, request: &PageRequest) -> Self {
        let words = search.text.iter().filter(|word| !word.is_empty());
        Self {
            session,
            feed,
            search,
            words: words.map(|word| word.to_ascii_lowercase().into_bytes()).collect(),
            after: cursor::read(request.after.as_ref()).and_then(|[name]| cursor::text(name)),
            limit: cursor::limit(request),
            rows: Vec::new(),
        }
    }

    /// Rows of [`PACKAGE`], [`VERSION`], [`SAYS`], as many as the page wants.
    pub(super) async fn rows(mut self) -> Result<Vec<QueryResult>, Fault> {
        match self.grams() {
            Some(grams) => {
                if !self.walk().await? {
                    self.ask(&grams).await?;
                }
            }
            None => {
                self.compare(Among::All).await?;
            }
        }
        Ok(self.rows)
    }

    /// What to ask the index for, if there is one and it can help.
    fn grams(&self) -> Option<Grams> {
        if self.session.dialect == Dialect::MySql || self.search.name.is_some() {
            return None;
        }
        Grams::of_words(self.feed.0, self.words.iter().map(Vec::as_slice))
    }

    /// Walks as long as that is worth it; is the page full?
    async fn walk(&mut self) -> Result<bool, Fault> {
        let mut length = FIRST.max(self.limit);
        loop {
            let missing = self.missing();
            let found = self.compare(Among::Next(length)).await?;
            if found >= missing {
                return Ok(true);
            }
            if found * LONGER < missing {
                return Ok(false);
            }
            length *= LONGER;
        }
    }

    /// Compares all candidates until the page is full.
    async fn ask(&mut self, grams: &Grams) -> Result<(), Fault> {
        loop {
            let candidates = self.candidates(grams).await?;
            let Some((_, last)) = candidates.last().cloned() else { return Ok(()) };
            let ids: Vec<i64> = candidates.iter().map(|(id, _)| *id).collect();
            self.compare(Among::Of(&ids)).await?;
            if self.missing() <= 0 || (ids.len() as i64) < CANDIDATES {
                return Ok(());
            }
            self.after = Some(last);
        }
    }

    fn missing(&self) -> i64 {
        self.limit - self.rows.len() as i64
    }

    /// The next candidates and their names.
    async fn candidates(&self, grams: &Grams) -> Result<Vec<(i64, String)>, Fault> {
        let dialect = self.session.dialect;
        // Looked for first and all together, then their packages one by one, whatever a planner thinks
        // of it: it does not know the grams when it makes a plan, and would rather read all packages.
        let (candidates, mut values) = match dialect {
            Dialect::Postgres => {
                let sql = "WITH c AS MATERIALIZED (SELECT package_id FROM search_grams \
                           WHERE grams @> CAST(? AS INTEGER[]) OR grams @> CAST(? AS INTEGER[])) \
                           SELECT p.id, p.name_key FROM c CROSS JOIN LATERAL \
                           (SELECT * FROM packages q WHERE q.id = c.package_id LIMIT 1) p";
                (sql, values![grams.asked(dialect), Grams::all(self.feed.0).written(dialect)])
            }
            _ => {
                let sql = "SELECT p.id, p.name_key FROM search_grams c \
                           CROSS JOIN packages p ON p.id = c.rowid AND c.search_grams MATCH ?";
                (sql, values![grams.asked(dialect)])
            }
        };
        let (wanted, more) = self.wanted();
        values.extend(more);
        let sql = format!("{candidates} WHERE {wanted} ORDER BY p.name_key LIMIT {CANDIDATES}");
        let rows = self.session.all(&sql, values).await?;
        let candidate = |row: &QueryResult| {
            let mut columns = Columns::of(row, dialect);
            Ok((columns.int()?, columns.text()?))
        };
        rows.iter().map(candidate).collect()
    }

    /// Takes those that have all words, by name, until the page is full; how many that were. The next
    /// comparison begins after the last of them.
    async fn compare(&mut self, among: Among<'_>) -> Result<i64, Fault> {
        // The newest version that counts, found through the index on the versions' order.
        let listed = if self.search.visibility == Visibility::Listed { "AND n.listed = 1" } else { "" };
        let stable = if self.search.stable_only { "AND n.prerelease = 0" } else { "" };
        let newest = format!(
            "JOIN versions v ON v.id = (SELECT n.id FROM versions n WHERE n.package_id = p.id {listed} {stable} \
             ORDER BY n.order_key DESC, n.version_key DESC LIMIT 1)"
        );
        let (wanted, mut values) = self.wanted();
        let among = match among {
            Among::All => format!("packages p {newest} WHERE {wanted}"),
            Among::Next(length) => {
                // Not as a value: PostgreSQL would make its plan for a tenth of the feed.
                format!(
                    "(SELECT p.* FROM packages p WHERE {wanted} ORDER BY p.name_key LIMIT {length}) p \
                     {newest} WHERE 1 = 1"
                )
            }
            Among::Of(ids) => {
                values = ids.iter().map(|id| Value::from(*id)).collect();
                format!("packages p {newest} WHERE p.id IN ({})", marks(ids.len()))
            }
        };
        let mut sql = format!("SELECT {PACKAGE}, {VERSION}, {SAYS} FROM {among}");
        for word in &self.words {
            sql.push_str(" AND {has v.search_text}");
            values.push(word.clone().into());
        }
        sql.push_str(" ORDER BY p.name_key LIMIT ?");
        values.push(self.missing().into());
        let rows = self.session.all(&sql, values).await?;
        if let Some(last) = rows.last() {
            let package = versions::package(&mut Columns::of(last, self.session.dialect))?;
            self.after = Some(package.name.key().as_str().to_owned());
        }
        let found = rows.len() as i64;
        self.rows.extend(rows);
        Ok(found)
    }

    /// The conditions on packages (`p`), without regard to words.
    fn wanted(&self) -> (String, Vec<Value>) {
        let mut sql = "p.feed_id = ?".to_owned();
        let mut values = values![self.feed.0];
        let mut and = |condition: &str, wanted: Value| {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(wanted);
        };
        if let Some(after) = &self.after {
            and("p.name_key > ?", after.as_str().into());
        }
        if let Some(name) = &self.search.name {
            and("p.name_key = ?", name.as_str().into());
        }
        if let Some(prefix) = self.search.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            and("p.name_key >= ?", prefix.into());
            if let Some(end) = after_prefix(prefix) {
                and("p.name_key < ?", end.into());
            }
        }
        (sql, values)
    }
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
