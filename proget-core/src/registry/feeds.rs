//! Creating, changing and deleting feeds.

use super::Registry;
use crate::access::{Permission, Principal};
use crate::catalog::{Action, ChangeSet, Expect, FeedChange, JournalEntry};
use crate::feed::{Feed, FeedName, FeedSettings, FormatId};
use crate::problem::Problem;
use crate::refusal::Refusal;
use std::sync::Arc;

impl Registry {
    /// All feeds, inactive ones too, that the caller may see.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn feeds(&self, caller: &Principal) -> Result<Vec<Feed>, Problem> {
        let mut feeds = self.fresh.read().feeds().await?;
        feeds.retain(|feed| caller.may_in(Permission::View, feed));
        Ok(feeds)
    }

    /// The feed of that name, inactive too, if the caller may see it.
    ///
    /// # Errors
    /// `NotFound`, also for who may not see it; `Busy`.
    pub async fn any_feed(&self, caller: &Principal, name: &str) -> Result<Arc<Feed>, Problem> {
        let unknown = || Problem::NotFound(format!("Feed {name} not found."));
        let parsed = FeedName::new(name).map_err(|_| unknown())?;
        let feed = self.fresh.feed(&parsed).await?;
        feed.filter(|feed| caller.may_in(Permission::View, feed)).ok_or_else(unknown)
    }

    /// Creates a feed and returns it.
    ///
    /// # Errors
    /// `Forbidden`; `Refused` for a format this server has not; `AlreadyExists`; `Busy`.
    pub async fn create_feed(
        &self,
        caller: &Principal,
        name: FeedName,
        format: FormatId,
        settings: FeedSettings,
    ) -> Result<Feed, Problem> {
        self.demand(caller, Permission::ManageFeeds)?;
        if self.format(&format).is_none() {
            let known: Vec<&str> = self.formats.iter().map(|format| format.title()).collect();
            let rule = format!("'{format}' is not a feed type of this server; it has: {}", known.join(", "));
            return Err(Refusal::new("feedType", rule).into());
        }
        self.packages.store(&settings.store)?;
        let others = if settings.alternate_names.is_empty() { "" } else { " or one of its alternate names" };
        let create = FeedChange::Create { name: name.clone(), format, settings };
        let entry = JournalEntry { action: Action::FeedCreated, feed: None, subject: format!("feed {name}") };
        let changes = self.for_caller(caller).with(create).record(entry);
        match self.fresh.commit(changes).await.map_err(Problem::from) {
            Err(Problem::AlreadyExists(_)) => {
                return Err(Problem::AlreadyExists(format!("there is a feed named {name}{others} already")));
            }
            outcome => outcome?,
        };
        let made = self.fresh.read().feed(&name).await?;
        made.ok_or_else(|| Problem::Changed(format!("the feed {name} was deleted meanwhile")))
    }

    /// Replaces a feed's name and settings, if it still is as it was read.
    ///
    /// # Errors
    /// `Forbidden`, `AlreadyExists`, `Changed`, `NotFound`, `Busy`.
    pub async fn update_feed(
        &self,
        caller: &Principal,
        was: &Feed,
        name: FeedName,
        settings: FeedSettings,
    ) -> Result<Feed, Problem> {
        self.demand(caller, Permission::ManageFeeds)?;
        self.packages.store(&settings.store)?;
        let subject = format!("feed {name}");
        let update = FeedChange::Update { id: was.id, name, settings };
        let entry = JournalEntry { action: Action::FeedChanged, feed: Some(was.id), subject };
        let changes = self.for_caller(caller).expect(Expect::Feed(was.id, was.revision));
        self.fresh.commit(changes.with(update).record(entry)).await?;
        let now = self.fresh.read().feed_by_id(was.id).await?;
        now.ok_or_else(|| Problem::NotFound(format!("Feed {} not found.", was.name)))
    }

    /// Deletes a feed with all it holds; the bytes go when sweeps find them unreferenced.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Busy`.
    pub async fn delete_feed(&self, caller: &Principal, feed: &Feed) -> Result<(), Problem> {
        self.demand(caller, Permission::ManageFeeds)?;
        let subject = format!("feed {}", feed.name);
        let entry = JournalEntry { action: Action::FeedDeleted, feed: Some(feed.id), subject };
        self.fresh.commit(self.for_caller(caller).with(FeedChange::Delete(feed.id)).record(entry)).await?;
        Ok(())
    }

    /// An empty change set in the name of a caller whose credential must be unchanged.
    pub(super) fn for_caller(&self, caller: &Principal) -> ChangeSet {
        let mut changes = ChangeSet::by(caller.actor());
        changes.expect.extend(caller.expectations());
        changes
    }
}
