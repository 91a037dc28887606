//! The runner: tends each chore at its time, tells how it went, and stops when it is told to.

use crate::{Chore, ChoreError, Findings};
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How a chore is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoreStatus {
    /// Its name.
    pub name: &'static str,
    /// One sentence about it.
    pub about: &'static str,
    /// How long between two runs.
    pub every: Duration,
    /// How often it has run to its end in this process.
    pub runs: u64,
    /// How the last run ended: what it found, or why it failed.
    pub last: Option<Result<String, String>>,
}

/// Chores, before they run.
#[derive(Debug, Default)]
pub struct Runner {
    chores: Vec<Arc<dyn Chore>>,
}

impl Runner {
    /// Without chores.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a chore.
    #[must_use]
    pub fn chore(mut self, chore: Arc<dyn Chore>) -> Self {
        self.chores.push(chore);
        self
    }

    /// Starts tending, within the current tokio runtime. Each chore waits its time before its
    /// first run, so that a server which is restarted again and again does not sweep each time.
    #[must_use]
    pub fn start(self) -> Running {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let seats: Vec<Arc<Seat>> = self.chores.into_iter().map(|chore| Arc::new(Seat::new(chore))).collect();
        for seat in &seats {
            tasks.spawn(tend(seat.clone(), stop.clone()));
        }
        tasks.close();
        Running { seats, stop, tasks }
    }
}

/// Chores that are being tended; dropping it stops them.
#[derive(Debug)]
pub struct Running {
    seats: Vec<Arc<Seat>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// How each chore is doing.
    #[must_use]
    pub fn status(&self) -> Vec<ChoreStatus> {
        self.seats.iter().map(|seat| seat.status()).collect()
    }

    /// Asks for a run of the chore of that name now; says whether there is one.
    pub fn run_now(&self, name: &str) -> bool {
        let seat = self.seats.iter().find(|seat| seat.chore.name() == name);
        seat.inspect(|seat| seat.wake.notify_one()).is_some()
    }

    /// Stops, and waits until nothing runs any more. A chore in its middle is dropped, which chores permit.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A chore with what is known about it.
#[derive(Debug)]
struct Seat {
    chore: Arc<dyn Chore>,
    wake: Notify,
    record: Mutex<(u64, Option<Result<String, String>>)>,
}

impl Seat {
    fn new(chore: Arc<dyn Chore>) -> Self {
        Self { chore, wake: Notify::new(), record: Mutex::default() }
    }

    fn status(&self) -> ChoreStatus {
        let (runs, last) = self.record.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (name, about, every) = (self.chore.name(), self.chore.about(), self.chore.every());
        ChoreStatus { name, about, every, runs, last }
    }

    fn note(&self, outcome: Result<Findings, ChoreError>) {
        let chore = self.chore.name();
        let outcome = match outcome {
            Ok(findings) if findings.0.is_empty() => Ok(String::new()),
            Ok(findings) => {
                tracing::info!(chore, found = findings.0, "chore done");
                Ok(findings.0)
            }
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(chore, %error, cause, "chore failed; it will be tried again at its time");
                Err(error.to_string())
            }
        };
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.0 += 1;
        record.1 = Some(outcome);
    }
}

async fn tend(seat: Arc<Seat>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(seat.chore.every()) => {}
            () = seat.wake.notified() => {}
        }
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = seat.chore.tend() => outcome,
        };
        seat.note(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug, Default)]
    struct Counting {
        runs: AtomicU32,
        ran: Notify,
    }

    #[async_trait::async_trait]
    impl Chore for Counting {
        fn name(&self) -> &'static str {
            "count"
        }

        fn about(&self) -> &'static str {
            "counts its own runs"
        }

        fn every(&self) -> Duration {
            Duration::from_secs(3600)
        }

        async fn tend(&self) -> Result<Findings, ChoreError> {
            let run = self.runs.fetch_add(1, Ordering::SeqCst);
            self.ran.notify_one();
            if run == 0 {
                return Err(ChoreError { doing: "the first time fails".into(), source: None });
            }
            Ok(Findings(format!("run {run}")))
        }
    }

    async fn until(what: impl Fn() -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !what() {
            assert!(tokio::time::Instant::now() < deadline, "the awaited state was not reached in time");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_failed_chore_is_tried_again_and_its_status_tells_how_it_went() {
        let chore = Arc::new(Counting::default());
        let running = Runner::new().chore(chore.clone()).start();
        assert!(!running.run_now("nothing of that name"));
        assert_eq!(running.status()[0].runs, 0, "it waits its time before the first run");
        assert!(running.run_now("count"));
        until(|| running.status()[0].runs == 1).await;
        assert_eq!(running.status()[0].last, Some(Err("the first time fails".into())));
        assert!(running.run_now("count"));
        until(|| running.status()[0].runs == 2).await;
        assert_eq!(running.status()[0].last, Some(Ok("run 1".into())));
        running.stop().await;
    }

    #[tokio::test]
    async fn after_stop_returns_nothing_runs_any_more() {
        let chore = Arc::new(Counting::default());
        let running = Runner::new().chore(chore.clone()).start();
        running.stop().await;
        assert_eq!(Arc::strong_count(&chore), 1, "the runner still holds the chore");
    }
}
