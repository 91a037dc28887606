//! Random numbers that can be had again: a failure prints the seed, and the seed repeats the run.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (SplitMix64); good enough to choose test cases, for nothing else.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    /// The dice of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// Other dice on each run, unless the environment's `PROGET_SEED` says which. Prints the seed,
    /// which the test harness shows when the test fails.
    #[must_use]
    pub fn new() -> Self {
        let asked = std::env::var("PROGET_SEED").ok().and_then(|text| text.parse().ok());
        let seed = asked.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            since.as_secs().wrapping_mul(1_000_000_007) ^ u64::from(since.subsec_nanos())
        });
        println!("PROGET_SEED={seed} repeats this run");
        Self::seeded(seed)
    }

    /// The seed, for messages.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap_or(0)
    }

    /// One of these, of which there must be one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
