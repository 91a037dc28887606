//! Whether a connection is alive: how many requests it carries, since when it carries none,
//! and since when a request's head has been arriving. From that follows the instant at which it
//! is closed for silence, the same for HTTP/1.1 and HTTP/2.
//!
//! hyper has a header timer of its own, but it starts when a kept-alive connection becomes
//! idle (so idle and header limits would be one), it does not run while the protocol version is
//! still being guessed, and HTTP/2 has none. So we keep the time ourselves.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use poem::http::Version;
use tokio::time::{Instant, sleep_until};

/// The pulse of one connection, shared by its socket, its requests and its watcher.
#[derive(Debug)]
pub(super) struct Pulse {
    state: Mutex<State>,
    unread: AtomicBool,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    idle_since: Instant,
    /// When the first byte of the head now arriving came. HTTP/1.1 only: on HTTP/2 bytes also
    /// arrive as pings, settings and windows, which say nothing about requests.
    head_since: Option<Instant>,
    multiplexed: bool,
}

impl Pulse {
    /// A connection whose first byte is here: its first head is arriving.
    pub(super) fn new() -> Arc<Self> {
        let now = Instant::now();
        let state = State { in_flight: 0, idle_since: now, head_since: Some(now), multiplexed: false };
        Arc::new(Self { state: Mutex::new(state), unread: AtomicBool::new(false) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes arrived from the client.
    pub(super) fn beat(&self) {
        let mut state = self.state();
        if state.in_flight == 0 && state.head_since.is_none() && !state.multiplexed {
            state.head_since = Some(Instant::now());
        }
    }

    /// A request's head is complete; the request lasts until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.head_since = None;
        state.multiplexed = version == Version::HTTP_2;
        drop(state);
        InFlight(Arc::clone(self))
    }

    /// A body was given up before its end: the client may still be sending.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Whether a body was given up before its end.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// When the connection has been silent for too long; `None` while it has work.
    fn deadline(&self, header: Duration, idle: Duration) -> Option<Instant> {
        let state = self.state();
        if state.in_flight > 0 {
            return None;
        }
        Some(match state.head_since {
            Some(since) => since + header,
            None => state.idle_since + idle,
        })
    }

    /// Waits until the connection has been silent for too long.
    ///
    /// It looks only now and then instead of setting a timer with every request, which would
    /// cost each of them; a deadline that moved nearer is therefore noticed one `header` late.
    pub(super) async fn silence(&self, header: Duration, idle: Duration) {
        loop {
            let now = Instant::now();
            let look_again = now + header.min(idle);
            match self.deadline(header, idle) {
                Some(deadline) if deadline <= now => return,
                Some(deadline) => sleep_until(deadline.min(look_again)).await,
                None => sleep_until(look_again).await,
            }
        }
    }
}

/// One request on its connection, from the end of its head to the end of its answer.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Pulse>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    /// The deadline is `limit` after an instant between `from` and now.
    fn assert_counts(pulse: &Pulse, from: Instant, limit: Duration) {
        let deadline = pulse.deadline(HEADER, IDLE).unwrap();
        assert!(from + limit <= deadline && deadline <= Instant::now() + limit);
    }

    #[tokio::test]
    async fn the_first_head_has_the_header_limit() {
        let start = Instant::now();
        assert_counts(&Pulse::new(), start, HEADER);
    }

    #[tokio::test]
    async fn during_requests_there_is_no_limit_and_afterwards_the_idle_limit_counts() {
        let pulse = Pulse::new();
        let (first, second) = (pulse.begin(Version::HTTP_11), pulse.begin(Version::HTTP_11));
        drop(first);
        assert_eq!(pulse.deadline(HEADER, IDLE), None);
        let end = Instant::now();
        drop(second);
        assert_counts(&pulse, end, IDLE);
    }

    #[tokio::test]
    async fn a_head_that_trickles_on_a_kept_alive_connection_has_the_header_limit_from_its_first_byte() {
        let pulse = Pulse::new();
        drop(pulse.begin(Version::HTTP_11));
        let first_byte = Instant::now();
        pulse.beat();
        let deadline = pulse.deadline(HEADER, IDLE);
        pulse.beat();
        assert_counts(&pulse, first_byte, HEADER);
        assert_eq!(pulse.deadline(HEADER, IDLE), deadline);
    }

    #[tokio::test]
    async fn pings_on_http2_neither_shorten_nor_lengthen_the_idle_limit() {
        let pulse = Pulse::new();
        let end = Instant::now();
        drop(pulse.begin(Version::HTTP_2));
        let deadline = pulse.deadline(HEADER, IDLE);
        pulse.beat();
        assert_counts(&pulse, end, IDLE);
        assert_eq!(pulse.deadline(HEADER, IDLE), deadline);
    }
}
