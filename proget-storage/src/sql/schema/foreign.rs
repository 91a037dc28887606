//! Steps that other crates bring along: their tables lie in the same database, so they are made
//! under the same guard and recorded in the same place.

use super::super::dialect::Dialect;

/// One step of somebody else's schema. It is carried out once, after the catalogue's own steps.
///
/// It must *expand* only: builds that do not know it are not kept from the database by it. On MariaDB
/// its statements may be carried out again after an attempt that broke off, so tables are made
/// `IF NOT EXISTS`; indexes that are there already are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignStep {
    /// Its place among all steps; [`ForeignStep::FIRST`] or above, unique.
    pub number: i64,
    /// What it does, in a few words with dashes.
    pub name: &'static str,
    /// Its statements for SQLite.
    pub sqlite: Vec<&'static str>,
    /// Its statements for PostgreSQL.
    pub postgres: Vec<&'static str>,
    /// Its statements for MariaDB and MySQL.
    pub mysql: Vec<&'static str>,
}

impl ForeignStep {
    /// The lowest number that a foreign step may have; those below are the catalogue's own.
    pub const FIRST: i64 = 1001;

    pub(super) fn statements(&self, dialect: Dialect) -> &[&'static str] {
        match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
            Dialect::MySql => &self.mysql,
        }
    }
}
