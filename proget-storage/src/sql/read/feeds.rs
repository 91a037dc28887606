//! Reading role: feeds.

use super::super::fault::Fault;
use super::super::session::{Columns, Session, values};
use super::super::{SqlCatalog, steady};
use async_trait::async_trait;
use proget_core::catalog::{CatalogError, Feeds};
use proget_core::clock::Timestamp;
use proget_core::feed::{Feed, FeedName, FormatId};
use proget_core::ids::{FeedId, Stamp};
use sea_orm::QueryResult;

const COLUMNS: &str = "f.id, f.name, f.format, f.settings, f.revision, f.created";

#[async_trait]
impl Feeds for SqlCatalog {
    async fn feed(&self, name: &FeedName) -> Result<Option<Feed>, CatalogError> {
        steady!(self, "looking a feed up by name", async {
            let sql = format!(
                "SELECT {COLUMNS} FROM feed_names n JOIN feeds f ON f.id = n.feed_id WHERE n.name_key = ?"
            );
            one(&self.pools().reads(), &sql, values![name.key()]).await
        })
    }

    async fn feed_by_id(&self, id: FeedId) -> Result<Option<Feed>, CatalogError> {
        steady!(self, "looking a feed up", async {
            let sql = format!("SELECT {COLUMNS} FROM feeds f WHERE f.id = ?");
            one(&self.pools().reads(), &sql, values![id.0]).await
        })
    }

    async fn feeds(&self) -> Result<Vec<Feed>, CatalogError> {
        steady!(self, "listing feeds", async {
            let session = self.pools().reads();
            let sql = format!("SELECT {COLUMNS} FROM feeds f ORDER BY f.name_key");
            let rows = session.all(&sql, values![]).await?;
            rows.iter().map(|row| feed(row, &session)).collect()
        })
    }
}

async fn one(session: &Session, sql: &str, values: Vec<sea_orm::Value>) -> Result<Option<Feed>, Fault> {
    session.one(sql, values).await?.map(|row| feed(&row, session)).transpose()
}

fn feed(row: &QueryResult, session: &Session) -> Result<Feed, Fault> {
    let mut columns = Columns::of(row, session.dialect);
    Ok(Feed {
        id: FeedId(columns.int()?),
        name: columns.parsed(FeedName::new)?,
        format: columns.parsed(FormatId::new)?,
        settings: columns.parsed(|text| serde_json::from_str(&text))?,
        revision: Stamp(columns.uuid()?),
        created: Timestamp(columns.int()?),
    })
}
