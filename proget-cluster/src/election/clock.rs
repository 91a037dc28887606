//! The clock by which a holder trusts itself: it never goes back, nobody can set it, and it also
//! runs while the machine sleeps. (`std::time::Instant` stands still then on Linux, so a laptop that
//! was closed over night would wake up as holder.)

use super::Tick;
use std::fmt;

/// A steady clock.
///
/// # What an implementation must promise
/// - It never goes backwards, and setting the wall clock does not move it.
/// - It counts the time in which the machine slept.
pub trait SteadyClock: fmt::Debug + Send + Sync + 'static {
    /// Now.
    fn tick(&self) -> Tick;
}

/// The operating system's: `CLOCK_BOOTTIME` where there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct BootClock;

impl SteadyClock for BootClock {
    fn tick(&self) -> Tick {
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(clock);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Tick(std::time::Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default()))
    }
}
