//! Back-pressure: so many requests are handled at once, so many may wait for so long, and the
//! rest is told at once to come back later. A queue without end would only turn overload into
//! time-outs at the client, after the work was done.

use std::time::Duration;

use poem::{
    Response,
    http::{HeaderValue, StatusCode, header},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{problem::problem, settings::Limits};

/// The door before the handlers.
#[derive(Debug)]
pub(super) struct Gate {
    places: Semaphore,
    queue: Semaphore,
    patience: Duration,
    retry_after: Duration,
}

/// There is no place, and there will not soon be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overloaded {
    retry_after: Duration,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            places: Semaphore::new(limits.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            queue: Semaphore::new(limits.waiting.min(Semaphore::MAX_PERMITS)),
            patience: limits.wait,
            retry_after: limits.retry_after,
        }
    }

    /// A place until the permit is dropped; places are given in the order of asking.
    pub(super) async fn enter(&self) -> Result<SemaphorePermit<'_>, Overloaded> {
        let overloaded = Overloaded { retry_after: self.retry_after };
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let Ok(_queued) = self.queue.try_acquire() else { return Err(overloaded) };
        match timeout(self.patience, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(overloaded),
        }
    }
}

impl Overloaded {
    /// 503 with `Retry-After` in whole seconds.
    pub(super) fn into_response(self) -> Response {
        let seconds = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        let mut response = problem(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the server has more requests than it can handle; try again in {seconds} s"),
        );
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_works_one_waits_and_the_third_is_sent_away_at_once() {
        let gate = Gate::new(&Limits { in_flight: 1, waiting: 1, ..Limits::default() });
        let working = gate.enter().await.unwrap();
        let waiting = gate.enter();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(gate.enter().await.is_err());
        drop(working);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn whoever_waits_too_long_is_sent_away() {
        let wait = Duration::from_millis(20);
        let gate = Gate::new(&Limits { in_flight: 1, waiting: 1, wait, ..Limits::default() });
        let _working = gate.enter().await.unwrap();
        let response = gate.enter().await.unwrap_err().into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.header("retry-after"), Some("2"));
    }
}
