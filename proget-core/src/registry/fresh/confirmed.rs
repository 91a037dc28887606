//! What stamps were when they were last read, and when that was: all that a process can say while the
//! catalogue cannot be reached.
//!
//! An entry may be older than what this process itself committed since: so a commit takes out what it
//! touched, also one whose outcome nobody knows, and a read that was under way meanwhile notes nothing.

use super::alone::Touched;
use crate::catalog::StampOf;
use crate::clock::Clock;
use crate::ids::Stamp;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many stamps are remembered.
const STAMPS: usize = 100_000;

/// What was confirmed so recently is not noted anew: the hottest path is a look and nothing more.
const RECENT: Duration = Duration::from_secs(1);

/// See the module's page.
#[derive(Debug)]
pub(super) struct Confirmed {
    clock: Arc<dyn Clock>,
    stamps: Cache<StampOf, (Stamp, Instant)>,
    /// Grows with every commit.
    epoch: AtomicU64,
}

/// The moment before a read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    epoch: u64,
    at: Instant,
}

impl Confirmed {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, stamps: Cache::new(STAMPS), epoch: AtomicU64::new(0) }
    }

    /// A read begins.
    pub(super) fn before(&self) -> Before {
        Before { epoch: self.epoch.load(Ordering::SeqCst), at: self.clock.tick() }
    }

    /// What a read that began then found.
    pub(super) fn note(&self, before: Before, of: &[StampOf], stamps: &[Option<Stamp>]) {
        for (of, stamp) in of.iter().zip(stamps) {
            let Some(stamp) = stamp else {
                self.stamps.remove(of);
                continue;
            };
            let known = self.stamps.get(of);
            if known.is_some_and(|(known, at)| known == *stamp && at + RECENT > before.at) {
                continue;
            }
            if self.epoch.load(Ordering::SeqCst) != before.epoch {
                return;
            }
            self.stamps.insert(of.clone(), (*stamp, before.at));
            // A commit that came between looking and noting has taken out what was there before.
            if self.epoch.load(Ordering::SeqCst) != before.epoch {
                self.stamps.remove(of);
                return;
            }
        }
    }

    /// A commit that may have touched this has ended, or may still happen.
    pub(super) fn forget(&self, touched: &Touched) {
        match touched {
            Touched::Nothing => {}
            Touched::Everything => {
                self.epoch.fetch_add(1, Ordering::SeqCst);
                self.stamps.clear();
            }
            Touched::Some(some) => {
                self.epoch.fetch_add(1, Ordering::SeqCst);
                for of in some {
                    self.stamps.remove(of);
                }
            }
        }
    }

    /// What a stamp was, and how long ago that was certain; `None` if that is longer ago than `bound`.
    pub(super) fn recall(&self, of: &StampOf, bound: Duration) -> Option<(Stamp, Duration)> {
        let (stamp, at) = self.stamps.get(of)?;
        let age = self.clock.tick().saturating_duration_since(at);
        (age <= bound).then_some((stamp, age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    fn bench() -> (Arc<ManualClock>, Confirmed, StampOf, Stamp) {
        let clock = Arc::new(ManualClock::at(Timestamp(0)));
        (clock.clone(), Confirmed::new(clock), StampOf::Feed("f".into()), Stamp::random())
    }

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_certain_is_recalled_within_the_bound_and_counted_from_before_the_read() {
        let (clock, confirmed, of, stamp) = bench();
        let before = confirmed.before();
        clock.advance(3 * S);
        confirmed.note(before, std::slice::from_ref(&of), &[Some(stamp)]);
        clock.advance(2 * S);
        assert_eq!(confirmed.recall(&of, 5 * S), Some((stamp, 5 * S)));
        assert_eq!(confirmed.recall(&of, 4 * S), None);
        confirmed.note(confirmed.before(), std::slice::from_ref(&of), &[Some(stamp)]);
        assert_eq!(confirmed.recall(&of, S), Some((stamp, Duration::ZERO)));
        confirmed.note(confirmed.before(), std::slice::from_ref(&of), &[None]);
        assert_eq!(confirmed.recall(&of, 5 * S), None, "it is gone");
    }

    #[test]
    fn a_commit_takes_out_what_it_touched_and_a_read_that_was_under_way_notes_nothing() {
        let (_, confirmed, of, stamp) = bench();
        confirmed.note(confirmed.before(), std::slice::from_ref(&of), &[Some(stamp)]);
        let before = confirmed.before();
        confirmed.forget(&Touched::Some(vec![of.clone()]));
        assert_eq!(confirmed.recall(&of, S), None);
        confirmed.note(before, std::slice::from_ref(&of), &[Some(stamp)]);
        assert_eq!(confirmed.recall(&of, S), None, "what it found may be what was before the commit");
        confirmed.note(confirmed.before(), std::slice::from_ref(&of), &[Some(stamp)]);
        confirmed.forget(&Touched::Nothing);
        assert!(confirmed.recall(&of, S).is_some());
        confirmed.forget(&Touched::Everything);
        assert_eq!(confirmed.recall(&of, S), None);
    }
}
