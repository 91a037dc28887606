//! Beacons in the package store.

use async_trait::async_trait;
use proget_cluster::node::Beacons;
use proget_core::blob::{BlobKey, BlobStore, PackageStore, read_beacon};
use proget_core::feed::StoreName;
use proget_core::problem::chain;
use std::sync::Arc;

/// Beacons in the default package store.
#[derive(Debug)]
pub(crate) struct StoreBeacons(pub(crate) PackageStore);

impl StoreBeacons {
    fn store(&self) -> Result<&Arc<dyn BlobStore>, String> {
        self.0.store(&StoreName::default()).map_err(|error| chain(&error))
    }
}

#[async_trait]
impl Beacons for StoreBeacons {
    async fn leave(&self, text: &str) -> Result<String, String> {
        let left = self.0.leave_beacon(&**self.store()?, text).await;
        left.map(|key| key.to_string()).map_err(|failure| chain(&failure))
    }

    async fn is_there(&self, key: &str, text: &str) -> Result<bool, String> {
        let Ok(key) = key.parse::<BlobKey>() else { return Ok(false) };
        let found = read_beacon(&**self.store()?, &key).await.map_err(|error| chain(&error))?;
        Ok(found.as_deref() == Some(text))
    }

    async fn take_away(&self, key: &str) {
        if let (Ok(store), Ok(key)) = (self.store(), key.parse::<BlobKey>()) {
            // What stays is a stray for the next sweep.
            let _ = store.delete(&key).await;
        }
    }
}
