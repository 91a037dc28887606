//! The two places where an embedder can take part in a publish: a veto before, and word after.
//!
//! There are no global hooks: what a policy may see and do is in its arguments.

use super::Published;
use crate::access::Principal;
use crate::artifact::Artifact;
use crate::feed::Feed;
use crate::package::Manifest;
use crate::refusal::Refusal;
use async_trait::async_trait;
use std::fmt;

/// What is about to be published.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// By whom.
    pub caller: &'a Principal,
    /// Into which feed.
    pub feed: &'a Feed,
    /// What inspection found.
    pub manifest: &'a Manifest,
    /// The bytes.
    pub artifact: &'a Artifact,
}

/// May veto a publish.
///
/// # What an implementation must promise
/// - It may be asked more than once about the same candidate (after a lost race); asking has no effects.
/// - A refusal is written for the package's author. To say "not at this moment" it waits or refuses.
#[async_trait]
pub trait PublishPolicy: fmt::Debug + Send + Sync + 'static {
    /// Is this acceptable? Called after inspection, before any byte reaches the package store.
    async fn judge(&self, candidate: Candidate<'_>) -> Result<(), Refusal>;
}

/// Is told what was committed.
///
/// # What an implementation must promise
/// - It returns at once; work is for a queue of its own. The caller waits for nothing.
/// - It needs no delivery guarantee: a process killed after the commit tells nobody. What must
///   not be missed is read from the journal.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// A publish has committed (also when the same bytes were there already).
    fn published(&self, feed: &Feed, manifest: &Manifest, outcome: Published);
}
