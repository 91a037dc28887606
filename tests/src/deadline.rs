//! Waiting for a level: ask until the answer is right or the time is up.
//!
//! Not here: fixed pauses. A pause is either too short on a busy machine or wasted on an idle one.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::Outcome;

/// The deadline for things that take a second or two on an idle machine. Generous, because it
/// costs nothing when all is well: a busy two-core machine has been seen ten times slower.
pub const SOON: Duration = Duration::from_secs(30);

/// How long to wait between two questions: short enough not to be felt, long enough to leave the
/// processor to whoever is being waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks `probe` until it succeeds, at most for `limit`; then fails with `what` and the last reason.
///
/// `what` completes the sentence "waited 30 s until …". The probe is asked at least once, and a
/// probe that hangs is cut off at the deadline.
pub async fn eventually<T, F, P>(what: &str, limit: Duration, mut probe: P) -> Outcome<T>
where
    P: FnMut() -> F,
    F: Future<Output = Outcome<T>>,
{
    let end = Instant::now() + limit;
    let mut reason = anyhow!("the probe never answered");
    loop {
        let left = end.saturating_duration_since(Instant::now()).max(PAUSE);
        match tokio::time::timeout(left, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => reason = error,
            Err(_) => {}
        }
        if Instant::now() >= end {
            return Err(reason.context(format!("waited {limit:?} until {what}")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
