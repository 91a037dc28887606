//! Why a SQL catalogue could not be opened, in sentences for the person who starts the server.

use std::error::Error;
use std::path::PathBuf;

/// Why a SQL catalogue could not be opened. No text in it holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is not one of a database that is supported.
    #[error(
        "the database address is not usable: {reason}; use sqlite:///path/file.db, postgres://user:password@host/name or mysql://user:password@host/name"
    )]
    BadUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers there, or the answer was no.
    #[error(
        "cannot open {database}; check that it runs and is no read-only replica, that its address is right and that the user may log in"
    )]
    Unreachable {
        /// Which, without the password.
        database: String,
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No server of the address takes writes, and at least one could be asked.
    #[error(
        "{database} cannot be written: {found}; promote a server, or name the primary in the address (several: postgres://user:password@one:5432,two:5432/name)"
    )]
    OnlyReads {
        /// Which, without the password.
        database: String,
        /// What each server answered.
        found: String,
    },
    /// A pooler gives the sessions of one to another.
    #[error(
        "{database} is behind a pooler that shares sessions between clients (PgBouncer's pool_mode transaction or statement), so time limits and isolation would not hold; set pool_mode = session for this database, or connect to PostgreSQL itself"
    )]
    Pooled {
        /// Which, without the password.
        database: String,
    },
    /// A pooler does not let the driver in.
    #[error(
        "the pooler before {database} refuses a start-up parameter of the driver; set ignore_startup_parameters = extra_float_digits in pgbouncer.ini"
    )]
    Pooler {
        /// Which, without the password.
        database: String,
        /// What it said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Another process owns the SQLite file.
    #[error(
        "the database {path} is in use by another server; stop it, or give this one a database of its own"
    )]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// The file or its directory cannot be used.
    #[error("cannot use {path} for the database; check that the directory exists and can be written")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A newer build has changed the schema in a way that this one does not understand.
    #[error(
        "the schema of {database} was made by build {build} and is too new for this one; start build {build} or later"
    )]
    TooNew {
        /// Which database.
        database: String,
        /// The build that made the newest step.
        build: String,
    },
    /// Steps are missing and were not to be carried out.
    #[error(
        "the schema of {database} is not up to date: {missing} steps are missing; run 'proget db migrate'"
    )]
    NotMigrated {
        /// Which database.
        database: String,
        /// How many steps.
        missing: usize,
    },
    /// A step of another crate has a number that is the catalogue's own, or another step's.
    #[error(
        "step '{step}' of another crate's schema cannot have number {number}; give it a free one from {} on",
        super::ForeignStep::FIRST
    )]
    Numbered {
        /// Which step.
        step: &'static str,
        /// The number it has.
        number: i64,
    },
    /// A step of a later release has a number that is not free.
    #[error(
        "step '{step}' of a later release cannot have number {number}; give it the next free one after this build's own"
    )]
    Later {
        /// Which step.
        step: &'static str,
        /// The number it has.
        number: i64,
    },
    /// A step failed.
    #[error(
        "changing the schema of {database} failed at step '{step}'; nothing else was changed, and the next start tries again"
    )]
    Migration {
        /// Which database.
        database: String,
        /// Which step.
        step: String,
        /// What the database said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}
