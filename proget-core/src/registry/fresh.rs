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

use super::Runtime;
use crate::catalog::{
    AccountChange, Catalog, CatalogError, Change, ChangeSet, Committed, KeyHash, KeyRow, PackageChange,
    StampOf, UserRow,
};
use crate::feed::{Feed, FeedName};
use crate::ids::{FeedId, Stamp};
use crate::package::NameKey;
use futures::channel::oneshot;
use futures::future::{Either, select};
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

type Answer = Result<Vec<Option<Stamp>>, Arc<CatalogError>>;

/// One request's questions, waiting for the next shared read.
#[derive(Debug)]
struct Asked {
    of: Vec<StampOf>,
    answer: oneshot::Sender<Answer>,
}

/// What a process that is alone with its database remembers of stamps.
#[derive(Debug, Default)]
struct Owned {
    /// Grows with every commit, so that a read which began before one remembers nothing.
    epoch: u64,
    known: HashMap<StampOf, Option<Stamp>>,
    /// How many commits have begun.
    begun: u64,
    /// As many had begun when the outcome of one became unknown: it may still happen at any moment,
    /// so nothing is remembered until a commit that began later has ended well. That one came after
    /// it, because a process alone with its database commits one set at a time.
    doubt: Option<u64>,
}

/// Stamps of this many things are remembered; when there are more, all are forgotten, which costs one read each.
const OWNED_STAMPS: usize = 100_000;

/// Feeds, users and keys remembered per kind.
const REMEMBERED: usize = 10_000;

/// The catalogue as this process knows it.
#[derive(Debug)]
pub struct FreshCatalog {
    catalog: Arc<dyn Catalog>,
    runtime: Arc<dyn Runtime>,
    waiting: Mutex<Vec<Asked>>,
    /// Held by the one request that is reading for all.
    reading: futures::lock::Mutex<()>,
    owned: Option<Mutex<Owned>>,
    feeds: Cache<String, Arc<Feed>>,
    users: Cache<String, Arc<UserRow>>,
    keys: Cache<KeyHash, Arc<KeyRow>>,
}

impl FreshCatalog {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, runtime: Arc<dyn Runtime>) -> Arc<Self> {
        let owned = catalog.is_exclusive().then(Mutex::default);
        Arc::new(Self {
            catalog,
            runtime,
            waiting: Mutex::default(),
            reading: futures::lock::Mutex::new(()),
            owned,
            feeds: Cache::new(REMEMBERED),
            users: Cache::new(REMEMBERED),
            keys: Cache::new(REMEMBERED),
        })
    }

    /// The seam, for reading. Do not commit on it: [`FreshCatalog::commit`] is the door.
    #[must_use]
    pub fn read(&self) -> &dyn Catalog {
        &*self.catalog
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
            // Forgets also after an error: an unknown outcome may have happened.
            let mut forget = Forget::when_over(&fresh, &changes);
            let outcome = fresh.catalog.commit(changes).await;
            forget.ended = match &outcome {
                Ok(_) => Ended::Well,
                Err(CatalogError::OutcomeUnknown { .. }) => Ended::Unknown,
                Err(_) => Ended::Nothing,
            };
            drop(forget);
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
        let Some(owned) = &self.owned else {
            return self.shared_read(of).await;
        };
        let epoch = {
            let owned = lock(owned);
            let known: Option<Vec<_>> = of.iter().map(|one| owned.known.get(one).copied()).collect();
            match known {
                Some(known) => return Ok(known),
                None => owned.epoch,
            }
        };
        let stamps = self.shared_read(of).await?;
        let mut owned = lock(owned);
        if owned.epoch == epoch && owned.doubt.is_none() {
            if owned.known.len() + of.len() > OWNED_STAMPS {
                owned.known.clear();
            }
            owned.known.extend(of.iter().cloned().zip(stamps.iter().copied()));
        }
        Ok(stamps)
    }

    /// One stamp; see [`FreshCatalog::stamps`].
    ///
    /// # Errors
    /// As [`crate::catalog::Stamps::stamps`].
    pub async fn stamp(&self, of: StampOf) -> Result<Option<Stamp>, CatalogError> {
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

    /// Joins the next shared read and, if nobody else is reading, makes it.
    async fn shared_read(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        loop {
            let (answer, mut answered) = oneshot::channel();
            lock(&self.waiting).push(Asked { of: of.to_vec(), answer });
            let outcome = match select(&mut answered, pin!(self.reading.lock())).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right((turn, _)) => {
                    let outcome = match answered.try_recv() {
                        Ok(None) => {
                            self.read_for_all().await;
                            answered.await
                        }
                        // Whoever read before answered in the same moment.
                        Ok(Some(answer)) => Ok(answer),
                        Err(cancelled) => Err(cancelled),
                    };
                    drop(turn);
                    outcome
                }
            };
            match outcome {
                Ok(Ok(stamps)) => return Ok(stamps),
                Ok(Err(error)) => return Err(shared(&error)),
                // The request that was reading for us was cancelled: ask again.
                Err(oneshot::Canceled) => {}
            }
        }
    }

    /// Reads what everybody who waits at this moment asks for, and tells them.
    async fn read_for_all(&self) {
        let batch = std::mem::take(&mut *lock(&self.waiting));
        let mut questions: Vec<StampOf> = Vec::new();
        let mut places: HashMap<&StampOf, usize> = HashMap::new();
        for of in batch.iter().flat_map(|asked| &asked.of) {
            places.entry(of).or_insert_with(|| {
                questions.push(of.clone());
                questions.len() - 1
            });
        }
        let read = self.catalog.stamps(&questions).await.map_err(Arc::new);
        let answers: Vec<Answer> = batch
            .iter()
            .map(|asked| {
                let stamps = read.as_ref().map_err(Arc::clone)?;
                Ok(asked.of.iter().map(|of| stamps.get(*places.get(of)?).copied().flatten()).collect())
            })
            .collect();
        for (asked, answer) in batch.into_iter().zip(answers) {
            // A request that was cancelled meanwhile wants no answer.
            let _ = asked.answer.send(answer);
        }
    }
}

/// Everything that a change set may alter, as far as a process alone with its database remembers it.
enum Touched {
    Nothing,
    Everything,
    Some(Vec<StampOf>),
}

fn touched(changes: &ChangeSet) -> Touched {
    let mut some = Vec::new();
    for change in &changes.changes {
        let (feed, package) = match change {
            Change::Blob(_) | Change::Instance(_) | Change::Fence(_) => continue,
            // Feeds and accounts change seldom; forgetting all is simple and surely enough.
            Change::Feed(_)
            | Change::Account(
                AccountChange::CreateUser(_)
                | AccountChange::CreateFirstUser(_)
                | AccountChange::SetPassword(..)
                | AccountChange::SetUserRights(..)
                | AccountChange::DeleteUser(_)
                | AccountChange::CreateKey(_)
                | AccountChange::RevokeKey(_),
            ) => return Touched::Everything,
            Change::Package(change) => match change {
                PackageChange::CountDownloads(_) => continue,
                PackageChange::AddFile(new) => (new.feed, new.package.key()),
                PackageChange::SetTag(version, _)
                | PackageChange::SetStatus(version, _)
                | PackageChange::RemoveVersion(version) => (version.feed, &version.package),
                PackageChange::RemoveTag(feed, package, _)
                | PackageChange::RemoveFile(feed, package, _)
                | PackageChange::RemovePackage(feed, package) => (*feed, package),
            },
        };
        some.push(StampOf::Content(feed));
        some.push(StampOf::Package(feed, package.clone()));
    }
    if some.is_empty() { Touched::Nothing } else { Touched::Some(some) }
}

/// How a commit ended.
enum Ended {
    Well,
    /// Certainly nothing has happened.
    Nothing,
    /// Nobody can say, or it was broken off.
    Unknown,
}

/// Forgets what a commit touched, when it is over, however it ended.
struct Forget<'a> {
    fresh: &'a FreshCatalog,
    touched: Touched,
    /// Which commit of this process it is.
    number: u64,
    ended: Ended,
}

impl<'a> Forget<'a> {
    fn when_over(fresh: &'a FreshCatalog, changes: &ChangeSet) -> Self {
        let number = fresh.owned.as_ref().map_or(0, |owned| {
            let mut owned = lock(owned);
            owned.begun += 1;
            owned.begun
        });
        Self { fresh, touched: touched(changes), number, ended: Ended::Unknown }
    }
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let Some(owned) = &self.fresh.owned else { return };
        let mut owned = lock(owned);
        let lifted = owned.doubt.is_some_and(|begun| self.number > begun);
        match (&self.ended, &self.touched) {
            (_, Touched::Nothing) if !lifted => return,
            (Ended::Unknown, _) => {
                owned.doubt = Some(owned.begun);
                owned.known.clear();
            }
            (Ended::Well, _) if lifted => {
                owned.doubt = None;
                owned.known.clear();
            }
            (_, Touched::Everything) => owned.known.clear(),
            (_, Touched::Some(some)) => {
                for one in some {
                    owned.known.remove(one);
                }
            }
            (_, Touched::Nothing) => {}
        }
        owned.epoch += 1;
    }
}

/// The same error for everybody who shared the read.
fn shared(error: &Arc<CatalogError>) -> CatalogError {
    let source = Some(Box::new(Arc::clone(error)) as Box<dyn std::error::Error + Send + Sync>);
    let doing = "reading stamps";
    if error.is_retryable() {
        CatalogError::Unavailable { doing, source }
    } else {
        CatalogError::Other { doing, source }
    }
}

/// Nothing that is done under these locks can panic half-way, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
