//! Queued work of a server, one struct a kind.

use crate::plain::sentence;
use async_trait::async_trait;
use proget_cluster::{Job, JobError, Work};
use proget_core::Registry;
use proget_core::catalog::JobKind;
#[cfg(any(feature = "api", feature = "cli"))]
use proget_core::catalog::NewJob;
use proget_core::registry::VerifyReport;
use std::sync::Arc;

/// So much of what is wrong is written into the job's log; the rest is counted.
const TOLD: usize = 1000;

/// Reading every blob and comparing it with its digest.
#[derive(Debug)]
pub(crate) struct Verify(pub(crate) Arc<Registry>);

impl Verify {
    /// The kind of its jobs.
    pub(crate) const KIND: &'static str = "verify";

    /// How often one is tried.
    pub(crate) const ATTEMPTS: u32 = 3;

    /// A verification to be enqueued.
    #[cfg(any(feature = "api", feature = "cli"))]
    #[must_use]
    pub(crate) fn wanted() -> NewJob {
        let kind = JobKind::new(Self::KIND);
        NewJob {
            kind,
            key: String::new(),
            input: String::new(),
            after: std::time::Duration::ZERO,
            attempts: Self::ATTEMPTS,
        }
    }
}

#[async_trait]
impl Job for Verify {
    fn kind(&self) -> JobKind {
        JobKind::new(Self::KIND)
    }

    fn about(&self) -> &'static str {
        "reads every package and compares it with its digest"
    }

    fn attempts(&self) -> u32 {
        Self::ATTEMPTS
    }

    async fn run(&self, work: &Work) -> Result<String, JobError> {
        let tell = |report: &VerifyReport| {
            work.progress(format!("{} files, {} damaged", report.blobs, report.damage.len()));
        };
        let report = tokio::select! {
            report = self.0.verify(tell) => report,
            () = work.stop().cancelled() => return Err(JobError::new("it was told to stop")),
        };
        let report =
            report.map_err(|problem| JobError::new(format!("reading packages: {}", sentence(&problem))))?;
        for damage in report.damage.iter().take(TOLD) {
            let files = damage.files.join(", ");
            work.say(format!("{} in store {}: {}; used by {files}", damage.key, damage.store, damage.what))
                .await;
        }
        Ok(format!("{} files read, {} bytes, {} damaged", report.blobs, report.bytes, report.damage.len()))
    }
}
