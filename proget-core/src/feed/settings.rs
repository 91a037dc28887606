//! What may be changed about a feed while it lives.

use super::{FeedName, StoreName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// May a version that exists be replaced by other bytes?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overwrite {
    /// Never: what was published stays what it was. The default.
    #[default]
    Never,
    /// By callers who may also delete.
    Allowed,
}

/// Settings of one feed; stored as a whole, judged by every publish and download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct FeedSettings {
    /// For people.
    pub description: String,
    /// An inactive feed answers as if it did not exist.
    pub active: bool,
    /// Further names that lead to the same feed.
    pub alternate_names: Vec<FeedName>,
    /// May callers without credentials read it? Off on a new feed.
    pub anonymous_view: bool,
    /// May versions be replaced?
    pub overwrite: Overwrite,
    /// Are clients sent to the store itself for large files, if it has links? They must be able to reach it.
    /// Off on a new feed.
    pub redirect_downloads: bool,
    /// Where new blobs go; rows of old ones name their own store.
    pub store: StoreName,
    /// Properties of ProGet's `Feed` that its client reads and writes back, kept verbatim
    /// because that client posts the whole object; nothing here reads them.
    pub carried: BTreeMap<String, serde_json::Value>,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            description: String::new(),
            active: true,
            alternate_names: Vec::new(),
            anonymous_view: false,
            overwrite: Overwrite::Never,
            redirect_downloads: false,
            store: StoreName::default(),
            carried: BTreeMap::new(),
        }
    }
}
