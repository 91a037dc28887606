//! A package store in a bucket: over any [`object_store::ObjectStore`], so over S3 and what speaks its
//! protocol, and Azure Blob Storage.
//!
//! The tree is that of a directory (`<prefix>/blobs/ab/cd/<key>`), so that one can be copied into the
//! other with any tool. There is one object more, `blobs/store`: a bucket that answers "no such
//! object" may be the wrong one, or gone, and only while that mark is found is a missing blob missing.
//!
//! What lives elsewhere: which bucket and with which credentials (`cloud`), time limits and errors
//! (`patience`), what is tried at start (`probe`), and the work (`put`, `read`, `link`, `list`).

mod link;
mod list;
mod names;
mod patience;
mod probe;
mod put;
mod read;

use super::error::OpenError;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use names::Names;
use object_store::signer::Signer;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath};
use patience::{CONTROL, failed_remote, within};
use proget_core::access::Secret;
use proget_core::artifact::Artifact;
use proget_core::blob::{
    Abilities, Blob, BlobHead, BlobKey, BlobStore, LinkWish, Put, StoreError, StoreErrorKind,
};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The longest note that is kept: a few hundred bytes are promised.
const LONGEST_NOTE: usize = 4096;

/// The ways to one bucket.
///
/// Two, because a client's limit on a whole request must be short for a question and cannot be for
/// a file of five gigabytes; here files are limited by how long nothing comes.
#[derive(Debug, Clone)]
pub struct BucketAccess {
    /// For questions and small writes; its requests may have a short limit.
    pub control: Arc<dyn ObjectStore>,
    /// For bytes; its requests must have no limit on the whole.
    pub bulk: Arc<dyn ObjectStore>,
    /// Makes links for clients, if the service has such a thing.
    pub signer: Option<Arc<dyn Signer>>,
}

impl From<Arc<dyn ObjectStore>> for BucketAccess {
    fn from(store: Arc<dyn ObjectStore>) -> Self {
        Self { control: store.clone(), bulk: store, signer: None }
    }
}

/// A package store in a bucket.
///
/// Blobs lie in `<prefix>/blobs`. Any number of processes may use it, each with credentials that may
/// read, write, list and delete below the prefix.
///
/// # What depends on the server
/// - Where writing *only if nothing is there* is honoured, a small blob is put in one request. Where it
///   is not (some servers take the condition and ignore it, so it is tried at start), it is looked
///   first, and two who put the same blob in the same moment write the same bytes twice.
/// - Blobs above 8 MiB arrive in parts. A process that is killed meanwhile leaves parts that nobody
///   sees and somebody pays for: let the bucket forget unfinished uploads after a day or two.
#[derive(Debug, Clone)]
pub struct ObjectBlobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    access: BucketAccess,
    names: Names,
    /// How an operator knows it.
    name: String,
    /// Is a condition on writing honoured?
    conditional: bool,
}

impl ObjectBlobs {
    /// Opens the store below `prefix`, leaving its mark if it is new, and tries what will be needed:
    /// reading, writing, listing, deleting, and whether conditions on writing are honoured. `name` is how
    /// the operator knows it, without credentials. Needs a Tokio runtime with a timer, then and later.
    ///
    /// # Errors
    /// If the bucket cannot be reached or used; the sentence names it and what failed.
    pub async fn open(
        access: impl Into<BucketAccess>,
        prefix: ObjectPath,
        name: impl Into<String>,
    ) -> Result<Self, OpenError> {
        let (access, names, name) = (access.into(), Names::below(prefix), name.into());
        let conditional = match probe::probe(&access, &names).await {
            Ok(conditional) => conditional,
            Err(source) => return Err(OpenError::Unusable { name, source }),
        };
        if !conditional {
            tracing::warn!(
                store = %name,
                "this object store does not honour conditions on writing (If-None-Match); packages are safe all the same",
            );
        }
        Ok(Self { inner: Arc::new(Inner { access, names, name, conditional }) })
    }

    /// Is writing *only if nothing is there* honoured, as it was tried when the store was opened?
    #[must_use]
    pub fn honours_conditions(&self) -> bool {
        self.inner.conditional
    }

    fn names(&self) -> &Names {
        &self.inner.names
    }

    fn control(&self) -> &dyn ObjectStore {
        &*self.inner.access.control
    }

    fn bulk(&self) -> &dyn ObjectStore {
        &*self.inner.access.bulk
    }

    /// A missing object proves something only while the store's mark is there.
    async fn check_presence(&self, doing: impl Into<String>) -> Result<(), StoreError> {
        let doing = doing.into();
        match within(CONTROL, &doing, self.control().head(&self.names().mark())).await? {
            Ok(_) => Ok(()),
            Err(Error::NotFound { .. }) => {
                let why = format!(
                    "{} is not there, which marks this package store: the bucket or its prefix is another \
                     one, or was emptied",
                    self.names().mark()
                );
                Err(StoreError::new(StoreErrorKind::Unavailable, doing).because(why))
            }
            Err(error) => Err(failed_remote(doing, error)),
        }
    }

    /// How many bytes lie under `key`, or `None` if the store has looked and nothing does.
    async fn length(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        let doing = format!("looking for blob {key}");
        match within(CONTROL, &doing, self.control().head(&self.names().blob(key))).await? {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => self.check_presence(doing).await.map(|()| None),
            Err(error) => Err(failed_remote(doing, error)),
        }
    }
}

impl fmt::Display for ObjectBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.name)
    }
}

#[async_trait]
impl BlobStore for ObjectBlobs {
    fn abilities(&self) -> Abilities {
        Abilities { shared: true, durable: true }
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        self.put_artifact(*key, artifact.clone()).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        self.length(key).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        self.read(*key, range).await
    }

    async fn link(&self, key: &BlobKey, wish: LinkWish<'_>) -> Result<Option<Secret>, StoreError> {
        self.signed(*key, wish).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        let doing = format!("deleting blob {key}");
        match within(CONTROL, &doing, self.control().delete(&self.names().blob(key))).await? {
            Ok(()) => Ok(()),
            Err(Error::NotFound { .. }) => self.check_presence(doing).await,
            Err(error) => Err(failed_remote(doing, error)),
        }
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        self.heads()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        const DOING: &str = "reading the store's note";
        let reading = async {
            match self.control().get(&self.names().witness()).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        match within(CONTROL, DOING, reading).await?.map_err(|error| failed_remote(DOING, error))? {
            Some(note) => Ok(Some(note)),
            None => self.check_presence(DOING).await.map(|()| None),
        }
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        const DOING: &str = "writing the store's note";
        if note.len() > LONGEST_NOTE {
            let doing = format!("{DOING}, which may have {LONGEST_NOTE} bytes at most");
            return Err(StoreError::new(StoreErrorKind::TooLarge, doing));
        }
        self.check_presence(DOING).await?;
        let written =
            within(CONTROL, DOING, self.control().put(&self.names().witness(), note.into())).await?;
        written.map(drop).map_err(|error| failed_remote(DOING, error))
    }
}
