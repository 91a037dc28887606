//! Links: whoever holds one reads one blob from the bucket itself.

use super::ObjectBlobs;
use super::patience::{CONTROL, failed_remote, within};
use object_store::Error;
use object_store::signer::{Method, SignedUrlOptions};
use proget_core::access::Secret;
use proget_core::blob::{BlobKey, LinkWish, StoreError, StoreErrorKind};

impl ObjectBlobs {
    pub(super) async fn signed(
        &self,
        key: BlobKey,
        wish: LinkWish<'_>,
    ) -> Result<Option<Secret>, StoreError> {
        let doing = format!("making a link to blob {key}");
        let Some(signer) = &self.inner.access.signer else { return Ok(None) };
        // A link to what is not there is a failure that only the client would see.
        if self.length(&key).await?.is_none() {
            return Err(StoreError::new(StoreErrorKind::NotFound, doing));
        }
        let name = self.names().blob(&key);
        let says = SignedUrlOptions::new().with_query([
            ("response-content-type", wish.content_type),
            ("response-content-disposition", wish.disposition),
        ]);
        // Asking for credentials may be needed, which is a request of its own.
        let signed = signer.signed_url_opts(Method::GET, &name, wish.good_for, &says);
        let signed = match within(CONTROL, &doing, signed).await? {
            Err(Error::NotSupported { .. }) => {
                within(CONTROL, &doing, signer.signed_url(Method::GET, &name, wish.good_for)).await?
            }
            signed => signed,
        };
        match signed {
            Ok(url) => Ok(Some(Secret::new(url))),
            // Some kinds of credentials cannot sign for others.
            Err(Error::NotSupported { .. } | Error::NotImplemented { .. }) => Ok(None),
            Err(error) => Err(failed_remote(doing, error)),
        }
    }
}
