//! Sealing old values anew after another key was promoted: a job, so that one node does it at a time, it
//! goes on elsewhere when that node dies, and a process that lost its claim changes nothing any more.
//!
//! Each value is a commit of its own, so what was done stays done. The order does not matter, and what is
//! left is what the catalogue says: there is nothing to remember between attempts.

use async_trait::async_trait;
use proget_cluster::node::keys::RESEAL_ATTEMPTS;
use proget_cluster::{Job, JobError, Work};
use proget_core::Registry;
use proget_core::catalog::{CatalogError, ChangeSet, Conflict, JobKind};
use proget_core::keys::{Fingerprint, KeyRing, KeySettings, RESEAL, Stored};
use proget_core::problem::chain;
use std::sync::Arc;
use std::time::Duration;

/// A node without the old key fails at once; another one may have it, so it is not waited for long.
const LONGEST: Duration = Duration::from_secs(60);

/// Sealing old values anew.
#[derive(Debug)]
pub(crate) struct Reseal {
    registry: Arc<Registry>,
    ring: Option<KeyRing>,
}

/// How one round ended.
#[derive(Debug)]
struct Round {
    sealing: Fingerprint,
    /// Values that could not be sealed anew, each with the reason.
    refused: Vec<String>,
    /// Is all that can be done done? Otherwise something changed meanwhile.
    settled: bool,
}

impl Reseal {
    pub(crate) fn new(registry: Arc<Registry>, ring: Option<KeyRing>) -> Self {
        Self { registry, ring }
    }

    async fn round(&self, work: &Work, ring: &KeyRing, done: &mut u64) -> Result<Round, JobError> {
        let rows = self.registry.fresh().read().settings().await?;
        let failed = |error: &(dyn std::error::Error + 'static)| JobError::new(chain(error));
        let settings = KeySettings::read(&rows).map_err(|error| failed(&error))?;
        let stored = Stored::read(&rows).map_err(|error| failed(&error))?;
        let sealing = settings.sealing.ok_or_else(|| JobError::new("no key seals"))?;
        let old: Vec<Stored> = stored.into_iter().filter(|one| one.sealed.key() != sealing).collect();
        let mut round = Round { sealing, refused: Vec::new(), settled: true };
        for (place, one) in old.iter().enumerate() {
            work.progress(format!("{done} values sealed anew, {} left", old.len() - place));
            let change = match one.reseal(ring, sealing) {
                Ok(change) => change,
                Err(error) => {
                    round.refused.push(format!("{}: {}", one.name, chain(&error)));
                    continue;
                }
            };
            let mut set = ChangeSet::by(work.actor()).with(change.change);
            set.expect.extend(change.expect);
            match work.commit(set).await {
                Ok(_) => *done += 1,
                // Somebody gave it a new value, or promoted yet another key.
                Err(CatalogError::Conflict(Conflict::InstanceChanged)) => round.settled = false,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(round)
    }

    async fn all(&self, work: &Work) -> Result<String, JobError> {
        let ring = self.ring.as_ref().ok_or_else(|| JobError::new("this server has no encryption key"))?;
        let mut done = 0;
        loop {
            let round = self.round(work, ring, &mut done).await?;
            if !round.settled {
                continue;
            }
            for refused in &round.refused {
                work.say(refused).await;
            }
            return match round.refused.first() {
                None => {
                    Ok(format!("{done} values sealed anew; all are sealed with the key {}", round.sealing))
                }
                Some(first) => Err(JobError::new(format!(
                    "{done} values sealed anew, {} not: {first}",
                    round.refused.len()
                ))),
            };
        }
    }
}

#[async_trait]
impl Job for Reseal {
    fn kind(&self) -> JobKind {
        JobKind::new(RESEAL)
    }

    fn about(&self) -> &'static str {
        "seals what was sealed with an old encryption key anew with the one that seals"
    }

    fn attempts(&self) -> u32 {
        RESEAL_ATTEMPTS
    }

    fn back_off(&self, attempt: u32) -> Duration {
        Duration::from_secs(2)
            .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1).min(16)))
            .min(LONGEST)
    }

    async fn run(&self, work: &Work) -> Result<String, JobError> {
        tokio::select! {
            done = self.all(work) => done,
            () = work.stop().cancelled() => Err(JobError::new("it was told to stop")),
        }
    }
}
