//! A roster in a SQL database: PostgreSQL, MariaDB, and SQLite for one node; on its clock.
//!
//! One row for each component of each process; the card is JSON beside the columns that decisions
//! need. A beat is one UPDATE. Joining and removing are transactions that begin with an UPDATE of
//! the one row of `roster_door`, so they are judged one after the other. Beats do not pass through
//! that door: what was judged about silence is repeated by the statement that deletes, and a process
//! that beat in between stays.

use super::admission::{Seat, judge, silence};
use super::{Beaten, Component, JoinRules, Member, Membership, MembershipError, NodeCard, Removal, Roster};
use crate::sql::{ClusterDatabase, DatabaseError, Decided, Row, Transaction, values};
use async_trait::async_trait;
use proget_core::clock::Timestamp;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use sea_orm::{DbBackend, QueryResult};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A roster in a SQL database; the tables of [`crate::schema`] must be there.
#[derive(Debug)]
pub struct SqlMembership {
    database: Arc<ClusterDatabase>,
}

impl SqlMembership {
    /// Over a connection that serves no requests. Leases may use the same one.
    #[must_use]
    pub fn new(database: Arc<ClusterDatabase>) -> Self {
        Self { database }
    }

    async fn read(&self) -> Result<Roster, DatabaseError> {
        let backend = self.database.backend();
        let sql = "SELECT name, component, incarnation, {now} - beat, card, joined, {now} FROM roster";
        let rows = self.database.all(sql, values![]).await?;
        let mut roster = Roster::default();
        for row in &rows {
            member(&mut roster, row, backend)?;
        }
        if rows.is_empty() {
            let rows = self.database.all("SELECT {now} FROM roster_door", values![]).await?;
            roster.at = Timestamp(Row::of(rows.first().ok_or_else(no_door)?, backend).int()?);
        }
        roster.members.sort_by_key(Member::place);
        Ok(roster)
    }
}

#[async_trait]
impl Membership for SqlMembership {
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError> {
        let (card, written, backend) = (card.clone(), written(card)?, self.database.backend());
        let joining = self.database.transaction(async move |transaction: Transaction| {
            let seats = close_door(&transaction, backend).await?;
            let former = match judge(&card, rules, &seats) {
                Ok(former) => former,
                Err(refused) => return Ok((transaction, Decided::Abandon(Err(refused)))),
            };
            for incarnation in former {
                let limit = Some(rules.abandoned_after);
                if !unseat(&transaction, &seats, incarnation, limit).await? {
                    let component = card.components.first().copied().unwrap_or(Component::Web);
                    let (name, silent_for) = (card.name, Duration::ZERO);
                    let refused = MembershipError::Taken { name, component, silent_for };
                    return Ok((transaction, Decided::Abandon(Err(refused))));
                }
            }
            unseat(&transaction, &seats, card.incarnation, None).await?;
            for component in &card.components {
                let sql = "INSERT INTO roster (name, component, incarnation, card, joined, beat) \
                           VALUES (?, ?, ?, ?, {now}, {now})";
                let (name, me) = (card.name.as_str(), card.incarnation.0);
                transaction.exec(sql, values![name, component.as_str(), me, written.as_str()]).await?;
            }
            Ok((transaction, Decided::Commit(Ok(()))))
        });
        joining.await.map_err(failed("joining the cluster"))?
    }

    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError> {
        let sql = "UPDATE roster SET card = ?, beat = {now} WHERE name = ? AND incarnation = ?";
        let values = values![written(card)?, card.name.as_str(), card.incarnation.0];
        let hit = self.database.exec(sql, values).await.map_err(failed("saying that this node is here"))?;
        // A process has all of its seats or none.
        Ok(Beaten { seated: hit > 0, at: None })
    }

    async fn roster(&self) -> Result<Roster, MembershipError> {
        self.read().await.map_err(failed("reading the roster"))
    }

    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError> {
        let sql = "DELETE FROM roster WHERE name = ? AND incarnation = ?";
        let left = self.database.exec(sql, values![name.as_str(), incarnation.0]).await;
        left.map(drop).map_err(failed("leaving the cluster"))
    }

    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError> {
        let (name, backend) = (name.clone(), self.database.backend());
        let removing = self.database.transaction(async move |transaction: Transaction| {
            let mut of = close_door(&transaction, backend).await?;
            of.retain(|seat| seat.name == name);
            let Some(silent_for) = of.iter().map(|seat| seat.silent_for).min() else {
                return Ok((transaction, Decided::Abandon(Err(MembershipError::Absent(name)))));
            };
            let limit = match removal {
                Removal::Silent(limit) => Some(limit),
                Removal::Forced => None,
            };
            if limit.is_some_and(|limit| silent_for < limit) {
                let refused = MembershipError::Fresh { name, silent_for };
                return Ok((transaction, Decided::Abandon(Err(refused))));
            }
            let gone: BTreeSet<Incarnation> = of.iter().map(|seat| seat.incarnation).collect();
            for incarnation in &gone {
                if !take_out(&transaction, &of, *incarnation, limit).await? {
                    let refused = MembershipError::Fresh { name, silent_for: Duration::ZERO };
                    return Ok((transaction, Decided::Abandon(Err(refused))));
                }
            }
            Ok((transaction, Decided::Commit(Ok(gone.into_iter().collect()))))
        });
        removing.await.map_err(failed("removing a node"))?
    }

    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        let backend = self.database.backend();
        let forgetting = self.database.transaction(async move |transaction: Transaction| {
            let seats = close_door(&transaction, backend).await?;
            let mut gone = BTreeSet::new();
            for seat in seats.iter().filter(|seat| silence(&seats, seat.incarnation) >= silent_for) {
                let departed = (seat.name.clone(), seat.incarnation);
                if gone.contains(&departed) {
                    continue;
                }
                if !take_out(&transaction, &seats, seat.incarnation, Some(silent_for)).await? {
                    // It came back at this very moment. The others are forgotten the next time.
                    return Ok((transaction, Decided::Abandon(Vec::new())));
                }
                gone.insert(departed);
            }
            Ok((transaction, Decided::Commit(gone.into_iter().collect())))
        });
        forgetting.await.map_err(failed("forgetting departed nodes"))
    }
}

/// From here on nobody else joins or removes until the transaction ends; who is here now. It begins
/// with an update, because only that takes SQLite's lock for writing at once.
async fn close_door(transaction: &Transaction, backend: DbBackend) -> Result<Vec<Seat>, DatabaseError> {
    if transaction.exec("UPDATE roster_door SET id = 1 WHERE id = 1", values![]).await? != 1 {
        return Err(no_door());
    }
    let sql = "SELECT name, component, incarnation, {now} - beat FROM roster";
    let rows = transaction.all(sql, values![]).await?;
    let mut seats = Vec::with_capacity(rows.len());
    for row in &rows {
        // A component that only a newer build knows is no seat that this one could want or take.
        seats.extend(seat(&mut Row::of(row, backend))?);
    }
    Ok(seats)
}

fn no_door() -> DatabaseError {
    DatabaseError::Damaged("the table roster_door has lost its row".into())
}

/// Takes the seats of a process, if none of them has beaten for so long: the answer.
async fn unseat(
    transaction: &Transaction,
    seats: &[Seat],
    process: Incarnation,
    silent_for: Option<Duration>,
) -> Result<bool, DatabaseError> {
    for seat in seats.iter().filter(|seat| seat.incarnation == process) {
        let (name, component) = (seat.name.as_str(), seat.component.as_str());
        let mut sql = "DELETE FROM roster WHERE name = ? AND component = ? AND incarnation = ?".to_owned();
        let mut values = values![name, component, process.0];
        if let Some(limit) = silent_for {
            sql.push_str(" AND beat <= {now} - ?");
            values.extend(values![millis(limit)]);
        }
        if transaction.exec(&sql, values).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// As `unseat`, and what the process holds expires.
async fn take_out(
    transaction: &Transaction,
    seats: &[Seat],
    process: Incarnation,
    silent_for: Option<Duration>,
) -> Result<bool, DatabaseError> {
    if !unseat(transaction, seats, process, silent_for).await? {
        return Ok(false);
    }
    let sql = "UPDATE leases SET expires = {now} WHERE holder = ? AND expires > {now}";
    transaction.exec(sql, values![process.0]).await?;
    Ok(true)
}

/// The first four columns; `None` for a component that this build does not know.
fn seat(row: &mut Row<'_>) -> Result<Option<Seat>, DatabaseError> {
    let (name, component) = (row.text()?, row.text()?);
    let (incarnation, silent) = (Incarnation(row.uuid()?), row.int()?);
    // A name that was written is one that can be read.
    let name = NodeName::new(name).map_err(|refusal| DatabaseError::Damaged(refusal.to_string()))?;
    // The database's clock may be set back; nobody was heard of in the future.
    let silent_for = Duration::from_millis(u64::try_from(silent).unwrap_or(0));
    Ok(component.parse().ok().map(|component| Seat { name, component, incarnation, silent_for }))
}

/// Adds a row to the process it belongs to.
fn member(roster: &mut Roster, row: &QueryResult, backend: DbBackend) -> Result<(), DatabaseError> {
    let mut row = Row::of(row, backend);
    let seat = seat(&mut row)?;
    let (card, joined) = (row.text()?, Timestamp(row.int()?));
    roster.at = roster.at.max(Timestamp(row.int()?));
    let Some(Seat { name, component, incarnation, silent_for }) = seat else { return Ok(()) };
    let known = roster.members.iter_mut().find(|member| member.card.incarnation == incarnation);
    if let Some(known) = known {
        known.beats.push((component, silent_for));
        known.beats.sort();
        // A card that cannot be read does not say it.
        known.card.components.insert(component);
        return Ok(());
    }
    let card = serde_json::from_str(&card).unwrap_or_else(|error| {
        tracing::warn!(node = %name, %error, "a node's card cannot be read; a newer build may have written it");
        NodeCard::bare(name, incarnation, [component])
    });
    roster.members.push(Member { card, joined, beats: vec![(component, silent_for)] });
    Ok(())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn written(card: &NodeCard) -> Result<String, MembershipError> {
    let doing = "writing this node's card";
    serde_json::to_string(card)
        .map_err(|error| MembershipError::Unanswered { doing, source: Some(Box::new(error)) })
}

fn failed(doing: &'static str) -> impl Fn(DatabaseError) -> MembershipError {
    move |error| MembershipError::Unanswered { doing, source: Some(Box::new(error)) }
}
