//! A catalogue that is away, with what was known about its stamps: behind it everything that is
//! remembered under such a stamp can be had, and nothing else.

use super::confirmed::Confirmed;
use crate::blob::BlobKey;
use crate::catalog::roles::for_reading_roles;
use crate::catalog::*;
use crate::digest::Sha256;
use crate::feed::{Feed, FeedName, StoreName};
use crate::ids::{BlobId, ChangeId, FeedId, FileId, JobId, Stamp, UserId};
use crate::package::{FileRef, Fragment, NameKey, VersionKey};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// See the module's page.
#[derive(Debug)]
pub(super) struct CutOff {
    pub(super) confirmed: Arc<Confirmed>,
    pub(super) bound: Duration,
    /// The greatest age of a stamp that was used, in milliseconds.
    pub(super) oldest: Arc<AtomicU64>,
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is remembered of a catalogue that cannot be reached")
    }
}

fn away<T>() -> Result<T, CatalogError> {
    Err(CatalogError::Unavailable { doing: "answering from what is remembered", source: None })
}

macro_rules! away {
    ($($role:ident { $(fn $name:ident($($arg:ident: $of:ty),*) -> $gives:ty;)* })*) => {$(
        #[async_trait]
        impl $role for CutOff {
            $(async fn $name(&self, $($arg: $of),*) -> Result<$gives, CatalogError> {
                $(let _ = $arg;)*
                away()
            })*
        }
    )*};
}

for_reading_roles!(away);

#[async_trait]
impl Stamps for CutOff {
    /// Nothing is said not to exist: a stamp that is not remembered may be there all the same.
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        let mut stamps = Vec::with_capacity(of.len());
        for of in of {
            let Some((stamp, age)) = self.confirmed.recall(of, self.bound) else { return away() };
            let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            self.oldest.fetch_max(age, Ordering::Relaxed);
            stamps.push(Some(stamp));
        }
        Ok(stamps)
    }
}

#[async_trait]
impl Catalog for CutOff {
    async fn commit(&self, _: ChangeSet) -> Result<Committed, CatalogError> {
        away()
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    async fn ping(&self) -> Result<(), CatalogError> {
        away()
    }
}
