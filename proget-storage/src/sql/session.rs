//! One conversation with the database: through a pool, or inside a transaction.
//!
//! Thin on purpose: a template and its values go in, rows come out. [`Columns`] then reads a row
//! from left to right, in the order of its SELECT list.

use super::dialect::Dialect;
use super::fault::Fault;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, Statement, TryGetable,
    Value,
};

/// Values of a statement, in the order of their question marks.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::Value::from($value)),*] };
}
pub(super) use values;

#[derive(Debug)]
enum Over {
    Pool(DatabaseConnection),
    Transaction(DatabaseTransaction),
}

/// One conversation with the database.
#[derive(Debug)]
pub(super) struct Session {
    over: Over,
    pub(super) dialect: Dialect,
}

impl Session {
    /// Each statement by itself, on whichever connection is free.
    pub(super) fn pooled(pool: DatabaseConnection, dialect: Dialect) -> Self {
        Self { over: Over::Pool(pool), dialect }
    }

    /// All statements inside one transaction. Dropping it rolls back.
    pub(super) fn transaction(transaction: DatabaseTransaction, dialect: Dialect) -> Self {
        Self { over: Over::Transaction(transaction), dialect }
    }

    /// PostgreSQL keeps no NUL in a text, and refuses even to look for one; a name that a caller sends
    /// must not become a failure of the server. So no text holds one, in any database.
    pub(super) fn statement(&self, template: &str, mut values: Vec<Value>) -> Statement {
        for value in &mut values {
            if let Value::String(Some(text)) = value
                && text.contains('\0')
            {
                *text = text.replace('\0', "\u{fffd}");
            }
        }
        Statement::from_sql_and_values(self.dialect.backend(), self.dialect.text(template), values)
    }

    /// Carries a statement out; how many rows it hit.
    pub(super) async fn exec(&self, template: &str, values: Vec<Value>) -> Result<u64, DbErr> {
        let statement = self.statement(template, values);
        let done = match &self.over {
            Over::Pool(pool) => pool.execute_raw(statement).await?,
            Over::Transaction(transaction) => transaction.execute_raw(statement).await?,
        };
        Ok(done.rows_affected())
    }

    /// Carries out statements that no value goes into and that cannot be prepared.
    pub(super) async fn exec_plain(&self, template: &str) -> Result<(), DbErr> {
        let sql = self.dialect.text(template);
        match &self.over {
            Over::Pool(pool) => pool.execute_unprepared(&sql).await?,
            Over::Transaction(transaction) => transaction.execute_unprepared(&sql).await?,
        };
        Ok(())
    }

    /// Inserts one row and returns the number that the database gave it.
    pub(super) async fn insert(&self, template: &str, values: Vec<Value>) -> Result<i64, Fault> {
        if self.dialect == Dialect::MySql {
            // MySQL knows no RETURNING.
            let statement = self.statement(template, values);
            let done = match &self.over {
                Over::Pool(pool) => pool.execute_raw(statement).await?,
                Over::Transaction(transaction) => transaction.execute_raw(statement).await?,
            };
            return i64::try_from(done.last_insert_id())
                .map_err(|_| Fault::Damaged("a row number does not fit".into()));
        }
        let row = self.one(&format!("{template} RETURNING id"), values).await?;
        let row = row.ok_or_else(|| Fault::Damaged("an insert returned no row number".into()))?;
        Columns::of(&row, self.dialect).int()
    }

    /// The first row.
    pub(super) async fn one(&self, template: &str, values: Vec<Value>) -> Result<Option<QueryResult>, DbErr> {
        let statement = self.statement(template, values);
        match &self.over {
            Over::Pool(pool) => pool.query_one_raw(statement).await,
            Over::Transaction(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    /// All rows.
    pub(super) async fn all(&self, template: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbErr> {
        let statement = self.statement(template, values);
        match &self.over {
            Over::Pool(pool) => pool.query_all_raw(statement).await,
            Over::Transaction(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    /// Is there any row?
    pub(super) async fn any(&self, template: &str, values: Vec<Value>) -> Result<bool, DbErr> {
        Ok(self.one(template, values).await?.is_some())
    }

    /// The number in the first column of the first row.
    pub(super) async fn number(&self, template: &str, values: Vec<Value>) -> Result<Option<i64>, Fault> {
        match self.one(template, values).await? {
            Some(row) => Ok(Some(Columns::of(&row, self.dialect).int()?)),
            None => Ok(None),
        }
    }

    /// Ends the transaction; nothing to do where there is none.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self.over {
            Over::Pool(_) => Ok(()),
            Over::Transaction(transaction) => transaction.commit().await,
        }
    }

    /// Takes the transaction back and waits until the database has done so.
    pub(super) async fn roll_back(self) -> Result<(), DbErr> {
        match self.over {
            Over::Pool(_) => Ok(()),
            Over::Transaction(transaction) => transaction.rollback().await,
        }
    }
}

/// As many question marks as there are values: `?, ?, ?`.
pub(super) fn marks(count: usize) -> String {
    let mut marks = "?, ".repeat(count);
    marks.truncate(marks.len().saturating_sub(2));
    marks
}

/// The columns of one row, read from left to right.
#[derive(Debug)]
pub(super) struct Columns<'r> {
    row: &'r QueryResult,
    dialect: Dialect,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r QueryResult, dialect: Dialect) -> Self {
        Self { row, dialect, next: 0 }
    }

    fn take<T: TryGetable>(&mut self) -> Result<T, Fault> {
        let value = self.row.try_get_by_index(self.next)?;
        self.next += 1;
        Ok(value)
    }

    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        self.take()
    }

    pub(super) fn maybe_int(&mut self) -> Result<Option<i64>, Fault> {
        self.take()
    }

    /// A number that is never negative.
    pub(super) fn size(&mut self) -> Result<u64, Fault> {
        u64::try_from(self.int()?).map_err(|_| Fault::Damaged("a size is negative".into()))
    }

    pub(super) fn yes(&mut self) -> Result<bool, Fault> {
        Ok(self.int()? != 0)
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        self.take()
    }

    pub(super) fn maybe_bytes(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        self.take()
    }

    pub(super) fn uuid(&mut self) -> Result<uuid::Uuid, Fault> {
        self.take()
    }

    pub(super) fn maybe_uuid(&mut self) -> Result<Option<uuid::Uuid>, Fault> {
        self.take()
    }

    pub(super) fn text(&mut self) -> Result<String, Fault> {
        self.maybe_text()?.ok_or_else(|| Fault::Damaged("a text is missing".into()))
    }

    /// Keys are binary columns in MariaDB, so texts are read as bytes there.
    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, Fault> {
        if self.dialect != Dialect::MySql {
            return self.take();
        }
        let bytes: Option<Vec<u8>> = self.take()?;
        bytes.map(String::from_utf8).transpose().map_err(|_| Fault::Damaged("a text is not UTF-8".into()))
    }

    /// A text with rules of its own.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<T, Fault> {
        parse(self.text()?).map_err(|error| Fault::Damaged(error.to_string()))
    }
}
