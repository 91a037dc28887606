//! Deciding, purely: what happened goes in, what is to be done comes out. No waiting, no calls, no
//! clock of its own; so every order of events can be tried on it.
//!
//! The rules it keeps:
//! - A holder trusts itself from the moment *before* it asked, for the lease less a margin.
//! - A role begins with planting its fence. Before the plant has committed the holder may not act;
//!   after a plant that nobody answered it does not act either.
//! - What is unknown counts for nothing: an acquisition without an answer makes nobody holder, a
//!   renewal without an answer prolongs nothing.
//! - A plant that is refused tells a term; the next one asked for is above it.
//! - A fence is planted anew with every renewal that succeeded. A fail-over can lose the plant and keep the
//!   lease; the holder would then renew for ever and every write of it would be refused.
//! - At most one call of each kind is under way, and an answer to an older call is ignored.

use super::{Holding, Lease, Timing};
use proget_core::catalog::Role;
use std::collections::BTreeMap;
use std::time::Duration;

/// A moment on this node's own steady clock, which also runs while the machine sleeps; from any
/// beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub Duration);

impl Tick {
    /// That much later; saturates.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }
}

/// What is to be done now. Calls are made at once, side by side, each within the time limit of the
/// timings; their outcomes come back as events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// Look at all roles.
    Look,
    /// Take this role with a term above `floor`.
    Acquire {
        /// The duty.
        role: Role,
        /// Known to have been used.
        floor: i64,
        /// When this was decided; comes back with the outcome.
        since: Tick,
    },
    /// Prolong all of these in one call.
    Renew(Vec<Holding>),
    /// Plant the fence of this holding, or see that it is planted still.
    Plant(Holding),
    /// Give this up. Its outcome is nobody's business.
    Resign(Holding),
    /// From now until this moment the holding may be acted on; replaces an earlier moment.
    Trust(Holding, Tick),
    /// The holding may not be acted on any more.
    Distrust(Holding),
}

/// How planting a fence went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plant {
    /// It is planted, now or since earlier.
    Planted,
    /// The catalogue has this term of another holder, or a newer term.
    TooLow(i64),
    /// Nobody knows.
    Unknown,
}

/// Where this node stands with one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Seat {
    /// Another's, or nobody's.
    Following,
    /// Asked for it then; no answer yet.
    Asking { since: Tick },
    /// Granted; the fence is not planted yet.
    Planting { term: i64, until: Tick },
    /// Held.
    Leading { term: i64, until: Tick },
}

/// The elector of one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Elector {
    timing: Timing,
    seats: BTreeMap<Role, Seat>,
    /// Terms that are known to have been used, for registers that have forgotten.
    floors: BTreeMap<Role, i64>,
    /// May this process hold roles at all?
    candidate: bool,
    looking: Option<Tick>,
    look_at: Tick,
    renewing: Option<Tick>,
    renew_at: Tick,
}

impl Elector {
    /// Follows in all of these roles. It campaigns once [`Elector::stand`] has been told.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Role>, timing: Timing) -> Self {
        Self {
            timing,
            seats: roles.into_iter().map(|role| (role, Seat::Following)).collect(),
            floors: BTreeMap::new(),
            candidate: false,
            looking: None,
            look_at: Tick::default(),
            renewing: None,
            renew_at: Tick::default(),
        }
    }

    /// From now on this process is a candidate for its roles.
    pub fn stand(&mut self) {
        self.candidate = true;
    }

    /// From now on it is not, and what it holds it gives up.
    pub fn stand_down(&mut self) -> Vec<Command> {
        self.candidate = false;
        let roles: Vec<Role> = self.seats.keys().copied().collect();
        roles.into_iter().flat_map(|role| self.resign(role)).collect()
    }

    /// Gives one role up, if it is held; this process may take it again later.
    pub fn resign(&mut self, role: Role) -> Vec<Command> {
        let Some(seat) = self.seats.get_mut(&role) else { return Vec::new() };
        match std::mem::replace(seat, Seat::Following) {
            // If it is granted after all, it lapses by itself.
            Seat::Following | Seat::Asking { .. } => Vec::new(),
            Seat::Planting { term, .. } => vec![Command::Resign(Holding { role, term })],
            Seat::Leading { term, .. } => {
                let held = Holding { role, term };
                vec![Command::Distrust(held), Command::Resign(held)]
            }
        }
    }

    /// Other timings from now on. What is trusted already stays trusted for as long as it was granted.
    pub fn retime(&mut self, timing: Timing) {
        self.timing = timing;
        // Both are thought about anew at the next tick.
        (self.look_at, self.renew_at) = (Tick::default(), Tick::default());
    }

    /// Somebody has said that looking may be worthwhile.
    pub fn hint(&mut self) {
        self.look_at = Tick::default();
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Tick) -> Vec<Command> {
        let mut commands = self.lapse(now);
        if self.renewing.is_none() && self.renew_at <= now {
            let held = self.held();
            if !held.is_empty() {
                self.renewing = Some(now);
                self.renew_at = now.plus(self.timing.renew);
                commands.push(Command::Renew(held));
            }
        }
        if self.wants_to_look() && self.look_at <= now {
            self.looking = Some(now);
            self.look_at = now.plus(self.timing.poll);
            commands.push(Command::Look);
        }
        commands
    }

    /// When [`Elector::tick`] is to be called again at the latest, if nothing else happens.
    #[must_use]
    pub fn next(&self, now: Tick) -> Tick {
        let lapses = self.seats.values().filter_map(|seat| match seat {
            Seat::Planting { until, .. } | Seat::Leading { until, .. } => Some(*until),
            Seat::Following | Seat::Asking { .. } => None,
        });
        let renewal = (self.renewing.is_none() && !self.held().is_empty()).then_some(self.renew_at);
        let look = self.wants_to_look().then_some(self.look_at);
        lapses.chain(renewal).chain(look).min().unwrap_or_else(|| now.plus(self.timing.poll)).max(now)
    }

    /// The roles were looked at; `None` if nobody answered.
    pub fn looked(&mut self, now: Tick, found: Option<&[Lease]>) -> Vec<Command> {
        self.looking = None;
        let mut commands = self.lapse(now);
        for lease in found.unwrap_or_default() {
            let floor = self.floors.get(&lease.role).copied().unwrap_or(0);
            let Some(seat) = self.seats.get_mut(&lease.role) else { continue };
            if self.candidate && *seat == Seat::Following && lease.left.is_none() {
                *seat = Seat::Asking { since: now };
                commands.push(Command::Acquire { role: lease.role, floor, since: now });
            }
        }
        commands
    }

    /// A role was asked for then: its term if it was granted, `None` if it was not or nobody answered.
    pub fn acquired(&mut self, now: Tick, role: Role, since: Tick, granted: Option<i64>) -> Vec<Command> {
        let mut commands = self.lapse(now);
        let alone = self.held().is_empty();
        let until = since.plus(self.timing.window());
        let Some(seat) = self.seats.get_mut(&role) else { return commands };
        let awaited = *seat == Seat::Asking { since };
        if awaited {
            *seat = Seat::Following;
        }
        let Some(term) = granted else { return commands };
        let held = Holding { role, term };
        if !awaited || !self.candidate || until <= now {
            // Given up meanwhile, or answered too late to be of use.
            commands.push(Command::Resign(held));
            return commands;
        }
        *seat = Seat::Planting { term, until };
        if alone {
            self.renew_at = since.plus(self.timing.renew);
        }
        commands.push(Command::Plant(held));
        commands
    }

    /// The fence of a holding was to be planted.
    pub fn planted(&mut self, now: Tick, held: Holding, outcome: Plant) -> Vec<Command> {
        let mut commands = self.lapse(now);
        if let Plant::TooLow(term) = outcome {
            let floor = self.floors.entry(held.role).or_insert(0);
            *floor = (*floor).max(term);
        }
        let Some(seat) = self.seats.get_mut(&held.role) else { return commands };
        match *seat {
            Seat::Planting { term, until } if term == held.term => {
                if outcome == Plant::Planted {
                    *seat = Seat::Leading { term, until };
                    commands.push(Command::Trust(held, until));
                } else {
                    *seat = Seat::Following;
                    commands.push(Command::Resign(held));
                }
            }
            Seat::Leading { term, .. } if term == held.term && matches!(outcome, Plant::TooLow(_)) => {
                *seat = Seat::Following;
                commands.extend([Command::Distrust(held), Command::Resign(held)]);
            }
            // Lapsed or given up while it was being planted; or led, and it is planted still or nobody
            // knows: the next renewal asks again.
            _ => {}
        }
        commands
    }

    /// Holdings were to be prolonged: those that were, or `None` if nobody answered.
    pub fn renewed(&mut self, now: Tick, asked: &[Holding], prolonged: Option<&[Holding]>) -> Vec<Command> {
        let since = self.renewing.take();
        let mut commands = self.lapse(now);
        let (Some(since), Some(prolonged)) = (since, prolonged) else {
            // Once more, soon: there is time for it before the trust ends.
            self.renew_at = now.plus(self.timing.poll);
            return commands;
        };
        for held in asked {
            let Some(seat) = self.seats.get_mut(&held.role) else { continue };
            let (term, until) = match seat {
                Seat::Planting { term, until } | Seat::Leading { term, until } => (*term, until),
                Seat::Following | Seat::Asking { .. } => continue,
            };
            if term != held.term {
                continue;
            }
            if prolonged.contains(held) {
                *until = (*until).max(since.plus(self.timing.window()));
                let until = *until;
                if matches!(seat, Seat::Leading { .. }) {
                    commands.extend([Command::Trust(*held, until), Command::Plant(*held)]);
                }
            } else {
                let led = matches!(seat, Seat::Leading { .. });
                *seat = Seat::Following;
                commands.extend(led.then_some(Command::Distrust(*held)));
            }
        }
        commands
    }

    /// What may be acted on now, with the moment at which that ends.
    pub fn trusted(&self) -> impl Iterator<Item = (Holding, Tick)> {
        self.seats.iter().filter_map(|(role, seat)| match seat {
            Seat::Leading { term, until } => Some((Holding { role: *role, term: *term }, *until)),
            _ => None,
        })
    }

    /// Is there a role that it might take? Whoever has all of them, or waits for an answer, looks for none.
    fn wants_to_look(&self) -> bool {
        let follows = self.seats.values().any(|seat| *seat == Seat::Following);
        self.candidate && follows && self.looking.is_none()
    }

    /// Everything that is to be prolonged.
    fn held(&self) -> Vec<Holding> {
        let held = self.seats.iter().filter_map(|(role, seat)| match seat {
            Seat::Planting { term, .. } | Seat::Leading { term, .. } => {
                Some(Holding { role: *role, term: *term })
            }
            Seat::Following | Seat::Asking { .. } => None,
        });
        held.collect()
    }

    /// Ends whatever is trusted no longer.
    fn lapse(&mut self, now: Tick) -> Vec<Command> {
        let mut commands = Vec::new();
        for (role, seat) in &mut self.seats {
            match *seat {
                Seat::Planting { until, .. } if until <= now => *seat = Seat::Following,
                Seat::Leading { term, until } if until <= now => {
                    *seat = Seat::Following;
                    commands.push(Command::Distrust(Holding { role: *role, term }));
                }
                _ => {}
            }
        }
        commands
    }
}

#[cfg(test)]
#[path = "elector_tests.rs"]
mod tests;
