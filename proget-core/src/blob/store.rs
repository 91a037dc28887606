//! The seam behind which bytes rest.

use super::{BlobKey, StoreError};
use crate::access::Secret;
use crate::artifact::Artifact;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Bytes on their way, in chunks; constant memory however long.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// What a store can do; tests and start-up checks consult it before they rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Do several nodes see the same bytes?
    pub shared: bool,
    /// Does a returned `put` survive a power cut (and not only a killed process)?
    pub durable: bool,
}

/// How a `put` went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The bytes are there now.
    Stored,
    /// Bytes of the same length were there under this key already.
    AlreadyThere,
}

/// A key that is in a store, and how many bytes lie under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobHead {
    /// The key.
    pub key: BlobKey,
    /// Bytes under it.
    pub size: u64,
}

/// Bytes that are being read.
pub struct Blob {
    /// Size of the whole blob, also when a part was asked for.
    pub size: u64,
    /// The part that is being sent.
    pub range: Range<u64>,
    /// The bytes of that part.
    pub body: ByteStream,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

/// What a link to a blob should be like; see [`BlobStore::link`].
#[derive(Debug, Clone, Copy)]
pub struct LinkWish<'w> {
    /// For how long it shall open the blob.
    pub good_for: Duration,
    /// What the answer shall say that the bytes are, if the store can make it say so.
    pub content_type: &'w str,
    /// The same for how they are to be saved (a `Content-Disposition`).
    pub disposition: &'w str,
}

/// Where bytes rest, immutable, addressed by digest and generation.
///
/// The trait is small for those who implement it; callers use [`PackageStore`](super::PackageStore),
/// which adds checks, limits and the memory of small blobs once for all stores.
///
/// # What an implementation must promise
/// - When `put` returns, the bytes survive the loss of this process, and of power if
///   [`Abilities::durable`] says so: file *and* directories are synced.
/// - A blob is visible whole or not at all, from any node, once `put` has returned.
/// - `put` never overwrites: under a key that is there with the same length it answers
///   [`Put::AlreadyThere`]; with another length it fails as `Corrupt`.
/// - `put` may be called for the same key from several processes at once; all succeed.
/// - `put` checks nothing but the length; the caller has hashed. `get` does not hash either.
/// - `delete` of a key that is not there is success. A delete need not be durable: sweeps repeat it.
/// - `NotFound` means the store has looked and it is not there – never "could not look".
/// - `list` names each whole blob at least once if it was there before the call and stays;
///   half-written ones and foreign files are never named. Order is unspecified.
/// - `Display` names the store as an operator knows it, without credentials.
#[async_trait]
pub trait BlobStore: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// What this store can do.
    fn abilities(&self) -> Abilities;

    /// Puts the artifact's bytes under `key`. May be repeated; takes as long as the bytes take.
    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError>;

    /// How many bytes lie under `key`, or `None` if nothing does.
    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError>;

    /// Reads a blob, or the part of it that `range` names (which must lie within it).
    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError>;

    /// An address at which whoever knows it gets this blob from the store itself, without this server and
    /// without further credentials; `None` if this store has no such thing. It opens this blob for reading
    /// and nothing else, no longer than about as long as is wished, and is given only for a blob that
    /// the store has just found. It is a secret as long as it is good.
    async fn link(&self, key: &BlobKey, wish: LinkWish<'_>) -> Result<Option<Secret>, StoreError> {
        let _ = (key, wish);
        Ok(None)
    }

    /// Deletes what lies under `key`. Only a sweep calls this, with a key that was doomed long ago.
    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError>;

    /// Every key in the store; for sweeps and verification, never to answer a request.
    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>>;

    /// The note that this store keeps about its installation (the *witness*), if it has one.
    async fn note(&self) -> Result<Option<Bytes>, StoreError>;

    /// Replaces the note durably; at most a few hundred bytes.
    async fn set_note(&self, note: Bytes) -> Result<(), StoreError>;
}
