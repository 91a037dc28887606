//! The tables of membership and election, as plain data: whoever migrates the database makes them
//! under the same guard as its own, so that two nodes that start at once do not both begin.
//!
//! A program that has no other tables makes them with [`create`].

use crate::sql::{ClusterDatabase, DatabaseError};

/// One step, carried out once. Statements may be repeated: MariaDB commits each by itself.
#[derive(Debug, Clone, Copy)]
pub struct SchemaStep {
    /// Its place among the cluster's steps; from 1001, so that it meets nobody else's.
    pub number: i64,
    /// What it does, in a few words with dashes.
    pub name: &'static str,
    /// Its statements. What differs between databases stands in braces: `{key}` (a text that is
    /// compared byte by byte), `{uuid}`, `{text}`, `{table}` (what follows a table's columns), and
    /// `{keep id}` (an insert that leaves a row that is there alone).
    pub statements: &'static [&'static str],
}

/// All steps in their order.
pub const STEPS: &[SchemaStep] =
    &[SchemaStep { number: 1001, name: "roster-and-leases", statements: ROSTER_AND_LEASES }];

const ROSTER_AND_LEASES: &[&str] = &[
    // One row for each duty that was ever wanted; never deleted, because terms only grow.
    "CREATE TABLE IF NOT EXISTS leases (
        role {key} NOT NULL PRIMARY KEY,
        term BIGINT NOT NULL,
        holder {uuid},
        since BIGINT NOT NULL,
        expires BIGINT NOT NULL
    ) {table}",
    // One row for each component of each process that is here.
    "CREATE TABLE IF NOT EXISTS roster (
        name {key} NOT NULL,
        component {key} NOT NULL,
        incarnation {uuid} NOT NULL,
        card {text} NOT NULL,
        joined BIGINT NOT NULL,
        beat BIGINT NOT NULL,
        PRIMARY KEY (name, component)
    ) {table}",
    // Its one row is what joining and removing lock, so that they are judged one after the other.
    "CREATE TABLE IF NOT EXISTS roster_door (id BIGINT NOT NULL PRIMARY KEY) {table}",
    "INSERT INTO roster_door (id) VALUES (1) {keep id}",
];

/// Makes the tables, where nobody else does.
///
/// # Errors
/// Whatever the database says.
pub async fn create(database: &ClusterDatabase) -> Result<(), DatabaseError> {
    for step in STEPS {
        for statement in step.statements {
            database.exec(statement, Vec::new()).await?;
        }
    }
    Ok(())
}
