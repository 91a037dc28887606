//! What a trial finds, and what follows from it.

use crate::blob::StoreError;
use crate::problem::chain;
use serde::Serialize;

/// How good one property is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// As it should be.
    Holds,
    /// Not as it should be, and nothing is lost by that.
    Fallback,
    /// Good enough for one server, not for several.
    Alone,
    /// Packages would be lost, or could not be kept at all.
    Broken,
}

/// One property that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried.
    pub property: &'static str,
    /// How it went.
    pub judgement: Judgement,
    /// The same in words.
    pub told: String,
}

/// What a store may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Any number of servers.
    SafeForACluster,
    /// One server.
    SafeForOneServer,
    /// Nothing.
    DoNotUse,
}

/// A store that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelfTest {
    /// Which, as it names itself.
    pub store: String,
    /// What it may be used for.
    pub verdict: Verdict,
    /// Why no more than that; empty if there is no more.
    pub why: String,
    /// Everything that was tried, in order.
    pub findings: Vec<Finding>,
}

impl SelfTest {
    pub(super) fn judged(store: String, findings: Vec<Finding>) -> Self {
        let worst = |judgement| findings.iter().find(|finding| finding.judgement == judgement);
        let (verdict, reason) = match (worst(Judgement::Broken), worst(Judgement::Alone)) {
            (Some(broken), _) => (Verdict::DoNotUse, Some(broken)),
            (None, Some(alone)) => (Verdict::SafeForOneServer, Some(alone)),
            (None, None) => (Verdict::SafeForACluster, None),
        };
        let why = reason.map(|finding| format!("{}: {}", finding.property, finding.told)).unwrap_or_default();
        Self { store, verdict, why, findings }
    }
}

/// Why a property does not hold as it should.
#[derive(Debug)]
pub(super) enum Complaint {
    /// The store could not be asked.
    Failed(StoreError),
    /// It answered, and that was wrong.
    Untrue(String),
    /// Nothing is lost by it.
    Fallback(String),
    /// It is for one server only.
    Alone(String),
}

impl From<StoreError> for Complaint {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Finding {
    pub(super) fn of(property: &'static str, told: Result<String, Complaint>) -> Self {
        let (judgement, told) = match told {
            Ok(told) => (Judgement::Holds, told),
            Err(Complaint::Fallback(told)) => (Judgement::Fallback, told),
            Err(Complaint::Alone(told)) => (Judgement::Alone, told),
            Err(Complaint::Untrue(told)) => (Judgement::Broken, told),
            Err(Complaint::Failed(error)) => (Judgement::Broken, chain(&error)),
        };
        Self { property, judgement, told }
    }
}
