//! Listing: page after page as the server gives them, by name.

use super::ObjectBlobs;
use super::patience::{CONTROL, failed_remote, silent};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use proget_core::blob::{BlobHead, StoreError};
use tokio::time::timeout;

const DOING: &str = "listing blobs";

impl ObjectBlobs {
    pub(super) fn heads(&self) -> BoxStream<'static, Result<BlobHead, StoreError>> {
        let store = self.clone();
        // An empty list of a bucket that is another one would say that everything is lost.
        let begun = async move {
            store.check_presence(DOING).await?;
            let pages = store.control().list(Some(store.names().blobs()));
            Ok(stream::try_unfold((store, pages), |(store, mut pages)| async move {
                loop {
                    let next =
                        timeout(CONTROL, pages.try_next()).await.map_err(|_| silent(DOING, CONTROL))?;
                    let Some(found) = next.map_err(|error| failed_remote(DOING, error))? else {
                        return Ok(None);
                    };
                    if let Some(key) = store.names().key(&found.location) {
                        return Ok(Some((BlobHead { key, size: found.size }, (store, pages))));
                    }
                }
            }))
        };
        stream::once(begun).try_flatten().boxed()
    }
}
