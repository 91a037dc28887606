//! Those who take part in a publish, in memory: one who refuses what is on a list, one who
//! remembers what was told.

use crate::feed::{Feed, FeedName};
use crate::package::{Manifest, NameKey, PackageName, Version};
use crate::refusal::Refusal;
use crate::registry::{Candidate, Observer, PublishPolicy, Published};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Refuses packages by their names, in every feed.
#[derive(Debug, Clone, Default)]
pub struct MemoryPolicy {
    refused: BTreeSet<NameKey>,
}

impl MemoryPolicy {
    /// Refuses these and nothing else.
    #[must_use]
    pub fn refusing(names: impl IntoIterator<Item = NameKey>) -> Self {
        Self { refused: names.into_iter().collect() }
    }
}

#[async_trait]
impl PublishPolicy for MemoryPolicy {
    async fn judge(&self, candidate: Candidate<'_>) -> Result<(), Refusal> {
        let name = &candidate.manifest.name;
        if self.refused.contains(name.key()) {
            return Err(Refusal::new("name", format!("packages called '{name}' are not accepted here")));
        }
        Ok(())
    }
}

/// A publish that an observer was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Into which feed.
    pub feed: FeedName,
    /// Which package.
    pub package: PackageName,
    /// Which version.
    pub version: Version,
    /// What came of it.
    pub outcome: Published,
}

/// Remembers what it was told, in the order in which it was told; publishes that commit at the
/// same time are told in any order.
#[derive(Debug, Default)]
pub struct MemoryObserver {
    told: Mutex<Vec<Told>>,
}

impl MemoryObserver {
    /// Has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All that it was told so far.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        super::lock(&self.told).clone()
    }
}

impl Observer for MemoryObserver {
    fn published(&self, feed: &Feed, manifest: &Manifest, outcome: Published) {
        let (package, version) = (manifest.name.clone(), manifest.version.clone());
        super::lock(&self.told).push(Told { feed: feed.name.clone(), package, version, outcome });
    }
}
