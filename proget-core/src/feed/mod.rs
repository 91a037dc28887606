//! What a feed is: a name, a format that never changes, and settings that may.

mod name;
mod settings;

pub use name::{FeedName, FormatId, StoreName};
pub use settings::{FeedSettings, Overwrite};

use crate::clock::Timestamp;
use crate::ids::{FeedId, Stamp};

/// A feed as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Its row; another one after delete-and-recreate.
    pub id: FeedId,
    /// What clients call it, in the spelling of its creator.
    pub name: FeedName,
    /// The format of its packages; never changes.
    pub format: FormatId,
    /// What may be changed about it.
    pub settings: FeedSettings,
    /// Changes with every change of name or settings: what a publish was judged by.
    pub revision: Stamp,
    /// When it was created.
    pub created: Timestamp,
}
