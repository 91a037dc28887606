//! What a runner needs to do jobs, and how long things take.

use crate::election::{BootClock, SteadyClock};
use crate::job::Job;
use proget_core::catalog::Catalog;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long claims and looks take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkTiming {
    /// For how long a job is claimed, on the catalogue's clock.
    pub hold: Duration,
    /// How often a claim is renewed.
    pub renew: Duration,
    /// How much sooner than the claim a runner stops trusting it, on its own clock, counted from before
    /// it asked.
    pub margin: Duration,
    /// The longest that one call to the catalogue may take before it counts as unanswered.
    pub call: Duration,
    /// How often work is looked for while there is none.
    pub poll: Duration,
    /// For how long work that was told to stop may go on before it is dropped.
    pub grace: Duration,
}

impl Default for WorkTiming {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { hold: s(30), renew: s(8), margin: s(3), call: s(4), poll: s(2), grace: s(5) }
    }
}

/// A rule that timings break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these timings of work cannot work: {rule}")]
pub struct BadWorkTiming {
    rule: &'static str,
}

impl WorkTiming {
    /// For how long a claim is trusted, counted from before it was asked for.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.hold.saturating_sub(self.margin)
    }

    /// The same timings, if they can work.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn checked(self) -> Result<Self, BadWorkTiming> {
        let rules = [
            (self.margin * 20 >= self.hold, "the margin is at least a twentieth of the claim"),
            (!self.renew.is_zero() && !self.poll.is_zero(), "renewing and looking take turns with waiting"),
            (
                self.renew + 2 * self.call + Duration::from_secs(1) <= self.window(),
                "a renewal that gets no answer can be tried once more before the claim is given up: \
                 renew + 2 x call + 1 s is at most hold - margin",
            ),
        ];
        match rules.into_iter().find(|(kept, _)| !kept) {
            Some((_, rule)) => Err(BadWorkTiming { rule }),
            None => Ok(self),
        }
    }
}

/// The jobs of an instance, and which of them one process does.
#[derive(Clone)]
pub struct Queue {
    /// Where they are.
    pub catalog: Arc<dyn Catalog>,
    /// This node.
    pub node: NodeName,
    /// This process.
    pub holder: Incarnation,
    /// By which claims are trusted.
    pub clock: Arc<dyn SteadyClock>,
    /// How many jobs this process does at once; at least 1.
    pub limit: usize,
    /// How long things take.
    pub timing: WorkTiming,
    /// For how long jobs that are over are kept, with their logs.
    pub keep: Duration,
    /// Who does them; jobs of other kinds wait for a node that knows them.
    pub jobs: Vec<Arc<dyn Job>>,
}

impl Queue {
    /// A queue with two jobs at once, the usual timings, jobs kept for 30 days, and nobody to do them yet.
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, node: NodeName, holder: Incarnation) -> Self {
        let keep = Duration::from_secs(30 * 24 * 3600);
        let (clock, timing) = (Arc::new(BootClock), WorkTiming::default());
        Self { catalog, node, holder, clock, limit: 2, timing, keep, jobs: Vec::new() }
    }

    /// Adds somebody who does the jobs of one kind; replaces whoever did them before.
    #[must_use]
    pub fn job(mut self, job: Arc<dyn Job>) -> Self {
        self.jobs.retain(|other| other.kind() != job.kind());
        self.jobs.push(job);
        self
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("node", &self.node).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_outlasts_a_renewal_that_gets_no_answer_or_the_timings_are_refused() {
        let usual = WorkTiming::default();
        assert_eq!(usual.checked(), Ok(usual));
        for broken in [
            WorkTiming { margin: Duration::ZERO, ..usual },
            WorkTiming { poll: Duration::ZERO, ..usual },
            WorkTiming { renew: Duration::from_secs(20), ..usual },
        ] {
            let refused = broken.checked().unwrap_err().to_string();
            assert!(refused.starts_with("these timings of work cannot work: "), "{refused}");
        }
    }
}
