//! The seam behind which bytes arrive: spooled and hashed in one pass, kept until a publish has
//! committed, gone without a trace otherwise.

use super::StoreError;
use crate::artifact::Artifact;
use crate::digest::DigestSet;
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;

/// One upload on its way in. Dropping it gives the space back.
#[async_trait]
pub trait Spool: fmt::Debug + Send + 'static {
    /// Takes the next bytes. Waits while the medium is slow: that is the back-pressure.
    async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError>;

    /// Bytes taken so far.
    fn size(&self) -> u64;

    /// No more bytes will come: the artifact, measured and hashed.
    async fn finish(self: Box<Self>) -> Result<Artifact, StoreError>;
}

/// What a look for left-over uploads found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Uploads of processes that no longer run, removed.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Where bytes wait until they are accepted.
///
/// Uploads in pieces that may reach different nodes (OCI chunks, multipart assets) will be a
/// second trait beside this one, over the shared store; a single request's body needs none of it.
///
/// # What an implementation must promise
/// - Memory per upload is bounded, however long the upload is.
/// - An unfinished or finished artifact that is dropped leaves nothing behind; one whose process
///   was killed is found by `sweep` of a later process and removed, never while its owner lives.
/// - Names carry the upload's id and the process's incarnation.
#[async_trait]
pub trait Staging: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Begins an upload; computes SHA-256 and what else is `wanted`.
    async fn begin(&self, wanted: DigestSet) -> Result<Box<dyn Spool>, StoreError>;

    /// Removes what killed processes left behind.
    async fn sweep(&self) -> Result<Leftovers, StoreError>;
}
