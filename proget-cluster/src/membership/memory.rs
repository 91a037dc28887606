//! A roster in memory: for tests, for a single node, and for nodes that share a process.

use super::admission::{Seat, judge, silence};
use super::{Beaten, Component, JoinRules, Member, Membership, MembershipError, NodeCard, Removal, Roster};
use crate::election::{MemoryElection, SteadyClock, Tick};
use async_trait::async_trait;
use proget_core::clock::{Clock as _, SystemClock, Timestamp};
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Clone)]
struct Process {
    card: NodeCard,
    /// Those that it joined with: what the card says later changes nothing about its seats.
    components: BTreeSet<Component>,
    joined: Timestamp,
    beat: Tick,
}

type Processes = BTreeMap<Incarnation, Process>;

/// A roster in memory, on a clock of its own. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryMembership {
    clock: Arc<dyn SteadyClock>,
    leases: Option<MemoryElection>,
    processes: Arc<Mutex<Processes>>,
}

impl MemoryMembership {
    /// Without anybody yet.
    #[must_use]
    pub fn new(clock: Arc<dyn SteadyClock>) -> Self {
        Self { clock, leases: None, processes: Arc::default() }
    }

    /// Beside these leases, which expire when their holder is removed.
    #[must_use]
    pub fn beside(mut self, leases: MemoryElection) -> Self {
        self.leases = Some(leases);
        self
    }

    /// Nothing that is done under this lock can panic half-way.
    fn processes(&self) -> MutexGuard<'_, Processes> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was expired stays so, also if the process campaigns again before it learns that it is gone.
    fn take_out(&self, processes: &mut Processes, gone: &BTreeSet<Incarnation>) {
        for incarnation in gone {
            processes.remove(incarnation);
            if let Some(leases) = &self.leases {
                leases.expire(*incarnation);
            }
        }
    }
}

fn since(now: Tick, then: Tick) -> Duration {
    now.0.saturating_sub(then.0)
}

fn seats(processes: &Processes, now: Tick) -> Vec<Seat> {
    let of = |process: &Process| {
        let (name, incarnation) = (process.card.name.clone(), process.card.incarnation);
        let silent_for = since(now, process.beat);
        let seat = move |component: &Component| Seat {
            name: name.clone(),
            component: *component,
            incarnation,
            silent_for,
        };
        process.components.iter().map(seat).collect::<Vec<_>>()
    };
    processes.values().flat_map(of).collect()
}

#[async_trait]
impl Membership for MemoryMembership {
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError> {
        let (mut processes, now) = (self.processes(), self.clock.tick());
        for former in judge(card, rules, &seats(&processes, now))? {
            processes.remove(&former);
        }
        let joined = SystemClock.now();
        let process = Process { card: card.clone(), components: card.components.clone(), joined, beat: now };
        processes.insert(card.incarnation, process);
        Ok(())
    }

    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError> {
        let (mut processes, now) = (self.processes(), self.clock.tick());
        let process = processes.get_mut(&card.incarnation).filter(|process| process.card.name == card.name);
        let seated = process.is_some();
        if let Some(process) = process {
            (process.card, process.beat) = (card.clone(), now);
        }
        Ok(Beaten { seated, at: Some(SystemClock.now()) })
    }

    async fn roster(&self) -> Result<Roster, MembershipError> {
        let (processes, now) = (self.processes(), self.clock.tick());
        let member = |process: &Process| {
            let silent_for = since(now, process.beat);
            let beats = process.components.iter().map(|component| (*component, silent_for)).collect();
            Member { card: process.card.clone(), joined: process.joined, beats }
        };
        let mut members: Vec<Member> = processes.values().map(member).collect();
        members.sort_by_key(Member::place);
        Ok(Roster { at: SystemClock.now(), members })
    }

    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError> {
        self.processes().retain(|_, of| of.card.name != *name || of.card.incarnation != incarnation);
        Ok(())
    }

    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError> {
        let (mut processes, now) = (self.processes(), self.clock.tick());
        let of = processes.values().filter(|process| process.card.name == *name);
        let Some(silent_for) = of.map(|process| since(now, process.beat)).min() else {
            return Err(MembershipError::Absent(name.clone()));
        };
        if let Removal::Silent(limit) = removal
            && silent_for < limit
        {
            return Err(MembershipError::Fresh { name: name.clone(), silent_for });
        }
        let of = processes.values().filter(|process| process.card.name == *name);
        let gone: BTreeSet<Incarnation> = of.map(|process| process.card.incarnation).collect();
        self.take_out(&mut processes, &gone);
        Ok(gone.into_iter().collect())
    }

    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError> {
        let (mut processes, now) = (self.processes(), self.clock.tick());
        let seats = seats(&processes, now);
        let departed = |seat: &&Seat| silence(&seats, seat.incarnation) >= silent_for;
        let gone: BTreeSet<(NodeName, Incarnation)> =
            seats.iter().filter(departed).map(|seat| (seat.name.clone(), seat.incarnation)).collect();
        self.take_out(&mut processes, &gone.iter().map(|(_, incarnation)| *incarnation).collect());
        Ok(gone.into_iter().collect())
    }
}
