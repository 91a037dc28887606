//! The three dialects: every piece of SQL that is not the same everywhere.
//!
//! Statements elsewhere are written once, with `?` for values and the tokens below in braces;
//! [`Dialect::text`] turns them into what a database understands. A token that is not listed here
//! stays as it is, and the database refuses it: a spelling mistake cannot pass a test.
//!
//! What surprised us: MariaDB reports one changed row for an upsert whether it inserted or found
//! the row as it was, so no decision may rest on that number; and `INSERT IGNORE` hides every
//! other error too, so it is not used.

use sea_orm::DbBackend;

/// Which family of databases is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, bundled.
    Sqlite,
    /// PostgreSQL, 15 or later.
    Postgres,
    /// MariaDB, 10.11 or later; MySQL 8 by the same statements.
    MySql,
}

impl Dialect {
    /// What SeaORM calls it.
    pub(super) fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
            Self::MySql => DbBackend::MySql,
        }
    }

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MariaDB",
        }
    }

    /// The database's own clock in milliseconds; the moment of the statement's execution, never
    /// of the transaction's start.
    fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            Self::MySql => "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS SIGNED)",
        }
    }

    /// What a token stands for; `None` if it is none of ours.
    fn token(self, token: &str) -> Option<String> {
        let (head, rest) = token.split_once(' ').unwrap_or((token, ""));
        let per = |sqlite: &str, postgres: &str, mysql: &str| {
            Some(match self {
                Self::Sqlite => sqlite.to_owned(),
                Self::Postgres => postgres.to_owned(),
                Self::MySql => mysql.to_owned(),
            })
        };
        match head {
            "now" => Some(self.now().to_owned()),
            // `{now}` twice in one statement is two readings. Where they are compared afterwards, both
            // come from `FROM {clock}` as `clock.moment`, which is read once.
            "clock" => Some(format!("(SELECT {} AS moment) AS clock", self.now())),
            // Whole days since 1970 by the same clock.
            "today" => {
                let divide = if self == Self::MySql { "DIV" } else { "/" };
                Some(format!("({} {divide} 86400000)", self.now()))
            }
            // Locking reads. SQLite has one writer at a time, so its transactions need none.
            "share" => per("", "FOR SHARE", "LOCK IN SHARE MODE"),
            "lock" => per("", "FOR UPDATE", "FOR UPDATE"),
            // `{upsert a, b} x = {new x}`: the columns name the unique key that may be hit.
            "upsert" => per(
                &format!("ON CONFLICT ({rest}) DO UPDATE SET"),
                &format!("ON CONFLICT ({rest}) DO UPDATE SET"),
                "ON DUPLICATE KEY UPDATE",
            ),
            "new" => {
                per(&format!("excluded.{rest}"), &format!("excluded.{rest}"), &format!("VALUES({rest})"))
            }
            // `{keep a}`: an insert that leaves a row that is there alone; `a` is its key.
            "keep" => per(
                &format!("ON CONFLICT ({rest}) DO NOTHING"),
                &format!("ON CONFLICT ({rest}) DO NOTHING"),
                &format!("ON DUPLICATE KEY UPDATE {0} = {0}", rest.split(',').next().unwrap_or(rest)),
            ),
            // `{has a}`: does the text contain the value? By bytes, whatever the collation.
            "has" => per(
                &format!("instr({rest}, ?) > 0"),
                &format!("position(? IN {rest}) > 0"),
                &format!("LOCATE(?, {rest}) > 0"),
            ),
            // How many files refer to this blob, a thousand or more being one: nobody wants to wait for
            // all files of a blob that every package has. MariaDB cannot refer out of a table in FROM.
            "references" => {
                let some = format!(
                    "(SELECT COUNT(*) FROM (SELECT 1 FROM files f WHERE f.blob_id = {rest} LIMIT 1000) counted)"
                );
                per(&some, &some, &format!("(SELECT COUNT(*) FROM files f WHERE f.blob_id = {rest})"))
            }
            // Sums come back as decimals otherwise.
            "whole" => per(
                &format!("CAST({rest} AS INTEGER)"),
                &format!("CAST({rest} AS BIGINT)"),
                &format!("CAST({rest} AS SIGNED)"),
            ),
            "same" => per(
                &format!("{rest} IS ?"),
                &format!("{rest} IS NOT DISTINCT FROM ?"),
                &format!("{rest} <=> ?"),
            ),
            // Column types. Whole numbers are BIGINT everywhere and instants are milliseconds:
            // databases disagree about everything finer.
            "id" => per(
                "INTEGER PRIMARY KEY AUTOINCREMENT",
                "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
                "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            ),
            "uuid" => per("BLOB", "UUID", "BINARY(16)"),
            "digest" => per("BLOB", "BYTEA", "VARBINARY(64)"),
            // Compared and ordered byte by byte.
            "key" => per("TEXT", "TEXT COLLATE \"C\"", "VARBINARY(255)"),
            // A key of up to 200 characters, each of which may take four bytes.
            "words" => per("TEXT", "TEXT COLLATE \"C\"", "VARBINARY(800)"),
            "order" => per("BLOB", "BYTEA", "VARBINARY(700)"),
            "text" => per("TEXT", "TEXT", "LONGTEXT"),
            "bytes" => per("BLOB", "BYTEA", "LONGBLOB"),
            "table" => per("", "", "ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin"),
            _ => None,
        }
    }

    /// A statement in this dialect: tokens replaced, values numbered where numbers are wanted.
    pub(super) fn text(self, template: &str) -> String {
        let mut expanded = String::with_capacity(template.len() + 64);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            expanded.push_str(before);
            match after.split_once('}').and_then(|(token, after)| Some((self.token(token)?, after))) {
                Some((text, after)) => {
                    expanded.push_str(&text);
                    rest = after;
                }
                None => {
                    expanded.push('{');
                    rest = after;
                }
            }
        }
        expanded.push_str(rest);
        if self == Self::Postgres { number(&expanded) } else { expanded }
    }

    /// Asks whether a table exists; the one value is its name.
    pub(super) fn table_exists(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
            Self::Postgres => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass(?)",
            Self::MySql => {
                "SELECT COUNT(*) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = ?"
            }
        }
    }
}

/// `?, ?` becomes `$1, $2`. No statement of ours has a question mark inside a literal.
fn number(sql: &str) -> String {
    let mut numbered = String::with_capacity(sql.len() + 16);
    for (place, part) in sql.split('?').enumerate() {
        if place > 0 {
            numbered.push('$');
            numbered.push_str(&place.to_string());
        }
        numbered.push_str(part);
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_template_becomes_three_statements() {
        let template = "INSERT INTO t (a, b) VALUES (?, ?) {upsert a} b = {new b}";
        assert_eq!(
            Dialect::Postgres.text(template),
            "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = excluded.b"
        );
        assert_eq!(
            Dialect::Sqlite.text(template),
            "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b"
        );
        assert_eq!(
            Dialect::MySql.text(template),
            "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE b = VALUES(b)"
        );
    }

    #[test]
    fn a_token_that_takes_a_value_is_numbered_in_its_place() {
        assert_eq!(
            Dialect::Postgres.text("SELECT 1 WHERE a = ? AND {has s} AND b = ?"),
            "SELECT 1 WHERE a = $1 AND position($2 IN s) > 0 AND b = $3"
        );
    }

    #[test]
    fn an_unknown_token_stays_for_the_database_to_refuse() {
        assert_eq!(Dialect::Sqlite.text("SELECT {noww}"), "SELECT {noww}");
    }
}
