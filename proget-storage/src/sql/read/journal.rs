//! Reading role: the journal.

use super::super::fault::Fault;
use super::super::session::{Columns, Session, values};
use super::super::{SqlCatalog, steady};
use super::cursor;
use async_trait::async_trait;
use proget_core::catalog::{Action, CatalogError, Journal, JournalEntry, JournalRow, Page, PageRequest};
use proget_core::clock::Timestamp;
use proget_core::ids::{ChangeId, FeedId};
use sea_orm::QueryResult;

const ROW: &str = "SELECT id, change_id, since, actor, action, feed_id, subject FROM journal";

#[async_trait]
impl Journal for SqlCatalog {
    async fn entry(&self, change: ChangeId) -> Result<Option<JournalRow>, CatalogError> {
        steady!(self, "looking a change up in the journal", async {
            let session = self.pools().reads();
            let row = session.one(&format!("{ROW} WHERE change_id = ?"), values![change.0]).await?;
            Ok(row.map(|row| journal_row(&row, &session)).transpose()?.and_then(|(_, row)| row))
        })
    }

    async fn journal(&self, request: &PageRequest) -> Result<Page<JournalRow>, CatalogError> {
        steady!(self, "reading the journal", async {
            let session = self.pools().reads();
            let before = cursor::read(request.after.as_ref()).and_then(|[id]| id.try_into().ok());
            let before = before.map_or(i64::MAX, i64::from_be_bytes);
            let sql = format!("{ROW} WHERE id < ? ORDER BY id DESC LIMIT ?");
            let rows = session.all(&sql, values![before, cursor::limit(request)]).await?;
            let rows: Vec<(i64, Option<JournalRow>)> =
                rows.iter().map(|row| journal_row(row, &session)).collect::<Result<_, Fault>>()?;
            let page = cursor::page(rows, request, |(id, _)| cursor::write(&[&id.to_be_bytes()]));
            Ok(Page { rows: page.rows.into_iter().filter_map(|(_, row)| row).collect(), next: page.next })
        })
    }
}

/// The row, or none if a newer build wrote an action that this one has no word for.
fn journal_row(row: &QueryResult, session: &Session) -> Result<(i64, Option<JournalRow>), Fault> {
    let mut columns = Columns::of(row, session.dialect);
    let id = columns.int()?;
    let (change, at, actor) = (ChangeId(columns.uuid()?), Timestamp(columns.int()?), columns.text()?);
    let Ok(action) = columns.text()?.parse::<Action>() else { return Ok((id, None)) };
    let entry = JournalEntry { action, feed: columns.maybe_int()?.map(FeedId), subject: columns.text()? };
    Ok((id, Some(JournalRow { change, at, actor, entry })))
}
