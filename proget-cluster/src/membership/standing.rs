//! How a node stands in the eyes of others: a matter of the age of its last beat, and of nothing
//! else. Pure; both ages and limits are durations on the register's clock.

use crate::election::Timing;
use std::fmt;
use std::time::Duration;

/// What others think of a node. Nothing is taken from it for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It beats.
    Fresh,
    /// It missed beats that it should not have missed.
    Late,
    /// It has been silent for so long that an operator should look.
    Lost,
}

impl Standing {
    /// The standing of a node whose last beat is so old.
    #[must_use]
    pub fn of(silent_for: Duration, timing: &Timing) -> Self {
        if silent_for < timing.late {
            Self::Fresh
        } else if silent_for < timing.lost {
            Self::Late
        } else {
            Self::Lost
        }
    }

    /// As it is written in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Late => "late",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Preset;

    #[test]
    fn standing_follows_from_age_and_never_gets_better_with_it() {
        let timing = Timing::default();
        let ms = Duration::from_millis;
        assert_eq!(Standing::of(Duration::ZERO, &timing), Standing::Fresh);
        assert_eq!(Standing::of(timing.late - ms(1), &timing), Standing::Fresh);
        assert_eq!(Standing::of(timing.late, &timing), Standing::Late);
        assert_eq!(Standing::of(timing.lost - ms(1), &timing), Standing::Late);
        assert_eq!(Standing::of(timing.lost, &timing), Standing::Lost);
        for preset in Preset::ALL {
            let timing = preset.timing();
            let stood: Vec<Standing> =
                (0..100).map(|step| Standing::of(timing.lost * step / 50, &timing)).collect();
            assert!(stood.is_sorted(), "{preset:?}: {stood:?}");
            assert!(stood.contains(&Standing::Fresh) && stood.contains(&Standing::Lost), "{preset:?}");
        }
    }
}
