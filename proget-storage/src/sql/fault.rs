//! What went wrong inside, before it is told to the caller.
//!
//! A driver's error says what happened; a caller needs to know what it may do. The question that
//! matters most is asked here: is it *certain* that nothing has happened?

use proget_core::catalog::{CatalogError, Conflict};
use sea_orm::{DbErr, RuntimeErr, SqlxError};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A failure on the way.
#[derive(Debug)]
pub(super) enum Fault {
    /// Somebody else was there first.
    Conflict(Conflict),
    /// A newer term has been planted.
    Fenced,
    /// The database or the way to it.
    Database(DbErr),
    /// No answer within the time a call may take.
    NoAnswer,
    /// Too many search at this moment.
    Crowded,
    /// Something was deleted between the look and the deed; the transaction is to be repeated.
    Raced,
    /// The set's id is in the journal already.
    CommittedBefore,
    /// A row does not hold what it must.
    Damaged(String),
    /// What ended the transaction that several sets shared.
    Group(Arc<Fault>),
}

/// What a driver's error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The transaction was rolled back, for sure, and may succeed when repeated.
    RolledBack,
    /// A unique key is taken.
    Taken,
    /// A row that is referred to is not there, or one that is referred to was to be deleted.
    Referred,
    /// The database cannot be reached, is stopping, is full, or only reads at the moment.
    Away,
    /// It took too long, or has no connection to give: trying again at once would make it worse.
    Slow,
    /// It can be reached but is not the one that writes (a replica, a demoted primary).
    ReadOnly,
    /// Anything else: a defect or damage.
    Strange,
}

impl Fault {
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Self::Database(error) => meaning(error),
            Self::NoAnswer | Self::Crowded => Meaning::Slow,
            Self::Raced => Meaning::RolledBack,
            Self::Group(fault) => fault.meaning(),
            _ => Meaning::Strange,
        }
    }

    /// Was the time spent on waiting, for an answer or for a connection?
    pub(super) fn found_no_connection(&self) -> bool {
        match self {
            Self::Database(DbErr::ConnectionAcquire(_)) | Self::NoAnswer => true,
            Self::Database(DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) => {
                matches!(error, RuntimeErr::SqlxError(error) if matches!(**error, SqlxError::PoolTimedOut))
            }
            Self::Group(fault) => fault.found_no_connection(),
            _ => false,
        }
    }

    /// Nothing has happened, and the same call may well succeed at once: it lost a race, or the
    /// connection it was given turned out to be dead.
    pub(super) fn deserves_another_try(&self) -> bool {
        matches!(self.meaning(), Meaning::RolledBack | Meaning::Away)
    }

    /// Was one set refused by what it found, with the transaction as such in good order?
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::Fenced | Self::CommittedBefore => true,
            _ => matches!(self.meaning(), Meaning::Taken | Meaning::Referred),
        }
    }

    /// This conflict, if the fault is that a unique key is taken.
    pub(super) fn if_taken(self, conflict: Conflict) -> Self {
        if self.meaning() == Meaning::Taken { Self::Conflict(conflict) } else { self }
    }

    /// This conflict, if the fault is a foreign key's.
    pub(super) fn if_referred(self, conflict: Conflict) -> Self {
        if self.meaning() == Meaning::Referred { Self::Conflict(conflict) } else { self }
    }

    /// What the caller is told. Only for faults after which nothing has happened.
    pub(super) fn into_error(self, doing: &'static str) -> CatalogError {
        let meaning = self.meaning();
        match self {
            Self::Conflict(conflict) => CatalogError::Conflict(conflict),
            Self::Fenced => CatalogError::Fenced,
            Self::CommittedBefore => CatalogError::Other {
                doing: "writing the journal: the set was committed before",
                source: None,
            },
            fault => {
                let source: Option<Box<dyn Error + Send + Sync>> = Some(Box::new(fault));
                match meaning {
                    Meaning::RolledBack | Meaning::Away | Meaning::Slow | Meaning::ReadOnly => {
                        CatalogError::Unavailable { doing, source }
                    }
                    Meaning::Taken | Meaning::Referred | Meaning::Strange => {
                        CatalogError::Other { doing, source }
                    }
                }
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => write!(f, "conflict: {conflict:?}"),
            Self::Fenced => f.write_str("fenced"),
            Self::Database(_) => f.write_str("the database answered with an error"),
            Self::NoAnswer => f.write_str("the database did not answer in time"),
            Self::Crowded => f.write_str("too many searches are waiting for the database"),
            Self::Raced => f.write_str("somebody else changed the same rows at every attempt"),
            Self::CommittedBefore => f.write_str("the set was committed before"),
            Self::Group(fault) => fault.fmt(f),
            Self::Damaged(what) => write!(f, "a row is damaged: {what}"),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Group(fault) => fault.source(),
            _ => None,
        }
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<Conflict> for Fault {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

/// What a driver's error means.
pub(super) fn meaning(error: &DbErr) -> Meaning {
    let (DbErr::Conn(inner) | DbErr::Exec(inner) | DbErr::Query(inner)) = error else {
        // The pool had no connection to give within its time-out.
        let slow = matches!(error, DbErr::ConnectionAcquire(_));
        return if slow { Meaning::Slow } else { Meaning::Strange };
    };
    match inner {
        RuntimeErr::SqlxError(error) => sqlx_meaning(error),
        RuntimeErr::Internal(_) => Meaning::Strange,
    }
}

fn sqlx_meaning(error: &SqlxError) -> Meaning {
    match error {
        SqlxError::Database(error) => {
            let code = error.code().unwrap_or_default();
            if let Some(error) = error.try_downcast_ref::<sea_orm::SqlxMySqlError>() {
                mysql_meaning(error.number())
            } else if error.try_downcast_ref::<sea_orm::SqlxPostgresError>().is_some() {
                postgres_meaning(&code)
            } else {
                sqlite_meaning(&code)
            }
        }
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::Protocol(_)
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => Meaning::Away,
        SqlxError::PoolTimedOut => Meaning::Slow,
        _ => Meaning::Strange,
    }
}

/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>
fn postgres_meaning(code: &str) -> Meaning {
    match code {
        // Serialization failure, deadlock, lock time-out.
        "40001" | "40P01" | "55P03" => Meaning::RolledBack,
        "23505" => Meaning::Taken,
        "23503" => Meaning::Referred,
        // A transaction that must only read, on a server that only reads.
        "25006" => Meaning::ReadOnly,
        // Statement time-out.
        "57014" => Meaning::Slow,
        // Idle in transaction, shutting down, starting up, dropped.
        "25P03" | "25P04" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => Meaning::Away,
        // Out of resources; connection trouble and system errors.
        _ if code.starts_with("53") => Meaning::Slow,
        _ if code.starts_with("08") || code.starts_with("58") => Meaning::Away,
        _ => Meaning::Strange,
    }
}

/// <https://mariadb.com/docs/server/reference/error-codes>
fn mysql_meaning(number: u16) -> Meaning {
    match number {
        // Row changed since the snapshot, lock wait time-out, deadlock.
        1020 | 1205 | 1213 => Meaning::RolledBack,
        1022 | 1062 | 1169 | 1586 => Meaning::Taken,
        1216 | 1217 | 1451 | 1452 | 1557 | 1761 | 1762 => Meaning::Referred,
        // Read-only: by option, by transaction, by mode.
        1290 | 1792 | 1836 => Meaning::ReadOnly,
        // Disk full, too many connections, statement time-out.
        1021 | 1040 | 1114 | 1203 | 1226 | 1969 | 3024 => Meaning::Slow,
        // Shutdown, killed, network, lost.
        1042 | 1053 | 1077 | 1079 | 1152 | 1158..=1161 | 1184 | 1317 | 1927 | 2006 | 2013 | 4031 => {
            Meaning::Away
        }
        _ => Meaning::Strange,
    }
}

/// <https://www.sqlite.org/rescode.html>
fn sqlite_meaning(code: &str) -> Meaning {
    let Ok(extended) = code.parse::<u32>() else { return Meaning::Strange };
    match extended {
        1555 | 2067 | 2579 => Meaning::Taken,
        // 1811: a RESTRICT rule, reported as if by a trigger.
        787 | 1811 => Meaning::Referred,
        // The primary code is the low byte: busy and locked, then read-only, I/O, full, cannot open.
        _ => match extended & 0xff {
            5 | 6 => Meaning::RolledBack,
            8 | 10 | 13 | 14 => Meaning::Away,
            _ => Meaning::Strange,
        },
    }
}
