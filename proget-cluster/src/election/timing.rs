//! How long things take: one value, validated as a whole, stored in the database and applied live.
//!
//! The numbers depend on each other. A holder must stop believing before others may take over, and
//! must have had the time to try renewing twice before; a beat must be missed more than once before
//! anybody is called late. [`Timing::checked`] refuses numbers that break such a rule, with the rule.

use std::time::Duration;

/// All durations of membership and election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    /// For how long a role is granted, on the clock of the database.
    pub lease: Duration,
    /// How often a holder renews.
    pub renew: Duration,
    /// How much sooner than the lease a holder stops believing, on its own clock: for clocks that
    /// run at different rates and for what it had begun.
    pub margin: Duration,
    /// How often everybody else looks for roles that are free.
    pub poll: Duration,
    /// The longest that one call to the election may take before it counts as unanswered.
    pub call: Duration,
    /// How often a node says that it is here.
    pub beat: Duration,
    /// Without a beat for so long, a node is late.
    pub late: Duration,
    /// Without a beat for so long, a node is lost. Nothing is taken from it for that.
    pub lost: Duration,
}

/// A rule that timings break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these timings cannot work: {rule}")]
pub struct BadTiming {
    rule: &'static str,
}

/// Timings with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// One local network with a database that answers at once.
    Fast,
    /// What a new instance has.
    Default,
    /// A slow or distant database.
    Patient,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Default, Self::Patient];

    /// As it is written in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Default => "default",
            Self::Patient => "patient",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Its timings.
    #[must_use]
    pub fn timing(self) -> Timing {
        let ms = Duration::from_millis;
        match self {
            Self::Fast => Timing {
                lease: ms(3000),
                renew: ms(750),
                margin: ms(500),
                poll: ms(250),
                call: ms(750),
                beat: ms(500),
                late: ms(1500),
                lost: ms(3000),
            },
            Self::Default => Timing {
                lease: ms(6000),
                renew: ms(2000),
                margin: ms(1000),
                poll: ms(1000),
                call: ms(1000),
                beat: ms(2000),
                late: ms(6000),
                lost: ms(12_000),
            },
            Self::Patient => Timing {
                lease: ms(15_000),
                renew: ms(4000),
                margin: ms(2500),
                poll: ms(1500),
                call: ms(3000),
                beat: ms(5000),
                late: ms(15_000),
                lost: ms(30_000),
            },
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Preset::Default.timing()
    }
}

impl Timing {
    /// For how long a holder believes, counted from before it asked.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.lease.saturating_sub(self.margin)
    }

    /// The same timings, if they can work.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn checked(self) -> Result<Self, BadTiming> {
        let rules = [
            (self.lease >= Duration::from_millis(500), "a lease lasts at least half a second"),
            (self.lease <= Duration::from_secs(300), "a lease lasts at most five minutes"),
            (self.margin * 20 >= self.lease, "the margin is at least a twentieth of the lease"),
            (self.margin * 2 <= self.lease, "the margin is at most half of the lease"),
            (!self.renew.is_zero() && !self.poll.is_zero(), "renewing and looking take turns with waiting"),
            (
                self.renew + 2 * self.call + self.poll <= self.window(),
                "a renewal that gets no answer can be tried once more before the holder stops believing: \
                 renew + 2 x call + poll is at most lease - margin",
            ),
            (self.poll <= self.lease, "roles are looked for at least once in a lease"),
            (
                !self.beat.is_zero() && self.beat * 2 < self.late,
                "two beats may be missed before a node is late",
            ),
            (self.late < self.lost, "a node is late before it is lost"),
        ];
        match rules.into_iter().find(|(kept, _)| !kept) {
            Some((_, rule)) => Err(BadTiming { rule }),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_keep_all_rules_and_are_found_by_name() {
        for preset in Preset::ALL {
            assert!(preset.timing().checked().is_ok(), "{preset:?}: {:?}", preset.timing().checked());
            assert_eq!(Preset::named(preset.name()), Some(preset));
        }
        assert_eq!(Preset::named("quick"), None);
    }

    #[test]
    fn a_holder_always_stops_believing_before_others_may_take_over() {
        let timing = Timing::default();
        for broken in [
            Timing { margin: Duration::ZERO, ..timing },
            Timing { lease: Duration::from_millis(100), ..timing },
            Timing { lease: Duration::from_secs(301), margin: Duration::from_secs(60), ..timing },
            Timing { renew: Duration::from_secs(4), ..timing },
            Timing { call: Duration::from_secs(2), ..timing },
            Timing { poll: Duration::from_secs(7), ..timing },
            Timing { poll: Duration::ZERO, ..timing },
            Timing { beat: Duration::from_secs(3), ..timing },
            Timing { lost: Duration::from_secs(6), ..timing },
        ] {
            let refused = broken.checked().unwrap_err().to_string();
            assert!(refused.starts_with("these timings cannot work: "), "{refused}");
        }
    }
}
