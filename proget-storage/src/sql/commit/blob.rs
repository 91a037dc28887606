//! Changes to blobs: reserving, condemning, dooming.
//!
//! The race between a sweep and a publish is decided by `touched`, which every reservation and
//! publication moves, and by the foreign key of `files`. A condition such as "and no file refers
//! to it" would not do: under READ COMMITTED the locked row is looked at anew, but references are
//! looked for in the statement's old snapshot.

use super::super::fault::Fault;
use super::super::read;
use super::super::session::{Columns, Session, values};
use proget_core::blob::BlobKey;
use proget_core::catalog::{BlobChange, BlobRow, ChangeSet, Conflict};
use proget_core::feed::StoreName;
use proget_core::ids::BlobId;
use std::time::Duration;

/// States as they are stored.
pub(in super::super) const ARRIVING: i64 = 0;
pub(in super::super) const LIVE: i64 = 1;
pub(in super::super) const CONDEMNED: i64 = 2;

pub(super) async fn change(
    session: &Session,
    change: &BlobChange,
    set: &ChangeSet,
) -> Result<Option<BlobRow>, Fault> {
    match change {
        BlobChange::Reserve { store, fresh, size, hold } => {
            return reserve(session, store, fresh, *size, *hold).await.map(Some);
        }
        BlobChange::Condemn { id, touched } => {
            let sql = "UPDATE blobs SET state = ? WHERE id = ? AND touched = ? AND state = ? \
                       AND reserved_until <= {now}";
            let values = values![CONDEMNED, id.0, *touched, LIVE];
            untouched(session.exec(sql, values).await?)?;
        }
        BlobChange::Doom { id, touched } => doom(session, *id, *touched, term(set)).await?,
        BlobChange::DoomStray { store, key } => doom_stray(session, store, key, term(set)).await?,
        BlobChange::Forget { store, key } => {
            let sql = "DELETE FROM doomed WHERE store = ? AND digest = ? AND generation = ?";
            session.exec(sql, named(store, key)).await?;
        }
    }
    Ok(None)
}

fn term(set: &ChangeSet) -> i64 {
    set.fence.map_or(0, |fence| fence.term)
}

fn untouched(rows: u64) -> Result<(), Fault> {
    if rows == 0 { Err(Conflict::BlobTouched.into()) } else { Ok(()) }
}

fn named(store: &StoreName, key: &BlobKey) -> Vec<sea_orm::Value> {
    values![store.as_str(), key.digest.0.to_vec(), key.generation.0]
}

async fn reserve(
    session: &Session,
    store: &StoreName,
    fresh: &BlobKey,
    size: u64,
    hold: Duration,
) -> Result<BlobRow, Fault> {
    let hold = i64::try_from(hold.as_millis()).unwrap_or(i64::MAX / 4);
    // An update first: it locks one row and no gap beside it, and the row is mostly there.
    let renew = "UPDATE blobs SET touched = touched + 1, \
                 state = CASE WHEN state = ? THEN ? ELSE state END, \
                 reserved_until = CASE WHEN reserved_until > {now} + ? THEN reserved_until ELSE {now} + ? END \
                 WHERE store = ? AND digest = ?";
    let values = values![CONDEMNED, LIVE, hold, hold, store.as_str(), fresh.digest.0.to_vec()];
    if session.exec(renew, values).await? == 0 {
        // Another process may have inserted it in between: then this renews its row instead.
        let insert = "INSERT INTO blobs (store, digest, generation, size, state, touched, reserved_until) \
                      VALUES (?, ?, ?, ?, ?, 1, {now} + ?) \
                      {upsert store, digest} touched = blobs.touched + 1, \
                      state = CASE WHEN blobs.state = ? THEN ? ELSE blobs.state END, \
                      reserved_until = CASE WHEN blobs.reserved_until > {new reserved_until} \
                      THEN blobs.reserved_until ELSE {new reserved_until} END";
        let size = i64::try_from(size).map_err(|_| Fault::Damaged("a blob is larger than 2^63".into()))?;
        let mut values = named(store, fresh);
        values.extend(values![size, ARRIVING, hold, CONDEMNED, LIVE]);
        session.exec(insert, values).await?;
    }
    let row = read::blob_of(session, store, &fresh.digest).await?;
    row.ok_or_else(|| Fault::Damaged("a blob row vanished while it was locked".into()))
}

async fn doom(session: &Session, id: BlobId, touched: i64, term: i64) -> Result<(), Fault> {
    let sql = "SELECT store, digest, generation FROM blobs WHERE id = ? AND touched = ? AND state <> ? \
               AND reserved_until <= {now} {lock}";
    let Some(row) = session.one(sql, values![id.0, touched, LIVE]).await? else {
        return Err(Conflict::BlobTouched.into());
    };
    let mut columns = Columns::of(&row, session.dialect);
    let (store, digest, generation) = (columns.text()?, columns.bytes()?, columns.uuid()?);
    // The foreign key has the last word: it sees references that no snapshot of ours does.
    let deleted =
        session.exec("DELETE FROM blobs WHERE id = ? AND touched = ?", values![id.0, touched]).await;
    let deleted = deleted.map_err(Fault::from).map_err(|fault| fault.if_referred(Conflict::BlobTouched))?;
    untouched(deleted)?;
    let sql = "INSERT INTO doomed (store, digest, generation, since, term) VALUES (?, ?, ?, {now}, ?)";
    session.exec(sql, values![store, digest, generation, term]).await?;
    Ok(())
}

/// A key that lies in the store and in no row. Keys are random and written down before their bytes
/// are, so no row that names this one can appear later.
async fn doom_stray(session: &Session, store: &StoreName, key: &BlobKey, term: i64) -> Result<(), Fault> {
    let sql = "SELECT 1 FROM blobs WHERE store = ? AND digest = ? AND generation = ? {lock}";
    if session.any(sql, named(store, key)).await? {
        return Err(Conflict::BlobTouched.into());
    }
    let sql = "INSERT INTO doomed (store, digest, generation, since, term) VALUES (?, ?, ?, {now}, ?) {keep store, digest, generation}";
    let mut values = named(store, key);
    values.push(term.into());
    session.exec(sql, values).await?;
    Ok(())
}
