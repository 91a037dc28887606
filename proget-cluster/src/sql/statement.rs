//! Statements that are written once: `?` for values, a few tokens in braces for what differs.

use super::DatabaseError;
use sea_orm::{DbBackend, QueryResult, Statement, TryGetable, Value};
use uuid::Uuid;

/// A statement in the words of one database.
pub(super) fn build(backend: DbBackend, template: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(backend, text(backend, template), values)
}

/// Tokens replaced, values numbered where numbers are wanted.
pub(crate) fn text(backend: DbBackend, template: &str) -> String {
    let mut sql = template.to_owned();
    for (token, [sqlite, postgres, mysql]) in TOKENS {
        let word = match backend {
            DbBackend::Postgres => postgres,
            DbBackend::MySql => mysql,
            _ => sqlite,
        };
        sql = sql.replace(token, word);
    }
    if backend != DbBackend::Postgres {
        return sql;
    }
    let mut numbered = String::with_capacity(sql.len() + 16);
    for (place, part) in sql.split('?').enumerate() {
        if place > 0 {
            numbered.push_str(&format!("${place}"));
        }
        numbered.push_str(part);
    }
    numbered
}

/// What differs: SQLite, PostgreSQL, MariaDB. Moments are whole milliseconds by the database's own
/// clock, at the execution of the statement and never at the beginning of its transaction.
const TOKENS: [(&str, [&str; 3]); 7] = [
    (
        "{now}",
        [
            "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS SIGNED)",
        ],
    ),
    ("{uuid}", ["BLOB", "UUID", "BINARY(16)"]),
    ("{key}", ["TEXT", "TEXT COLLATE \"C\"", "VARBINARY(255)"]),
    ("{text}", ["TEXT", "TEXT", "LONGTEXT"]),
    ("{table}", ["", "", "ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin"]),
    // An insert that leaves a row that is there alone.
    (
        "{keep role}",
        ["ON CONFLICT DO NOTHING", "ON CONFLICT DO NOTHING", "ON DUPLICATE KEY UPDATE role = role"],
    ),
    ("{keep id}", ["ON CONFLICT DO NOTHING", "ON CONFLICT DO NOTHING", "ON DUPLICATE KEY UPDATE id = id"]),
];

/// As many question marks as there are values: `?, ?, ?`.
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// The columns of one row, read from left to right.
pub(crate) struct Row<'r> {
    row: &'r QueryResult,
    backend: DbBackend,
    next: usize,
}

impl<'r> Row<'r> {
    pub(crate) fn of(row: &'r QueryResult, backend: DbBackend) -> Self {
        Self { row, backend, next: 0 }
    }

    fn take<T: TryGetable>(&mut self) -> Result<T, DatabaseError> {
        let value = self.row.try_get_by_index(self.next)?;
        self.next += 1;
        Ok(value)
    }

    pub(crate) fn int(&mut self) -> Result<i64, DatabaseError> {
        self.take()
    }

    pub(crate) fn maybe_uuid(&mut self) -> Result<Option<Uuid>, DatabaseError> {
        self.take()
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, DatabaseError> {
        self.take()
    }

    /// Keys are binary columns in MariaDB, so texts are read as bytes there.
    pub(crate) fn text(&mut self) -> Result<String, DatabaseError> {
        if self.backend != DbBackend::MySql {
            return self.take();
        }
        let bytes: Vec<u8> = self.take()?;
        String::from_utf8(bytes).map_err(|_| DatabaseError::Damaged("a text is not UTF-8".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_template_becomes_three_statements() {
        let template = "UPDATE t SET a = ? WHERE b > {now} AND c = ?";
        assert!(text(DbBackend::Postgres, template).ends_with("AS BIGINT) AND c = $2"));
        assert!(text(DbBackend::MySql, template).contains("SYSDATE(6)"));
        assert!(text(DbBackend::Sqlite, template).contains("unixepoch"));
    }
}
