//! The catalogue as this process knows it: memory speed, and still every request sees what was
//! acknowledged before it arrived, by whichever node.
//!
//! Everything remembered carries a stamp, and before it is used its stamp is asked for by a read
//! that *started after the request arrived*. All requests waiting at that moment share one such
//! read, whatever they ask about; whoever arrives during a read joins the next one, never the one
//! under way. A busy node so makes one small query per round trip, not one per request.
//!
//! A process that is alone with its database (SQLite under an operating-system lock) needs no
//! query at all: what its own commits did not touch has not changed. That is why all commits go
//! through here and not straight through the seam.

mod alone;
mod confirmed;
mod cut_off;
mod shared;

use super::Runtime;
use crate::catalog::{Catalog, CatalogError, ChangeSet, Committed, KeyHash, KeyRow, StampOf, UserRow};
use crate::clock::Clock;
use crate::feed::{Feed, FeedName};
use crate::ids::{FeedId, Stamp};
use crate::package::NameKey;
use alone::Alone;
use confirmed::Confirmed;
use cut_off::CutOff;
use futures::channel::oneshot;
use quick_cache::sync::Cache;
use shared::SharedReads;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Feeds, users and keys remembered per kind.
const REMEMBERED: usize = 10_000;

/// The catalogue as this process knows it.
#[derive(Debug)]
pub struct FreshCatalog {
    catalog: Arc<dyn Catalog>,
    runtime: Arc<dyn Runtime>,
    reads: Arc<SharedReads>,
    /// There if this process is alone with its database.
    alone: Option<Alone>,
    /// There if this process is to answer while the catalogue cannot be reached.
    confirmed: Option<Arc<Confirmed>>,
    feeds: Arc<Cache<String, Arc<Feed>>>,
    users: Arc<Cache<String, Arc<UserRow>>>,
    keys: Arc<Cache<KeyHash, Arc<KeyRow>>>,
}

impl FreshCatalog {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, runtime: Arc<dyn Runtime>) -> Arc<Self> {
        Arc::new(Self::knowing(catalog, runtime, None))
    }

    /// Knows nothing yet, and will remember what it was certain of and when, by that clock: see
    /// [`Registry::stale`](super::Registry::stale). A process alone with its database has that always at
    /// hand, and remembers nothing.
    #[must_use]
    pub fn remembering(
        catalog: Arc<dyn Catalog>,
        runtime: Arc<dyn Runtime>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let confirmed = (!catalog.is_exclusive()).then(|| Arc::new(Confirmed::new(clock)));
        Arc::new(Self::knowing(catalog, runtime, confirmed))
    }

    fn knowing(
        catalog: Arc<dyn Catalog>,
        runtime: Arc<dyn Runtime>,
        confirmed: Option<Arc<Confirmed>>,
    ) -> Self {
        let alone = catalog.is_exclusive().then(Alone::default);
        let reads = SharedReads::of(catalog.clone(), runtime.clone());
        Self {
            catalog,
            runtime,
            reads,
            alone,
            confirmed,
            feeds: Arc::new(Cache::new(REMEMBERED)),
            users: Arc::new(Cache::new(REMEMBERED)),
            keys: Arc::new(Cache::new(REMEMBERED)),
        }
    }

    /// The same knowledge over a catalogue that cannot be reached. `oldest` is told the greatest age, in
    /// milliseconds, of what is used.
    pub(super) fn stale(&self, bound: Duration, oldest: &Arc<AtomicU64>) -> Option<Arc<Self>> {
        let confirmed = self.confirmed.clone()?;
        let catalog: Arc<dyn Catalog> = Arc::new(CutOff { confirmed, bound, oldest: oldest.clone() });
        let reads = SharedReads::of(catalog.clone(), self.runtime.clone());
        Some(Arc::new(Self {
            catalog,
            runtime: self.runtime.clone(),
            reads,
            alone: None,
            confirmed: None,
            feeds: self.feeds.clone(),
            users: self.users.clone(),
            keys: self.keys.clone(),
        }))
    }

    /// The seam, for reading. Do not commit on it: [`FreshCatalog::commit`] is the door.
    #[must_use]
    pub fn read(&self) -> &dyn Catalog {
        &*self.catalog
    }

    /// The catalogue behind it, for who works beside the use-cases: nodes that plant fences, runners
    /// that claim jobs. Whoever changes feeds, packages or accounts must go through
    /// [`commit`](Self::commit), which knows what it remembers.
    #[must_use]
    pub fn catalog(&self) -> Arc<dyn Catalog> {
        self.catalog.clone()
    }

    /// Whether this process is alone with its database, so that stamps cost no read.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// The feed that had this name when it was last asked for. A guess: it may be gone or another's.
    pub(super) fn remembered_feed(&self, name: &FeedName) -> Option<FeedId> {
        self.feeds.get(name.key()).map(|feed| feed.id)
    }

    /// Judges and applies a change set. Once begun it runs to its end, even if the caller leaves:
    /// otherwise a commit could happen after this process had remembered what was before it.
    ///
    /// # Errors
    /// As [`Catalog::commit`].
    pub async fn commit(self: &Arc<Self>, changes: ChangeSet) -> Result<Committed, CatalogError> {
        let (done, outcome) = oneshot::channel();
        let fresh = Arc::clone(self);
        let work = async move {
            let watched = fresh.alone.as_ref().map(|alone| alone.commit(&changes));
            let touched = fresh.confirmed.as_ref().map(|confirmed| (confirmed, alone::touched(&changes)));
            let outcome = fresh.catalog.commit(changes).await;
            if let Some((confirmed, touched)) = touched {
                confirmed.forget(&touched);
            }
            if let Some(watched) = watched {
                watched.end(&outcome);
            }
            // If the caller has left, nobody wants to know.
            let _ = done.send(outcome);
        };
        self.runtime.complete(Box::pin(work)).await;
        outcome.await.unwrap_or(Err(CatalogError::OutcomeUnknown { doing: "committing", source: None }))
    }

    /// What these things look like now: by a read that began after this call did.
    ///
    /// # Errors
    /// As [`crate::catalog::Stamps::stamps`].
    pub async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        let Some(alone) = &self.alone else {
            let Some(confirmed) = &self.confirmed else { return self.reads.read(of).await };
            let before = confirmed.before();
            let stamps = self.reads.read(of).await?;
            confirmed.note(before, of, &stamps);
            return Ok(stamps);
        };
        let began = match alone.recall(of) {
            Ok(known) => return Ok(known),
            Err(began) => began,
        };
        let stamps = self.reads.read(of).await?;
        alone.remember(began, of, &stamps);
        Ok(stamps)
    }

    /// One stamp; see [`FreshCatalog::stamps`].
    ///
    /// # Errors
    /// As [`crate::catalog::Stamps::stamps`].
    pub async fn stamp(&self, of: StampOf) -> Result<Option<Stamp>, CatalogError> {
        match (&self.alone, &self.confirmed) {
            (None, None) => return self.reads.read_one(&of).await,
            (Some(alone), _) => {
                if let Some(known) = alone.recall_one(&of) {
                    return Ok(known);
                }
            }
            (None, Some(_)) => {}
        }
        Ok(self.stamps(&[of]).await?.pop().flatten())
    }

    /// The feed with that name or alternate name, active or not, as it is now.
    ///
    /// # Errors
    /// If the catalogue cannot be asked.
    pub async fn feed(&self, name: &FeedName) -> Result<Option<Arc<Feed>>, CatalogError> {
        let Some(stamp) = self.stamp(StampOf::Feed(name.key().to_owned())).await? else {
            return Ok(None);
        };
        if let Some(feed) = self.feeds.get(name.key()).filter(|feed| feed.revision == stamp) {
            return Ok(Some(feed));
        }
        let feed = self.catalog.feed(name).await?.map(Arc::new);
        if let Some(feed) = &feed {
            self.feeds.insert(name.key().to_owned(), feed.clone());
        }
        Ok(feed)
    }

    /// The user of that name, as it is now.
    ///
    /// # Errors
    /// If the catalogue cannot be asked.
    pub async fn user(&self, name: &str) -> Result<Option<Arc<UserRow>>, CatalogError> {
        let key = name.to_lowercase();
        let Some(stamp) = self.stamp(StampOf::User(key.clone())).await? else {
            return Ok(None);
        };
        if let Some(user) = self.users.get(&key).filter(|user| user.revision == stamp) {
            return Ok(Some(user));
        }
        let user = self.catalog.user(name).await?.map(Arc::new);
        if let Some(user) = &user {
            self.users.insert(key, user.clone());
        }
        Ok(user)
    }

    /// The key whose text hashes to this, as it is now.
    ///
    /// # Errors
    /// If the catalogue cannot be asked.
    pub async fn key(&self, hash: &KeyHash) -> Result<Option<Arc<KeyRow>>, CatalogError> {
        let Some(stamp) = self.stamp(StampOf::Key(*hash)).await? else {
            return Ok(None);
        };
        if let Some(key) = self.keys.get(hash).filter(|key| key.revision == stamp) {
            return Ok(Some(key));
        }
        let key = self.catalog.key(hash).await?.map(Arc::new);
        if let Some(key) = &key {
            self.keys.insert(*hash, key.clone());
        }
        Ok(key)
    }

    /// The stamp of a package, as it is now; `None` if there is none.
    ///
    /// # Errors
    /// If the catalogue cannot be asked.
    pub async fn package(&self, feed: FeedId, name: &NameKey) -> Result<Option<Stamp>, CatalogError> {
        self.stamp(StampOf::Package(feed, name.clone())).await
    }
}

/// Nothing that is done under these locks can panic half-way, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
