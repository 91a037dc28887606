//! Stamps.

use super::MemoryCatalog;
use super::state::State;
use crate::catalog::{CatalogError, StampOf, Stamps};
use crate::ids::Stamp;
use async_trait::async_trait;

impl State {
    fn stamp(&self, of: &StampOf) -> Option<Stamp> {
        match of {
            StampOf::Feed(key) => self.feed_called(key).map(|feed| feed.revision),
            StampOf::Content(feed) => self.content.get(feed).copied(),
            StampOf::Package(feed, name) => self.package(*feed, name).map(|package| package.row.stamp),
            StampOf::User(key) => self.user_called(key).map(|user| user.revision),
            StampOf::Key(hash) => self.key_with(hash).map(|key| key.revision),
        }
    }
}

#[async_trait]
impl Stamps for MemoryCatalog {
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError> {
        let state = self.state();
        Ok(of.iter().map(|of| state.stamp(of)).collect())
    }
}
