//! The package store, as a process sees it through its wire.

use super::wire::{Peer, Wire};
use super::world::{World, at_once};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use proget_core::artifact::Artifact;
use proget_core::blob::{Abilities, Blob, BlobHead, BlobKey, BlobStore, Put, StoreError, StoreErrorKind};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct WiredStore {
    pub(crate) world: Arc<World>,
    pub(crate) wire: Arc<Wire>,
}

impl WiredStore {
    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&World) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let world = Arc::clone(&self.world);
        let asked = self.wire.call(Peer::Store, doing, move || work(&world)).await;
        asked.unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Unavailable, doing)))
    }
}

impl fmt::Display for WiredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a simulated store")
    }
}

#[async_trait]
impl BlobStore for WiredStore {
    fn abilities(&self) -> Abilities {
        Abilities { shared: true, durable: true }
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        let (key, artifact) = (*key, artifact.clone());
        self.ask("putting a blob", move |world| at_once(world.store.put(&key, &artifact))).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        let key = *key;
        self.ask("looking for a blob", move |world| at_once(world.store.head(&key))).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        let key = *key;
        self.ask("reading a blob", move |world| at_once(world.store.get(&key, range))).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        let key = *key;
        self.ask("deleting a blob", move |world| world.delete(&key)).await
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        let heads = async {
            let listed = self.ask("listing blobs", |world| {
                Ok(at_once(world.store.list().collect::<Vec<Result<BlobHead, StoreError>>>()))
            });
            match listed.await {
                Ok(heads) => heads,
                Err(error) => vec![Err(error)],
            }
        };
        stream::once(heads).flat_map(stream::iter).boxed()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.ask("reading the note", |world| at_once(world.store.note())).await
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        self.ask("writing the note", move |world| at_once(world.store.set_note(note))).await
    }
}
