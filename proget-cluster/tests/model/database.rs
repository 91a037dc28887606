//! The database that nodes are elected at: a row of leases, a row of fences, and what must be true of
//! their history. It is small enough to be a state of the model, and the simulation uses it as well.
//!
//! Who checks the history keeps books of its own (`highest`, `wrote`), so a variant without a defence
//! cannot also switch off the discovery.

use proget_cluster::election::{Holding, Lease, Plant, Tick};
use proget_core::catalog::Role;
use std::time::Duration;

/// The one duty that is campaigned for.
pub(crate) const ROLE: Role = Role::SWEEPER;

/// A unit of time is a millisecond to the elector.
pub(crate) const fn units(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A defence that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// Everything is as it is in production.
    Nothing,
    /// Writes are accepted whatever fence they carry.
    Fence,
    /// Holders trust themselves for the whole lease.
    Margin,
    /// The register of leases does not count its terms.
    Terms,
    /// A plant is accepted whatever is planted already.
    PlantCheck,
    /// Trust counts from the answer and not from before the question.
    EarlyWindow,
    /// A plant that nobody answered counts as planted.
    Doubt,
}

/// What a node asks of the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Look,
    Acquire {
        floor: i64,
        since: Tick,
    },
    Renew(Vec<Holding>),
    Plant(Holding),
    Resign(Holding),
    /// A write that carries the fence of this term.
    Write(i64),
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Leases(Vec<Lease>),
    Term(Option<i64>),
    Prolonged(Vec<Holding>),
    Plant(Plant),
    Nothing,
}

/// One process; a node that was started anew is another.
pub(crate) type Who = u16;

/// The register of leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct LeaseRow {
    pub(crate) term: i64,
    pub(crate) holder: Option<Who>,
    pub(crate) until: u64,
    highest: i64,
    repeated: bool,
}

/// The catalogue's fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct FenceRow {
    pub(crate) term: i64,
    pub(crate) holder: Option<Who>,
    sank: bool,
    wrote: (i64, Option<Who>),
    backwards: bool,
}

/// Both; one fail-over loses commits of both, a register that is rebuilt loses the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Database {
    pub(crate) lease: LeaseRow,
    pub(crate) fence: FenceRow,
}

impl Database {
    /// Carries a call out at that moment of its own clock.
    pub(crate) fn carry_out(
        &mut self,
        without: Without,
        lease: u64,
        now: u64,
        who: Who,
        call: &Call,
    ) -> Answer {
        let Self { lease: row, fence } = self;
        let ours = |row: &LeaseRow, held: &Holding| row.holder == Some(who) && row.term == held.term;
        match call {
            Call::Look => Answer::Leases(vec![Lease {
                role: ROLE,
                term: row.term,
                holder: None,
                since: None,
                left: row.until.checked_sub(now).filter(|left| *left > 0).map(units),
            }]),
            Call::Acquire { floor, .. } => {
                if now < row.until {
                    return Answer::Term(None);
                }
                row.term = if without == Without::Terms { 1 } else { row.term.max(*floor) + 1 };
                row.repeated |= row.term <= row.highest;
                row.highest = row.highest.max(row.term);
                (row.holder, row.until) = (Some(who), now + lease);
                Answer::Term(Some(row.term))
            }
            Call::Renew(held) => {
                let prolonged: Vec<Holding> =
                    held.iter().filter(|held| ours(row, held) && now < row.until).copied().collect();
                if !prolonged.is_empty() {
                    row.until = now + lease;
                }
                Answer::Prolonged(prolonged)
            }
            Call::Plant(held) => {
                let stands = (fence.term, fence.holder) == (held.term, Some(who));
                if held.term <= fence.term && !stands && without != Without::PlantCheck {
                    return Answer::Plant(Plant::TooLow(fence.term));
                }
                fence.sank |= held.term <= fence.term && !stands;
                (fence.term, fence.holder) = (held.term, Some(who));
                Answer::Plant(Plant::Planted)
            }
            Call::Resign(held) => {
                if ours(row, held) {
                    row.until = row.until.min(now);
                }
                Answer::Nothing
            }
            Call::Write(term) => {
                if (fence.term, fence.holder) == (*term, Some(who)) || without == Without::Fence {
                    let (last, by) = fence.wrote;
                    fence.backwards |= *term < last || (*term == last && by != Some(who));
                    fence.wrote = (*term, Some(who));
                }
                Answer::Nothing
            }
        }
    }

    /// The register of leases is set up anew and knows nothing; the fences are still there.
    pub(crate) fn forget_leases(&mut self) {
        self.lease = LeaseRow::default();
    }

    /// Is that process granted that term at this moment?
    pub(crate) fn leases(&self, now: u64, who: Who, term: i64) -> bool {
        (self.lease.holder, self.lease.term) == (Some(who), term) && now < self.lease.until
    }

    /// Would a write of that process with that term pass?
    pub(crate) fn passes(&self, who: Who, term: i64) -> bool {
        (self.fence.holder, self.fence.term) == (Some(who), term)
    }

    /// In the history of this register every term was above all before it (I1).
    pub(crate) fn terms_only_grew(&self) -> bool {
        !self.lease.repeated
    }

    /// In the history of this catalogue the fence only rose (I2: one pair at a time, none twice).
    pub(crate) fn fence_only_rose(&self) -> bool {
        !self.fence.sank
    }

    /// In the history of this catalogue no write was accepted after one of a later term, and all of one
    /// term came from one process (I3).
    pub(crate) fn writes_only_went_forward(&self) -> bool {
        !self.fence.backwards
    }
}
