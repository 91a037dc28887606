//! What may happen: the state of the small world, its steps, and what must be true in every state. The
//! steps are those of an adversary; only in a prompt world time waits until nobody has anything to do.

use super::database::{Answer, Call, Database, Who, Without, units};
use super::node::Node;
use proget_cluster::election::{Tick, Timing};
use stateright::{Model, Property};

pub(crate) const MARGIN: u64 = 1;
pub(crate) const POLL: u64 = 1;

pub(crate) const FORWARD: &str = "accepted writes never go back to an earlier holding";
pub(crate) const GROW: &str = "terms that are granted only grow";
pub(crate) const RISE: &str = "a fence only rises";
pub(crate) const BACKED: &str = "whoever trusts itself within the margin has lease and fence";
pub(crate) const ALONE: &str = "two trust themselves only beyond the margin or after a fail-over";
pub(crate) const ONE_MIND: &str = "what was lapsed or given up is trusted no longer";
pub(crate) const SOON: &str = "where all are prompt, somebody leads after a lease and a poll";
pub(crate) const FIRST: &str = "the first leads";
pub(crate) const SECOND: &str = "the second leads after somebody else did";
pub(crate) const BOTH: &str = "two trust themselves at once";

/// What may go wrong, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) without: Without,
    pub(crate) nodes: u16,
    /// For how long a role is granted.
    pub(crate) lease: u64,
    /// The end of time.
    pub(crate) end: u64,
    /// Terms above this are not looked into.
    pub(crate) terms: i64,
    /// How many units each node's clock may lose altogether.
    pub(crate) slow: u64,
    /// How often an older copy of lease and fence may take the database's place.
    pub(crate) failovers: u8,
    /// How often the register of leases may be lost, and the fences not.
    pub(crate) rebuilt: u8,
    /// How many calls may stay without an answer.
    pub(crate) lost: u8,
    /// How often somebody may give up its role.
    pub(crate) leaves: u8,
    /// How many processes may end.
    pub(crate) deaths: u8,
    /// How many late calls and writes may be on their way at once.
    pub(crate) late: usize,
    /// Calls take no time, and time passes only when nobody has anything left to do.
    pub(crate) prompt: bool,
    /// What should be possible here.
    pub(crate) sometimes: &'static [&'static str],
    /// The one property that is looked at, if it is not all.
    pub(crate) only: Option<&'static str>,
}

/// A process with what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seat {
    node: Node,
    dead: bool,
    /// By how much its clock is behind.
    behind: u64,
    /// The term of its last write; one of each is enough.
    wrote: i64,
    /// Calls whose answer is waited for, and the answers that are on their way.
    asked: Vec<(Call, Option<Answer>)>,
    /// Calls that nobody waits for, and that may take effect at any time or never.
    late: Vec<Call>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    now: u64,
    database: Database,
    /// What a replica has, that may become the database.
    replica: Database,
    seats: Vec<Seat>,
    /// How often what may go wrong has gone wrong.
    failovers: u8,
    rebuilt: u8,
    lost: u8,
    leaves: u8,
    deaths: u8,
    /// Until then what the database forgot may still be believed.
    shaken: u64,
    /// For how long nobody has led; counted in prompt worlds.
    leaderless: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A unit of time passes; the clock of that node does not see it.
    Pass(Option<usize>),
    /// A node looks at its clock.
    Wake(usize),
    /// The database carries a call out.
    CarryOut(usize, usize),
    /// The answer arrives.
    Hear(usize, usize),
    /// Nobody waits for the answer any more; the call may take effect later or never.
    GiveUp(usize, usize),
    /// A call that nobody waits for is carried out after all.
    Late(usize, usize),
    /// A node that trusts itself sends a write.
    Send(usize),
    /// A node gives up its role.
    Leave(usize),
    /// A process ends; what it sent may arrive yet.
    Die(usize),
    /// The replica catches up.
    Replicate,
    /// The replica becomes the database.
    FailOver,
    /// The register of leases begins anew.
    Rebuild,
}

impl World {
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            lease: units(self.lease),
            renew: units(1),
            margin: units(if self.without == Without::Margin { 0 } else { MARGIN }),
            poll: units(POLL),
            call: units(1),
            ..Timing::default()
        }
    }

    /// Some node tells or does something.
    fn at(&self, state: &mut State, seat: usize, act: impl FnOnce(&mut Node, &Timing, Tick) -> Vec<Call>) {
        let now = state.clock(seat);
        let seat = &mut state.seats[seat];
        for call in act(&mut seat.node, &self.timing(), now) {
            match call {
                Call::Resign(_) => seat.late.push(call),
                call => seat.asked.push((call, None)),
            }
        }
    }

    fn wake(&self, state: &mut State, seat: usize) {
        self.at(state, seat, |node, timing, now| node.wake(timing, self.without, now));
    }

    fn hear(&self, state: &mut State, seat: usize, call: Call, answer: Option<Answer>) {
        self.at(state, seat, |node, timing, now| node.hear(timing, self.without, now, call, answer));
    }

    fn carry_out(&self, state: &mut State, seat: usize, call: &Call) -> Answer {
        let who = state.seats[seat].node.who;
        state.database.carry_out(self.without, self.lease, state.now, who, call)
    }

    /// Has nobody anything to do before time passes?
    fn is_quiet(&self, state: &State) -> bool {
        (0..state.seats.len()).filter(|seat| !state.seats[*seat].dead).all(|seat| {
            let mut woken = state.clone();
            self.wake(&mut woken, seat);
            state.seats[seat].asked.is_empty() && woken == *state
        })
    }
}

impl State {
    fn clock(&self, seat: usize) -> Tick {
        Tick(units(self.now - self.seats[seat].behind))
    }

    /// The term that a node would act on at this moment by its own clock.
    fn trusts(&self, seat: usize) -> Option<i64> {
        if self.seats[seat].dead { None } else { self.seats[seat].node.trusts(self.clock(seat)) }
    }

    fn trusting(&self) -> impl Iterator<Item = (Who, i64)> {
        (0..self.seats.len()).filter_map(|seat| Some((self.seats[seat].node.who, self.trusts(seat)?)))
    }

    /// Are the clocks honest, and is what the database forgot forgotten by all?
    fn is_honest(&self) -> bool {
        self.shaken <= self.now && self.seats.iter().all(|seat| seat.behind <= MARGIN)
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let seat = |who| Seat {
            node: Node::candidate(who, self.timing()),
            dead: false,
            behind: 0,
            wrote: 0,
            asked: Vec::new(),
            late: Vec::new(),
        };
        vec![State {
            now: 0,
            database: Database::default(),
            replica: Database::default(),
            seats: (0..self.nodes).map(seat).collect(),
            failovers: 0,
            rebuilt: 0,
            lost: 0,
            leaves: 0,
            deaths: 0,
            shaken: 0,
            leaderless: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.now < self.end && (!self.prompt || self.is_quiet(state)) {
            actions.push(Action::Pass(None));
            let slow = (0..state.seats.len()).filter(|seat| state.seats[*seat].behind < self.slow);
            actions.extend(slow.map(|seat| Action::Pass(Some(seat))));
        }
        for (at, seat) in state.seats.iter().enumerate() {
            actions.extend((0..seat.late.len()).map(|call| Action::Late(at, call)));
            if seat.dead {
                continue;
            }
            actions.push(Action::Wake(at));
            for (call, (asked, answer)) in seat.asked.iter().enumerate() {
                actions.push(match answer {
                    None => Action::CarryOut(at, call),
                    Some(_) => Action::Hear(at, call),
                });
                if state.lost < self.lost && *asked != Call::Look {
                    actions.push(Action::GiveUp(at, call));
                }
            }
            let trusts = state.trusts(at);
            if trusts.is_some_and(|term| term != seat.wrote) {
                actions.push(Action::Send(at));
            }
            if trusts.is_some() && state.leaves < self.leaves {
                actions.push(Action::Leave(at));
            }
            if state.deaths < self.deaths {
                actions.push(Action::Die(at));
            }
        }
        if state.failovers < self.failovers {
            actions.extend([Action::Replicate, Action::FailOver]);
        }
        if state.rebuilt < self.rebuilt {
            actions.push(Action::Rebuild);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Pass(slow) => {
                state.leaderless =
                    if self.prompt && state.trusting().next().is_none() { state.leaderless + 1 } else { 0 };
                state.now += 1;
                if let Some(slow) = slow {
                    state.seats[slow].behind += 1;
                }
            }
            Action::Wake(seat) => self.wake(&mut state, seat),
            Action::CarryOut(seat, call) => {
                let asked = state.seats[seat].asked[call].0.clone();
                let answer = self.carry_out(&mut state, seat, &asked);
                if asked == Call::Look {
                    // What it saw decides nothing, so that its answer takes its time makes no difference.
                    state.seats[seat].asked.remove(call);
                    self.hear(&mut state, seat, asked, Some(answer));
                } else {
                    state.seats[seat].asked[call].1 = Some(answer);
                }
            }
            Action::Hear(seat, call) => {
                let (call, answer) = state.seats[seat].asked.remove(call);
                self.hear(&mut state, seat, call, answer);
            }
            Action::GiveUp(seat, call) => {
                let (call, answer) = state.seats[seat].asked.remove(call);
                state.lost += 1;
                if answer.is_none() {
                    state.seats[seat].late.push(call.clone());
                }
                self.hear(&mut state, seat, call, None);
            }
            Action::Late(seat, call) => {
                let call = state.seats[seat].late.remove(call);
                self.carry_out(&mut state, seat, &call);
            }
            Action::Send(seat) => {
                let term = state.trusts(seat)?;
                state.seats[seat].wrote = term;
                state.seats[seat].late.push(Call::Write(term));
            }
            Action::Leave(seat) => {
                state.leaves += 1;
                self.at(&mut state, seat, |node, timing, now| node.resign(timing, self.without, now));
            }
            Action::Die(seat) => {
                state.deaths += 1;
                state.seats[seat].dead = true;
                let unheard = std::mem::take(&mut state.seats[seat].asked);
                // Where all are prompt no call takes any time, so none outlives its process.
                let pending = unheard.into_iter().filter(|(_, answer)| answer.is_none() && !self.prompt);
                state.seats[seat].late.extend(pending.map(|(call, _)| call));
            }
            Action::Replicate => state.replica = state.database,
            Action::FailOver => {
                state.database = state.replica;
                state.failovers += 1;
                state.shaken = state.now + self.lease;
            }
            Action::Rebuild => {
                state.database.forget_leases();
                state.rebuilt += 1;
                state.shaken = state.now + self.lease;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(FORWARD, |_: &Self, state: &State| state.database.writes_only_went_forward()),
            Property::always(GROW, |_: &Self, state: &State| state.database.terms_only_grew()),
            Property::always(RISE, |_: &Self, state: &State| state.database.fence_only_rose()),
            Property::always(BACKED, |_: &Self, state: &State| {
                !state.is_honest()
                    || state.trusting().all(|(who, term)| {
                        state.database.leases(state.now, who, term) && state.database.passes(who, term)
                    })
            }),
            Property::always(ALONE, |_: &Self, state: &State| {
                !state.is_honest() || state.trusting().count() < 2
            }),
            Property::always(ONE_MIND, |_: &Self, state: &State| {
                state.seats.iter().all(|seat| seat.node.is_of_one_mind())
            }),
            Property::always(SOON, |world: &Self, state: &State| {
                // What is lost or forgotten costs more time than that.
                let undisturbed = state.shaken == 0 && state.lost == 0;
                !undisturbed || state.leaderless <= world.lease + POLL
            }),
            Property::sometimes(FIRST, |_: &Self, state: &State| state.trusts(0).is_some()),
            Property::sometimes(SECOND, |_: &Self, state: &State| {
                state.trusts(1).is_some_and(|term| term > 1)
            }),
            Property::sometimes(BOTH, |_: &Self, state: &State| state.trusting().count() > 1),
        ];
        properties.retain(|property| match self.only {
            Some(only) => only == property.name,
            None => {
                [FIRST, SECOND, BOTH].iter().all(|name| *name != property.name)
                    || self.sometimes.contains(&property.name)
            }
        });
        properties
    }

    fn within_boundary(&self, state: &State) -> bool {
        let late: usize = state.seats.iter().map(|seat| seat.late.len()).sum();
        state.database.lease.term <= self.terms && late <= self.late
    }
}
