//! What is tried when a bucket is opened, so that missing rights are found before the first upload.
//!
//! What surprised us: servers that do not know conditions on writing say nothing; they write.

use super::BucketAccess;
use super::names::Names;
use super::patience::{CONTROL, failed_remote, within};
use futures::TryStreamExt as _;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, path::Path as ObjectPath};
use proget_core::blob::{StoreError, StoreErrorKind};
use uuid::Uuid;

const MARK: &str = "A package store. Do not delete this: without it the store counts as gone.\n";

/// Leaves the mark if there is none, and tries everything once; are conditions on writing honoured?
pub(super) async fn probe(access: &BucketAccess, names: &Names) -> Result<bool, StoreError> {
    let store = &*access.control;
    mark(store, names).await?;
    let folder = names.probes();
    let at = folder.clone().join(Uuid::new_v4().to_string());
    let conditional = writes_once(store, &at).await?;
    // After it was written, whatever it was written by: from there on every reader must see it.
    let found = within(CONTROL, "reading", access.bulk.get(&at)).await?;
    let found = found.map_err(|error| failed_remote("reading", error))?;
    let bytes = within(CONTROL, "reading", found.bytes()).await?;
    if bytes.map_err(|error| failed_remote("reading", error))? != "first" && conditional {
        let why = "what was read is not what was written";
        return Err(StoreError::new(StoreErrorKind::Corrupt, "reading").because(why));
    }
    let listed = store.list(Some(&folder)).try_any(|found| std::future::ready(found.location == at));
    let listed = within(CONTROL, "listing", listed).await?;
    if !listed.map_err(|error| failed_remote("listing", error))? {
        let why = "what was written is not in the list";
        return Err(StoreError::new(StoreErrorKind::Corrupt, "listing").because(why));
    }
    let deleted = within(CONTROL, "deleting", store.delete(&at)).await?;
    deleted.map_err(|error| failed_remote("deleting", error))?;
    match within(CONTROL, "deleting", store.head(&at)).await? {
        Err(Error::NotFound { .. }) => Ok(conditional),
        Err(error) => Err(failed_remote("deleting", error)),
        Ok(_) => {
            let why = "what was deleted is still there";
            Err(StoreError::new(StoreErrorKind::Unsupported, "deleting").because(why))
        }
    }
}

async fn mark(store: &dyn ObjectStore, names: &Names) -> Result<(), StoreError> {
    const DOING: &str = "looking for the store's mark";
    match within(CONTROL, DOING, store.head(&names.mark())).await? {
        Ok(_) => Ok(()),
        Err(Error::NotFound { .. }) => {
            const DOING: &str = "writing the store's mark";
            let written = within(CONTROL, DOING, store.put(&names.mark(), MARK.into())).await?;
            written.map(drop).map_err(|error| failed_remote(DOING, error))
        }
        Err(error) => Err(failed_remote(DOING, error)),
    }
}

/// Writes twice under one name, each time only if nothing is there; is the second refused?
async fn writes_once(store: &dyn ObjectStore, at: &ObjectPath) -> Result<bool, StoreError> {
    let once = |text: &'static str| store.put_opts(at, text.into(), PutMode::Create.into());
    match within(CONTROL, "writing", once("first")).await? {
        Ok(_) => {}
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
            let written = within(CONTROL, "writing", store.put(at, "first".into())).await?;
            written.map_err(|error| failed_remote("writing", error))?;
            return Ok(false);
        }
        Err(error) => return Err(failed_remote("writing", error)),
    }
    match within(CONTROL, "writing", once("second")).await? {
        Ok(_) => Ok(false),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(true),
        Err(error) => Err(failed_remote("writing a second time", error)),
    }
}
