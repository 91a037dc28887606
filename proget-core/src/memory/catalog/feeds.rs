//! Feeds.

use super::MemoryCatalog;
use super::state::{Moment, State};
use crate::catalog::{CatalogError, Conflict, FeedChange, Feeds};
use crate::feed::{Feed, FeedName, FeedSettings};
use crate::ids::{FeedId, Stamp};
use async_trait::async_trait;

impl State {
    pub(super) fn change_feed(&mut self, change: FeedChange, moment: &Moment) -> Result<(), Conflict> {
        match change {
            FeedChange::Create { name, format, settings } => {
                self.claim_names(None, &name, &settings)?;
                let (id, revision) = (FeedId(self.next_id()), Stamp::random());
                self.feeds.insert(id, Feed { id, name, format, settings, revision, created: moment.at });
                self.content.insert(id, Stamp::random());
            }
            FeedChange::Update { id, name, settings } => {
                let old = self.feeds.get(&id).ok_or(Conflict::Absent)?.clone();
                self.claim_names(Some(id), &name, &settings)?;
                self.feeds.insert(id, Feed { name, settings, revision: Stamp::random(), ..old });
            }
            FeedChange::Delete(id) => {
                self.feeds.remove(&id).ok_or(Conflict::Absent)?;
                self.content.remove(&id);
                self.packages.retain(|(feed, _), _| *feed != id);
                self.forget_lost_downloads();
            }
        }
        Ok(())
    }

    /// All names of a feed, alternate ones too, must lead to no other feed.
    fn claim_names(
        &self,
        own: Option<FeedId>,
        name: &FeedName,
        settings: &FeedSettings,
    ) -> Result<(), Conflict> {
        let mut wanted = settings.alternate_names.iter().chain([name]);
        let taken = |name: &FeedName| self.feed_called(name.key()).is_some_and(|feed| Some(feed.id) != own);
        if wanted.any(taken) { Err(Conflict::NameTaken) } else { Ok(()) }
    }

    pub(super) fn feed_called(&self, key: &str) -> Option<&Feed> {
        let called = |feed: &&Feed| names(feed).any(|name| name.key() == key);
        self.feeds.values().find(called)
    }
}

fn names(feed: &Feed) -> impl Iterator<Item = &FeedName> {
    feed.settings.alternate_names.iter().chain([&feed.name])
}

#[async_trait]
impl Feeds for MemoryCatalog {
    async fn feed(&self, name: &FeedName) -> Result<Option<Feed>, CatalogError> {
        Ok(self.state().feed_called(name.key()).cloned())
    }

    async fn feed_by_id(&self, id: FeedId) -> Result<Option<Feed>, CatalogError> {
        Ok(self.state().feeds.get(&id).cloned())
    }

    async fn feeds(&self) -> Result<Vec<Feed>, CatalogError> {
        let mut feeds: Vec<Feed> = self.state().feeds.values().cloned().collect();
        feeds.sort_by(|left, right| left.name.key().cmp(right.name.key()));
        Ok(feeds)
    }
}
