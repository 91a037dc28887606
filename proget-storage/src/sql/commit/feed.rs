//! Changes to feeds.

use super::super::fault::Fault;
use super::super::session::{Columns, Session, marks, values};
use super::touched::SLOTS;
use proget_core::catalog::{Conflict, FeedChange};
use proget_core::feed::{FeedName, FeedSettings, FormatId};
use proget_core::ids::{FeedId, Stamp};
use sea_orm::Value;
use std::collections::BTreeSet;

/// How many packages one statement deletes.
const BATCH: i64 = 100;

pub(super) async fn change(session: &Session, change: &FeedChange) -> Result<(), Fault> {
    match change {
        FeedChange::Create { name, format, settings } => create(session, name, format, settings).await,
        FeedChange::Update { id, name, settings } => update(session, *id, name, settings).await,
        FeedChange::Delete(id) => delete(session, *id).await,
    }
}

async fn create(
    session: &Session,
    name: &FeedName,
    format: &FormatId,
    settings: &FeedSettings,
) -> Result<(), Fault> {
    let sql = "INSERT INTO feeds (name, name_key, format, settings, revision, created) \
               VALUES (?, ?, ?, ?, ?, {now})";
    let values = values![name.as_str(), name.key(), format.as_str(), written(settings)?, Stamp::random().0];
    let id = FeedId(session.insert(sql, values).await?);
    claim_names(session, id, name, settings).await?;
    for slot in 0..SLOTS {
        let sql = "INSERT INTO feed_stamps (feed_id, slot, stamp) VALUES (?, ?, ?)";
        session.exec(sql, values![id.0, slot, Stamp::random().0]).await?;
    }
    Ok(())
}

async fn update(
    session: &Session,
    id: FeedId,
    name: &FeedName,
    settings: &FeedSettings,
) -> Result<(), Fault> {
    let sql = "UPDATE feeds SET name = ?, name_key = ?, settings = ?, revision = ? WHERE id = ?";
    let values = values![name.as_str(), name.key(), written(settings)?, Stamp::random().0, id.0];
    if session.exec(sql, values).await? == 0 {
        return Err(Conflict::Absent.into());
    }
    session.exec("DELETE FROM feed_names WHERE feed_id = ?", values![id.0]).await?;
    claim_names(session, id, name, settings).await
}

/// Everything inside a feed goes with it by foreign keys; blobs stay for the sweep. Packages go in
/// batches first: a feed may be so large that one statement would meet its time limit.
async fn delete(session: &Session, id: FeedId) -> Result<(), Fault> {
    // Publishes into the feed wait from here on, and then find it gone.
    if !session.any("SELECT 1 FROM feeds WHERE id = ? {lock}", values![id.0]).await? {
        return Err(Conflict::Absent.into());
    }
    loop {
        let sql = "SELECT id FROM packages WHERE feed_id = ? ORDER BY id LIMIT ?";
        let rows = session.all(sql, values![id.0, BATCH]).await?;
        if rows.is_empty() {
            break;
        }
        let ids = rows.iter().map(|row| Columns::of(row, session.dialect).int().map(Value::from));
        let ids: Vec<Value> = ids.collect::<Result<_, Fault>>()?;
        session.exec(&format!("DELETE FROM packages WHERE id IN ({})", marks(ids.len())), ids).await?;
    }
    session.exec("DELETE FROM feeds WHERE id = ?", values![id.0]).await?;
    Ok(())
}

async fn claim_names(
    session: &Session,
    id: FeedId,
    name: &FeedName,
    settings: &FeedSettings,
) -> Result<(), Fault> {
    // In their order, so that two who want the same names wait instead of deadlocking.
    let keys: BTreeSet<&str> =
        settings.alternate_names.iter().map(FeedName::key).chain([name.key()]).collect();
    for key in keys {
        let sql = "INSERT INTO feed_names (name_key, feed_id) VALUES (?, ?)";
        let claimed = session.exec(sql, values![key, id.0]).await.map_err(Fault::from);
        claimed.map_err(|fault| fault.if_taken(Conflict::NameTaken))?;
    }
    Ok(())
}

fn written(settings: &FeedSettings) -> Result<String, Fault> {
    serde_json::to_string(settings).map_err(|error| Fault::Damaged(error.to_string()))
}
