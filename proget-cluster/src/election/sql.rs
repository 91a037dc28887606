//! Leases in a SQL database: PostgreSQL, MariaDB, and SQLite for one node.
//!
//! One row a role, decided by conditional updates on the database's clock. A row is made when a role
//! is first looked at and stays for ever: its term only grows. Every call is one statement and needs
//! no transaction; `renew` asks afterwards which of several it prolonged, where there are several.

use super::{Election, ElectionError, Holding, Lease};
use crate::sql::{ClusterDatabase, DatabaseError, Row, marks, values};
use async_trait::async_trait;
use proget_core::catalog::Role;
use proget_core::clock::Timestamp;
use proget_core::ids::Incarnation;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Leases in a SQL database.
#[derive(Debug)]
pub struct SqlElection {
    database: Arc<ClusterDatabase>,
    /// Roles whose rows are known to be there.
    known: Mutex<BTreeSet<Role>>,
}

impl SqlElection {
    /// Over a connection that serves nothing else; the tables of [`crate::schema`] must be there.
    #[must_use]
    pub fn new(database: Arc<ClusterDatabase>) -> Self {
        Self { database, known: Mutex::default() }
    }

    async fn know(&self, roles: &[Role]) -> Result<(), DatabaseError> {
        for role in roles {
            if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(role) {
                continue;
            }
            let sql = "INSERT INTO leases (role, term, since, expires) VALUES (?, 0, 0, 0) {keep role}";
            self.database.exec(sql, values![role.0]).await?;
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(*role);
        }
        Ok(())
    }

    async fn prolonged(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, DatabaseError> {
        let each = vec!["(role = ? AND term = ?)"; held.len()].join(" OR ");
        let mut conditions = values![me.0];
        for holding in held {
            conditions.extend(values![holding.role.0, holding.term]);
        }
        let sql = format!(
            "UPDATE leases SET expires = {{now}} + ? WHERE holder = ? AND expires > {{now}} AND ({each})"
        );
        let mut values = values![millis(lease)];
        values.extend(conditions.clone());
        let hit = self.database.exec(&sql, values).await?;
        if usize::try_from(hit).is_ok_and(|hit| hit == held.len()) {
            return Ok(held.to_vec());
        }
        if hit == 0 {
            return Ok(Vec::new());
        }
        // Some were: whatever is held and has not run out now was prolonged.
        let sql =
            format!("SELECT role, term FROM leases WHERE holder = ? AND expires > {{now}} AND ({each})");
        let rows = self.database.all(&sql, conditions).await?;
        let mut prolonged = Vec::new();
        for row in &rows {
            let mut row = Row::of(row, self.database.backend());
            let (role, term) = (row.text()?, row.int()?);
            prolonged.extend(held.iter().find(|held| held.role.0 == role && held.term == term));
        }
        Ok(prolonged)
    }

    async fn looked(&self, roles: &[Role]) -> Result<Vec<Lease>, DatabaseError> {
        self.know(roles).await?;
        if let Some(leases) = self.rows(roles).await? {
            return Ok(leases);
        }
        // The database was restored from a time before these rows were made.
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.know(roles).await?;
        let leases = self.rows(roles).await?;
        leases.ok_or_else(|| DatabaseError::Damaged("the row of a lease is missing".into()))
    }

    /// These roles in the order of the question; `None` if one has no row.
    async fn rows(&self, roles: &[Role]) -> Result<Option<Vec<Lease>>, DatabaseError> {
        let sql = format!(
            "SELECT role, term, holder, since, expires - {{now}} FROM leases WHERE role IN ({})",
            marks(roles.len())
        );
        let names = roles.iter().map(|role| role.0.into()).collect();
        let rows = self.database.all(&sql, names).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut row = Row::of(row, self.database.backend());
            let (role, term) = (row.text()?, row.int()?);
            let (holder, since) = (row.maybe_uuid()?.map(Incarnation), Timestamp(row.int()?));
            let left = u64::try_from(row.int()?).ok().filter(|left| *left > 0).map(Duration::from_millis);
            found.push((role, term, holder, since, left));
        }
        let lease = |role: &Role| {
            let row = found.iter().find(|row| row.0 == role.0)?;
            let since = (row.1 > 0).then_some(row.3);
            Some(Lease { role: *role, term: row.1, holder: row.2, since, left: row.4 })
        };
        Ok(roles.iter().map(lease).collect())
    }
}

#[async_trait]
impl Election for SqlElection {
    async fn acquire(
        &self,
        me: Incarnation,
        role: Role,
        floor: i64,
        lease: Duration,
    ) -> Result<Option<i64>, ElectionError> {
        let doing = failed("acquiring a lease");
        // The new term is chosen by us, so that no second statement is needed to learn it: it is the old
        // one plus one, or above the floor, and the update says which old one it may replace.
        let looked = self.looked(&[role]).await.map_err(&doing)?;
        let Some(old) = looked.first().filter(|lease| lease.left.is_none()) else { return Ok(None) };
        let term = old.term.max(floor).saturating_add(1);
        let sql = "UPDATE leases SET term = ?, holder = ?, since = {now}, expires = {now} + ? \
                   WHERE role = ? AND term = ? AND expires <= {now}";
        let values = values![term, me.0, millis(lease), role.0, old.term];
        let hit = self.database.exec(sql, values).await.map_err(&doing)?;
        Ok((hit > 0).then_some(term))
    }

    async fn renew(
        &self,
        me: Incarnation,
        held: &[Holding],
        lease: Duration,
    ) -> Result<Vec<Holding>, ElectionError> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        self.prolonged(me, held, lease).await.map_err(failed("renewing leases"))
    }

    async fn resign(&self, me: Incarnation, held: Holding) -> Result<(), ElectionError> {
        let sql = "UPDATE leases SET expires = {now} WHERE role = ? AND term = ? AND holder = ? AND expires > {now}";
        let values = values![held.role.0, held.term, me.0];
        self.database.exec(sql, values).await.map(drop).map_err(failed("giving a lease back"))
    }

    async fn look(&self, roles: &[Role]) -> Result<Vec<Lease>, ElectionError> {
        self.looked(roles).await.map_err(failed("looking at leases"))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn failed(doing: &'static str) -> impl Fn(DatabaseError) -> ElectionError {
    move |error| ElectionError { doing, source: Some(Box::new(error)) }
}
