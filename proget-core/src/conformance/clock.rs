//! The suite of [`Clock`].

use crate::clock::Clock;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// Tries what a clock promises.
///
/// # Panics
/// If it does not keep it.
pub fn clock(clock: &Arc<dyn Clock>) {
    let reader = || {
        let clock = Arc::clone(clock);
        thread::spawn(move || {
            let mut last = clock.tick();
            for _ in 0..10_000 {
                let now = clock.tick();
                assert!(now >= last, "a tick never goes backwards");
                last = now;
                clock.now();
            }
            last
        })
    };
    let before: Instant = clock.tick();
    let readers: Vec<_> = (0..4).map(|_| reader()).collect();
    for reader in readers {
        let last = reader.join().expect("a clock may be read from any thread");
        assert!(last >= before && clock.tick() >= last, "ticks of different threads are one sequence");
    }
    let text = clock.now().to_string();
    assert!(
        text.ends_with('Z') && text.contains('T'),
        "the wall clock shows a moment of the calendar: {text}"
    );
}
