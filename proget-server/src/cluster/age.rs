//! For how long this process has run. Counted from the first time that anybody asks, so the program asks
//! before it does anything else; embedders' programs count from their first server.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// For how long this process has run.
pub(crate) fn process_age() -> Duration {
    BEGAN.elapsed()
}
