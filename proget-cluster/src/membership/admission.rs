//! Who may join: decided purely, from the seats that the register has locked.

use super::{Component, MembershipError, NodeCard};
use crate::election::Timing;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::collections::BTreeSet;
use std::time::Duration;

/// By what joining is judged; data of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinRules {
    /// How many nodes may be here; `None`: any number.
    pub max_servers: Option<u32>,
    /// A process that has been silent for so long has lost its name to whoever joins under it.
    pub abandoned_after: Duration,
}

impl JoinRules {
    /// By these timings: a name is abandoned after two missed beats, and the time that the second may
    /// have been under way.
    #[must_use]
    pub fn by(timing: &Timing, max_servers: Option<u32>) -> Self {
        Self { max_servers, abandoned_after: 2 * timing.beat + timing.call }
    }
}

/// A seat as joining and removing see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) name: NodeName,
    pub(super) component: Component,
    pub(super) incarnation: Incarnation,
    pub(super) silent_for: Duration,
}

/// For how long nothing was heard of a process: it beats as a whole.
pub(super) fn silence(seats: &[Seat], process: Incarnation) -> Duration {
    let of = seats.iter().filter(|seat| seat.incarnation == process);
    of.map(|seat| seat.silent_for).min().unwrap_or(Duration::MAX)
}

/// The former processes that lose their seats to this one, if it may join.
pub(super) fn judge(
    card: &NodeCard,
    rules: JoinRules,
    seats: &[Seat],
) -> Result<BTreeSet<Incarnation>, MembershipError> {
    let mut former = BTreeSet::new();
    let wanted = |seat: &&Seat| seat.name == card.name && card.components.contains(&seat.component);
    for seat in seats.iter().filter(wanted).filter(|seat| seat.incarnation != card.incarnation) {
        let silent_for = silence(seats, seat.incarnation);
        if silent_for < rules.abandoned_after {
            let (name, component) = (card.name.clone(), seat.component);
            return Err(MembershipError::Taken { name, component, silent_for });
        }
        former.insert(seat.incarnation);
    }
    let others: BTreeSet<&NodeName> =
        seats.iter().map(|seat| &seat.name).filter(|name| **name != card.name).collect();
    let present = u32::try_from(others.len()).unwrap_or(u32::MAX);
    match rules.max_servers.filter(|limit| present >= *limit) {
        Some(limit) => Err(MembershipError::Full { present, limit }),
        None => Ok(former),
    }
}
