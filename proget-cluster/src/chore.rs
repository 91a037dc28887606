//! Chores: work without input that looks at what is and brings it towards what should be.

use async_trait::async_trait;
use proget_core::catalog::{Fence, Role};
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a chore found to do, in one line for operators; empty if nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings(pub String);

/// Why a chore could not be done this time.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct ChoreError {
    /// What was being done and what is wrong.
    pub doing: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// Because of what a chore runs, and until when.
#[derive(Debug, Clone, Default)]
pub struct ChoreWork {
    /// To be carried by whatever it writes; there is one if the chore is held as a role and the runner
    /// was told who leads it.
    pub fence: Option<Fence>,
    /// Fires when the role is lost or the runner stops; the run is dropped right after.
    pub stop: CancellationToken,
}

/// Periodic work without input.
///
/// # What an implementation must promise
/// - It may run at any time, any number of times, on any node, and may be dropped at any await.
/// - What must be single is protected by fences in what it writes, not by its being called once.
/// - It returns in bounded time, or can be dropped without harm.
#[async_trait]
pub trait Chore: fmt::Debug + Send + Sync + 'static {
    /// A short name: `sweep`.
    fn name(&self) -> &'static str;

    /// One sentence for administrators.
    fn about(&self) -> &'static str;

    /// How long to wait between the end of one run and the next.
    fn every(&self) -> Duration;

    /// Only where this role is held; `None`: on every node.
    fn held_as(&self) -> Option<Role> {
        None
    }

    /// Runs once.
    ///
    /// # Errors
    /// Why it could not be done; it will be tried again at its time.
    async fn tend(&self, work: &ChoreWork) -> Result<Findings, ChoreError>;
}
