//! The one source of chance: SplitMix64, here so that a seed means the same for ever. Whoever decides on
//! his own gets a source of his own, so that nobody's number of throws changes what another throws.

#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Another source, which depends on this one's past only.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// Another source for that purpose, however much others have thrown before.
    pub(crate) fn for_purpose(&self, purpose: &str) -> Self {
        let mixed = purpose.bytes().fold(self.0, |seed, byte| Self(seed ^ u64::from(byte)).next());
        Self(mixed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(crate) fn within(&mut self, from: u64, until: u64) -> u64 {
        from + self.below(until.saturating_sub(from))
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}
