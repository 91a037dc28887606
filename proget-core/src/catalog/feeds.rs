//! Reading role: feeds.

use super::CatalogError;
use crate::feed::{Feed, FeedName};
use crate::ids::FeedId;
use async_trait::async_trait;

/// What feeds exist.
#[async_trait]
pub trait Feeds: Send + Sync {
    /// The feed with that name or alternate name, active or not.
    async fn feed(&self, name: &FeedName) -> Result<Option<Feed>, CatalogError>;

    /// The feed with that row.
    async fn feed_by_id(&self, id: FeedId) -> Result<Option<Feed>, CatalogError>;

    /// All feeds by name, inactive ones too. Feeds are counted in tens, so there are no pages.
    async fn feeds(&self) -> Result<Vec<Feed>, CatalogError>;
}
