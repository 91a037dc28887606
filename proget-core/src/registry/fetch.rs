//! Downloading a file: found under a stamp that is asked for anew by every request, judged once
//! for all formats, counted in memory.

use super::{Admission, Registry};
use crate::access::{Permission, Secret};
use crate::blob::{Blob, BlobKey, LinkWish, StoreErrorKind};
use crate::clock::Timestamp;
use crate::digest::Digests;
use crate::feed::{Feed, StoreName};
use crate::ids::{FileId, Stamp};
use crate::package::{Download, FileName, FileRef, Version};
use crate::problem::{Problem, chain};
use std::ops::Range;
use std::sync::Arc;

/// A file that may be downloaded; reading its bytes is a second step, so that `HEAD` and
/// `If-None-Match` need not touch the store.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its row, under which downloads are counted.
    pub id: FileId,
    /// Its name.
    pub name: FileName,
    /// The version it belongs to.
    pub version: Version,
    /// How many bytes.
    pub size: u64,
    /// What they are; SHA-256 is its strong validator.
    pub digests: Digests,
    /// When it was published.
    pub published: Timestamp,
    store: StoreName,
    key: BlobKey,
}

/// What is remembered about a file, under the stamp of its package.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    stamp: Stamp,
    blocked: bool,
    item: Arc<Item>,
}

impl Registry {
    /// Finds a file for an admitted caller. A blocked version is as if it were not there; an
    /// unlisted one can be had by name.
    ///
    /// # Errors
    /// `NotFound`, `Busy`.
    pub async fn item(&self, admission: &Admission, file: &FileRef) -> Result<Arc<Item>, Problem> {
        admission.demand(Permission::View)?;
        let unknown = || Problem::NotFound(format!("there is no file {} in {}", file.file, file.package));
        let found = self.remembered(admission, file).await?.ok_or_else(unknown)?;
        if found.blocked {
            return Err(unknown());
        }
        Ok(found.item)
    }

    /// Opens an item's bytes, or a part of them, and counts a download that begins at the start.
    ///
    /// # Errors
    /// `Busy` if the store is away; `Internal` if the bytes are not there although the catalogue
    /// names them, which is damage and not a 404.
    pub async fn open(&self, item: &Item, range: Option<Range<u64>>) -> Result<Blob, Problem> {
        let from_start = range.as_ref().is_none_or(begins);
        let blob = match self.packages.get(&item.store, &item.key, item.size, range).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                return Err(Problem::internal(
                    "opening a file whose blob is missing from the package store",
                    &error,
                ));
            }
            outcome => outcome?,
        };
        if from_start {
            self.downloads.count(item.id);
        }
        Ok(blob)
    }

    /// A link to an item's bytes in the store itself, if its feed sends clients there and the store has such
    /// links; counts a download that begins at the start. If the store cannot be asked the answer is `None`,
    /// and opening the item tells why.
    pub async fn link(
        &self,
        feed: &Feed,
        item: &Item,
        range: Option<&Range<u64>>,
        wish: LinkWish<'_>,
    ) -> Option<Secret> {
        if !feed.settings.redirect_downloads {
            return None;
        }
        let link = self.packages.link(&item.store, &item.key, item.size, wish).await;
        let link =
            link.inspect_err(|error| tracing::warn!(cause = chain(error), "no link to a file")).ok()??;
        if range.is_none_or(begins) {
            self.downloads.count(item.id);
        }
        Some(link)
    }

    async fn remembered(&self, admission: &Admission, file: &FileRef) -> Result<Option<Remembered>, Problem> {
        let feed = admission.feed().id;
        let key = (feed, file.clone());
        let Some(stamp) = admission.stamp(&self.fresh, &file.package).await? else {
            return Ok(None);
        };
        if let Some(known) = self.items.get(&key).filter(|known| known.stamp == stamp) {
            return Ok(Some(known));
        }
        let Some(found) = self.fresh.read().file(feed, file).await? else { return Ok(None) };
        let item = Arc::new(Item {
            id: found.file.id,
            name: found.file.name,
            version: found.version,
            size: found.file.size,
            digests: found.file.digests,
            published: found.file.published,
            store: found.file.store,
            key: found.file.key,
        });
        let blocked = found.status.download == Download::Blocked;
        let known = Remembered { stamp: found.stamp, blocked, item };
        self.items.insert(key, known.clone());
        Ok(Some(known))
    }
}

/// Is this part the first that a client asks for? The others belong to the same download.
fn begins(part: &Range<u64>) -> bool {
    part.start == 0
}
