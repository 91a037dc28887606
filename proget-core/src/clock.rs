//! Time as the rest of the code may know it; the only file that touches the system's clock.
//!
//! No decision about leases, reservations or fences uses this clock: those live on the
//! catalogue's own. What is here serves people, rows and deadlines within one process.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z, the one form in which instants are stored.
///
/// Databases disagree about the precision of their own types (MariaDB keeps seconds by default).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `after` this one; saturates.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `before` this one; saturates.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(before.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// ISO 8601 in UTC with milliseconds: `2026-11-22T18:31:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            // Out of the calendar's range: say what is stored rather than panic.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// The only way to learn the time.
///
/// # What an implementation must promise
/// - `tick` never goes backwards and is unaffected by changes of the wall clock.
/// - Both may be called from any thread, at any rate.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock: for people and rows, never for deciding who may act.
    fn now(&self) -> Timestamp;
    /// A monotonic clock: for deadlines within this process.
    fn tick(&self) -> Instant;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn tick(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until a test turns it.
#[derive(Debug)]
pub struct ManualClock {
    start: Instant,
    begin: Timestamp,
    passed_ms: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `begin`.
    #[must_use]
    pub fn at(begin: Timestamp) -> Self {
        Self { start: Instant::now(), begin, passed_ms: AtomicI64::new(0) }
    }

    /// Turns the clock forward; everybody who holds it sees the new time at once.
    pub fn advance(&self, by: Duration) {
        self.passed_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    fn passed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.passed_ms.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Timestamp(1_800_000_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.begin.plus(self.passed())
    }

    fn tick(&self) -> Instant {
        self.start + self.passed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_as_iso_8601_with_milliseconds() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_732_300_260_007).to_string(), "2024-11-22T18:31:00.007Z");
        assert_eq!(Timestamp(i64::MAX).to_string(), format!("{} ms", i64::MAX));
    }

    #[test]
    fn a_manual_clock_moves_only_when_it_is_turned() {
        let clock = ManualClock::at(Timestamp(5));
        let before = clock.tick();
        assert_eq!(clock.now(), Timestamp(5));
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Timestamp(2005));
        assert_eq!(clock.tick() - before, Duration::from_secs(2));
    }
}
