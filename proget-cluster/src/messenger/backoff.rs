//! How long to wait before trying again: twice as long each time up to a bound, and never exactly as
//! long as the others, so that nodes that lost the same peer do not come back in step.

use std::time::Duration;
use uuid::Uuid;

#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// Between half and the whole of this turn's time; the next turn's is twice as long.
    pub(super) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.most);
        // A random UUID's first byte is random; nothing secret hangs on it.
        whole.mul_f64(0.5 + f64::from(Uuid::new_v4().as_bytes()[0]) / 510.0)
    }

    /// It went well: begin anew.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_its_bound_and_begins_anew_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(35));
        for whole in [10, 20, 35, 35] {
            let (waited, whole) = (backoff.wait(), Duration::from_millis(whole));
            assert!(whole / 2 <= waited && waited <= whole, "{waited:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(10));
    }
}
