//! Reading role: blobs and doomed keys, for publishing, sweeping and verifying.

use super::CatalogError;
use crate::blob::BlobKey;
use crate::clock::Timestamp;
use crate::digest::Sha256;
use crate::feed::StoreName;
use crate::ids::BlobId;
use async_trait::async_trait;

/// The life of a blob row. After `Condemned` comes *doom*: the row is deleted and the key moves
/// to the doomed table, so a doomed blob has no state here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// Reserved; its bytes may or may not be there yet.
    Arriving,
    /// Published at least once.
    Live,
    /// Found unreferenced; a reservation revives it.
    Condemned,
}

/// A blob as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// Its row; file rows refer to it by a real foreign key.
    pub id: BlobId,
    /// The store in which it lies.
    pub store: StoreName,
    /// The key under which it lies (its digest included).
    pub key: BlobKey,
    /// How many bytes.
    pub size: u64,
    /// Where it is in its life.
    pub state: BlobState,
    /// Grows with every reservation and publication; condemning and dooming compare it.
    pub touched: i64,
    /// Is a reservation still running, by the catalogue's clock?
    pub reserved: bool,
    /// How many file rows refer to it. A catalogue may stop counting at a thousand.
    pub references: u64,
}

/// A key that no blob row names any more, waiting for its bytes to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoomedRow {
    /// The store.
    pub store: StoreName,
    /// The key.
    pub key: BlobKey,
    /// Since when, by the catalogue's clock.
    pub at: Timestamp,
    /// Has it been doomed for longer than the delay that the question named?
    pub ripe: bool,
}

/// Which blobs a sweep or a verification wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobWanted {
    /// All of them.
    All,
    /// `Arriving`, the reservation run out: uploads that died before their commit.
    Abandoned,
    /// `Live`, no references, no reservation.
    Unreferenced,
    /// `Condemned`, no reservation.
    Condemned,
}

/// What bytes the catalogue knows.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The blob of that digest in that store.
    async fn blob(&self, store: &StoreName, digest: &Sha256) -> Result<Option<BlobRow>, CatalogError>;

    /// Blobs with `id > after`, ascending, at most `limit`. `touched` is read no later than the references are counted.
    async fn blobs(
        &self,
        wanted: BlobWanted,
        after: Option<BlobId>,
        limit: u32,
    ) -> Result<Vec<BlobRow>, CatalogError>;

    /// Files that refer to a blob, as `feed/package/file`, at most `limit`; for reports of damage.
    async fn users_of(&self, blob: BlobId, limit: u32) -> Result<Vec<String>, CatalogError>;

    /// Doomed keys of a store, oldest first, at most `limit`; `ripe` means doomed for at least `delay`.
    async fn doomed(
        &self,
        store: &StoreName,
        delay: std::time::Duration,
        limit: u32,
    ) -> Result<Vec<DoomedRow>, CatalogError>;

    /// Is that key still doomed (with at least `delay` behind it)? The last look before its bytes are deleted.
    async fn is_ripe(
        &self,
        store: &StoreName,
        key: &BlobKey,
        delay: std::time::Duration,
    ) -> Result<bool, CatalogError>;

    /// Those of these keys that neither a blob row nor a doomed row names. The read begins after the call does.
    async fn strays(&self, store: &StoreName, keys: &[BlobKey]) -> Result<Vec<BlobKey>, CatalogError>;
}
