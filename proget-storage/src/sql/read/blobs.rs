//! Reading role: blobs and doomed keys.

use super::super::commit::{ARRIVING, CONDEMNED, LIVE};
use super::super::fault::Fault;
use super::super::session::{Columns, Session, marks, values};
use super::super::{SqlCatalog, steady};
use async_trait::async_trait;
use proget_core::blob::BlobKey;
use proget_core::catalog::{BlobRow, BlobState, BlobWanted, Blobs, CatalogError, DoomedRow};
use proget_core::clock::Timestamp;
use proget_core::digest::Sha256;
use proget_core::feed::StoreName;
use proget_core::ids::{BlobId, Generation};
use sea_orm::{QueryResult, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// One statement, so `touched` and the references are of the same moment.
const BLOB: &str = "SELECT b.id, b.store, b.digest, b.generation, b.size, b.state, b.touched, \
                    CASE WHEN b.reserved_until > {now} THEN {whole 1} ELSE {whole 0} END, \
                    {references b.id} FROM blobs b";

/// Statements with more values than this are cut into several.
const CHUNK: usize = 400;

/// The blob of that digest, on whichever session.
pub(in super::super) async fn blob_of(
    session: &Session,
    store: &StoreName,
    digest: &Sha256,
) -> Result<Option<BlobRow>, Fault> {
    let sql = format!("{BLOB} WHERE b.store = ? AND b.digest = ?");
    let row = session.one(&sql, values![store.as_str(), digest.0.to_vec()]).await?;
    row.map(|row| blob(&row, session)).transpose()
}

#[async_trait]
impl Blobs for SqlCatalog {
    async fn blob(&self, store: &StoreName, digest: &Sha256) -> Result<Option<BlobRow>, CatalogError> {
        steady!(self, "looking a blob up", async { blob_of(&self.pools().reads(), store, digest).await })
    }

    async fn blobs(
        &self,
        wanted: BlobWanted,
        after: Option<BlobId>,
        limit: u32,
    ) -> Result<Vec<BlobRow>, CatalogError> {
        steady!(self, "listing blobs", async {
            let session = self.pools().reads();
            let unreserved = "b.reserved_until <= {now}";
            let filter = match wanted {
                BlobWanted::All => String::new(),
                BlobWanted::Abandoned => format!("AND b.state = {ARRIVING} AND {unreserved}"),
                BlobWanted::Unreferenced => format!(
                    "AND b.state = {LIVE} AND {unreserved} \
                     AND NOT EXISTS (SELECT 1 FROM files f WHERE f.blob_id = b.id)"
                ),
                BlobWanted::Condemned => format!("AND b.state = {CONDEMNED} AND {unreserved}"),
            };
            let sql = format!("{BLOB} WHERE b.id > ? {filter} ORDER BY b.id LIMIT ?");
            let after = after.map_or(i64::MIN, |id| id.0);
            let rows = session.all(&sql, values![after, i64::from(limit)]).await?;
            rows.iter().map(|row| blob(row, &session)).collect()
        })
    }

    async fn users_of(&self, blob: BlobId, limit: u32) -> Result<Vec<String>, CatalogError> {
        steady!(self, "looking for users of a blob", async {
            let session = self.pools().reads();
            let sql = "SELECT d.name, p.name, f.name FROM files f \
                       JOIN packages p ON p.id = f.package_id JOIN feeds d ON d.id = p.feed_id \
                       WHERE f.blob_id = ? ORDER BY d.id, p.name_key, f.name LIMIT ?";
            let rows = session.all(sql, values![blob.0, i64::from(limit)]).await?;
            let user = |row: &QueryResult| {
                let mut columns = Columns::of(row, session.dialect);
                Ok(format!("{}/{}/{}", columns.text()?, columns.text()?, columns.text()?))
            };
            rows.iter().map(user).collect()
        })
    }

    async fn doomed(
        &self,
        store: &StoreName,
        delay: Duration,
        limit: u32,
    ) -> Result<Vec<DoomedRow>, CatalogError> {
        steady!(self, "listing doomed keys", async {
            let session = self.pools().reads();
            let sql = "SELECT digest, generation, since, CASE WHEN since + ? <= {now} THEN {whole 1} ELSE {whole 0} END \
                       FROM doomed WHERE store = ? ORDER BY since, digest, generation LIMIT ?";
            let values = values![milliseconds(delay), store.as_str(), i64::from(limit)];
            let rows = session.all(sql, values).await?;
            let doomed = |row: &QueryResult| {
                let mut columns = Columns::of(row, session.dialect);
                let key = key(&mut columns)?;
                let (at, ripe) = (Timestamp(columns.int()?), columns.yes()?);
                Ok(DoomedRow { store: store.clone(), key, at, ripe })
            };
            rows.iter().map(doomed).collect()
        })
    }

    async fn is_ripe(&self, store: &StoreName, key: &BlobKey, delay: Duration) -> Result<bool, CatalogError> {
        steady!(self, "looking at a doomed key", async {
            let sql = "SELECT 1 FROM doomed WHERE store = ? AND digest = ? AND generation = ? \
                       AND since + ? <= {now}";
            let digest = key.digest.0.to_vec();
            let values = values![store.as_str(), digest, key.generation.0, milliseconds(delay)];
            Ok(self.pools().reads().any(sql, values).await?)
        })
    }

    async fn strays(&self, store: &StoreName, keys: &[BlobKey]) -> Result<Vec<BlobKey>, CatalogError> {
        let mut strays = Vec::new();
        for chunk in keys.chunks(CHUNK) {
            let named = steady!(self, "looking for keys that nothing names", async {
                named(&self.pools().reads(), store, chunk).await
            })?;
            strays.extend(chunk.iter().filter(|key| !named.contains(*key)));
        }
        Ok(strays)
    }
}

/// Which keys of these digests are named; both tables in one statement, because a key moves from
/// one to the other.
async fn named(session: &Session, store: &StoreName, keys: &[BlobKey]) -> Result<BTreeSet<BlobKey>, Fault> {
    let marks = marks(keys.len());
    let sql = format!(
        "SELECT digest, generation FROM blobs WHERE store = ? AND digest IN ({marks}) \
         UNION ALL SELECT digest, generation FROM doomed WHERE store = ? AND digest IN ({marks})"
    );
    let one_table = || {
        let digests = keys.iter().map(|key| Value::from(key.digest.0.to_vec()));
        std::iter::once(Value::from(store.as_str())).chain(digests)
    };
    let rows = session.all(&sql, one_table().chain(one_table()).collect()).await?;
    rows.iter().map(|row| key(&mut Columns::of(row, session.dialect))).collect()
}

fn milliseconds(time: Duration) -> i64 {
    // Far enough for any delay, and far enough from the end not to overflow when added to an instant.
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// Digest and generation, in this order.
pub(super) fn key(columns: &mut Columns<'_>) -> Result<BlobKey, Fault> {
    let digest =
        Sha256::try_from(columns.bytes()?.as_slice()).map_err(|error| Fault::Damaged(error.to_string()))?;
    Ok(BlobKey { digest, generation: Generation(columns.uuid()?) })
}

fn blob(row: &QueryResult, session: &Session) -> Result<BlobRow, Fault> {
    let mut columns = Columns::of(row, session.dialect);
    Ok(BlobRow {
        id: BlobId(columns.int()?),
        store: columns.parsed(StoreName::new)?,
        key: key(&mut columns)?,
        size: columns.size()?,
        state: match columns.int()? {
            ARRIVING => BlobState::Arriving,
            LIVE => BlobState::Live,
            CONDEMNED => BlobState::Condemned,
            other => return Err(Fault::Damaged(format!("there is no state {other} of blobs"))),
        },
        touched: columns.int()?,
        reserved: columns.yes()?,
        references: columns.size()?,
    })
}
