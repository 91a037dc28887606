//! Reading role: stamps, the small values by which cached knowledge is held against the truth.

use super::{CatalogError, KeyHash};
use crate::ids::{FeedId, Stamp};
use crate::package::NameKey;
use async_trait::async_trait;

/// What a stamp can be asked of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StampOf {
    /// The feed with this name's *key* (lower case) or alternate name's key: its settings' revision.
    Feed(String),
    /// Everything in a feed: changes with each commit that touches any of its packages.
    Content(FeedId),
    /// One package: changes with each commit that touches it.
    Package(FeedId, NameKey),
    /// One user, by the key (lower case) of the name: password, rights and existence.
    User(String),
    /// One API key: rights and existence.
    Key(KeyHash),
}

/// What things looked like at one moment.
#[async_trait]
pub trait Stamps: Send + Sync {
    /// Answers all questions from one snapshot that begins after the call does; `None` where
    /// there is no such thing. One round trip, however many questions.
    async fn stamps(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, CatalogError>;
}
