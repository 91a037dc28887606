//! Is a store what a cluster needs? Found out through the store's own operations, so that every
//! store can be asked, again and again while it is in use.
//!
//! A node leaves a *beacon*: a small blob under a key that nothing refers to. Writing it shows that
//! the node can write, that nothing is overwritten, that what was put is whole. Whether others can
//! read it shows that the store is shared. A beacon whose node died is a stray like any other, and
//! goes with the next sweep.

use super::{BlobKey, BlobStore, PackageStore, Put, StoreError, StoreErrorKind};
use crate::digest::DigestSet;
use bytes::Bytes;
use futures::StreamExt as _;

/// A store does not do what is needed of it.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFailure {
    /// It could not be asked.
    #[error("{property}: the store did not do it")]
    Failed {
        /// What was tried.
        property: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// It answered, wrongly.
    #[error("{property}: the store says it is done, and it is not")]
    Untrue {
        /// What was tried.
        property: &'static str,
    },
}

/// So many bytes of a beacon are read at most; what is longer is no beacon.
const LONGEST: u64 = 4096;

impl PackageStore {
    /// Leaves a beacon in a store, having seen that it was written whole, that it can be read back and
    /// that a second writer does not overwrite it. A few small files and syncs.
    ///
    /// # Errors
    /// The first property that the store has not. The beacon is taken back as far as that is possible.
    pub async fn leave_beacon(&self, store: &dyn BlobStore, text: &str) -> Result<BlobKey, ProbeFailure> {
        let doing = |property: &'static str| move |source| ProbeFailure::Failed { property, source };
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let body = futures::stream::once(std::future::ready(Ok(bytes))).boxed();
        let artifact = self.receive(body, DigestSet::default()).await.map_err(doing("receiving a file"))?;
        let key = BlobKey::fresh(artifact.digests().sha256);
        let outcome = async {
            let exclusive = "creating a file, and nothing over it";
            if store.put(&key, &artifact).await.map_err(doing("writing a file"))? != Put::Stored {
                return Err(ProbeFailure::Untrue { property: "writing a file" });
            }
            if store.put(&key, &artifact).await.map_err(doing(exclusive))? != Put::AlreadyThere {
                return Err(ProbeFailure::Untrue { property: exclusive });
            }
            match read_beacon(store, &key).await.map_err(doing("reading what was written"))? {
                Some(found) if found == text => Ok(key),
                _ => Err(ProbeFailure::Untrue { property: "reading what was written" }),
            }
        }
        .await;
        if outcome.is_err() {
            // What cannot be deleted now is a stray for the sweep.
            let _ = store.delete(&key).await;
        }
        outcome
    }
}

/// What a beacon says; `None` if there is none under this key.
///
/// # Errors
/// If the store could not look.
pub async fn read_beacon(store: &dyn BlobStore, key: &BlobKey) -> Result<Option<String>, StoreError> {
    let blob = match store.get(key, None).await {
        Ok(blob) if blob.size <= LONGEST => blob,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut body = blob.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(String::from_utf8(bytes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Artifact;
    use crate::blob::{Abilities, Blob, BlobHead, IntakeLimits};
    use crate::memory::{MemoryStaging, MemoryStore};
    use async_trait::async_trait;
    use futures::stream::BoxStream;
    use std::fmt;
    use std::ops::Range;
    use std::sync::Arc;

    /// A store that lies about one thing.
    #[derive(Debug)]
    struct Liar {
        inner: MemoryStore,
        overwrites: bool,
        forgets: bool,
    }

    impl fmt::Display for Liar {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a liar")
        }
    }

    #[async_trait]
    impl BlobStore for Liar {
        fn abilities(&self) -> Abilities {
            self.inner.abilities()
        }

        async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
            if self.forgets && self.inner.head(key).await?.is_some() {
                self.inner.delete(key).await?;
                return Ok(Put::AlreadyThere);
            }
            let put = self.inner.put(key, artifact).await?;
            Ok(if self.overwrites { Put::Stored } else { put })
        }

        async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
            self.inner.head(key).await
        }

        async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
            self.inner.get(key, range).await
        }

        async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
            self.inner.delete(key).await
        }

        fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
            self.inner.list()
        }

        async fn note(&self) -> Result<Option<Bytes>, StoreError> {
            self.inner.note().await
        }

        async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
            self.inner.set_note(note).await
        }
    }

    fn packages(overwrites: bool, forgets: bool) -> (PackageStore, Arc<Liar>) {
        let store = Arc::new(Liar { inner: MemoryStore::new(), overwrites, forgets });
        let staging = Arc::new(MemoryStaging::new());
        (PackageStore::new(store.clone(), staging, IntakeLimits::default()), store)
    }

    #[tokio::test]
    async fn a_beacon_is_read_by_whoever_sees_the_same_store_and_by_nobody_else() {
        let (packages, store) = packages(false, false);
        let key = packages.leave_beacon(&*store, "node a, boot 1").await.unwrap();
        assert_eq!(read_beacon(&*store, &key).await.unwrap().as_deref(), Some("node a, boot 1"));
        let (_, other) = self::packages(false, false);
        assert_eq!(read_beacon(&*other, &key).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_store_that_overwrites_or_forgets_is_found_out_and_nothing_is_left_in_it() {
        for (overwrites, forgets, expected) in [(true, false, "nothing over it"), (false, true, "reading")] {
            let (packages, store) = packages(overwrites, forgets);
            let told = packages.leave_beacon(&*store, "node a").await.unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
            assert_eq!(store.list().collect::<Vec<_>>().await.len(), 0);
        }
    }
}
