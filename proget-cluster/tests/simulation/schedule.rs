//! Lets the processes run in the order of the simulated time.
//!
//! Processes meet only at what they share, and a message takes at least a millisecond each way. So the one
//! whose time is the earliest may always run: until it sends something, or until the next thing comes to it.
//! Messages are carried out once everybody has come as far as the moment at which they arrive.

use super::chance::Chance;
use super::defence::Defence;
use super::history::Tally;
use super::judge::Clocks;
use super::process::{Birth, Process};
use super::trouble::{Act, END, Plan, Upheaval};
use super::wire::{Errand, Fate, Letter, Reply, Turn, Weather};
use super::world::World;
use proget_core::ids::Incarnation;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A moment, and a number that makes it unique.
type Moment = (u64, u64);

enum State {
    Runs(Box<Process>),
    /// It is there and does not run.
    Frozen(Box<Process>),
    Down,
}

struct Seat {
    state: State,
    /// Until when it is frozen or down.
    until: u64,
    acts: VecDeque<(u64, Act)>,
    /// Answers that have not been heard yet.
    inbox: BTreeMap<Moment, Reply>,
    /// When answers will be heard to what was not carried out yet.
    awaited: BTreeSet<Moment>,
    /// What nobody will ever hear of.
    unheard: Vec<Box<dyn Send>>,
    chance: Chance,
}

impl Seat {
    fn now(&self) -> u64 {
        match &self.state {
            State::Runs(process) => process.now,
            State::Frozen(_) | State::Down => self.until,
        }
    }

    /// What has come to it by now.
    fn due(&mut self, now: u64) -> Vec<Reply> {
        let later = self.inbox.split_off(&(now + 1, 0));
        std::mem::replace(&mut self.inbox, later).into_values().collect()
    }

    /// Until when it may run without anything coming to it.
    fn horizon(&self) -> u64 {
        let next = [self.inbox.keys().next(), self.awaited.first()].into_iter().flatten();
        next.map(|(at, _)| *at).chain(self.acts.front().map(|(at, _)| *at)).chain([END]).min().unwrap_or(END)
    }
}

/// A message that is on its way.
struct Arrival {
    seat: usize,
    from: Incarnation,
    errand: Errand,
    heard: Option<u64>,
}

pub(crate) struct Schedule {
    world: Arc<World>,
    weather: Arc<Weather>,
    clocks: Clocks,
    seats: Vec<Seat>,
    arrivals: BTreeMap<Moment, Arrival>,
    upheavals: VecDeque<(u64, Upheaval)>,
    count: u64,
}

/// How a schedule went: what was seen, all that happened, and what was wrong about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) tally: Tally,
    pub(crate) trail: Vec<(u64, String)>,
    pub(crate) faults: Vec<(u64, String)>,
}

impl Schedule {
    pub(crate) fn new(seed: u64, without: Option<Defence>) -> Self {
        let mut chance = Chance::new(seed);
        let plan = Plan::new(&mut chance.fork());
        let seat = |acts: Vec<_>| Seat {
            state: State::Down,
            until: 0,
            acts: acts.into(),
            inbox: BTreeMap::new(),
            awaited: BTreeSet::new(),
            unheard: Vec::new(),
            chance: chance.fork(),
        };
        Self {
            world: World::new(without),
            weather: Arc::new(plan.weather),
            clocks: plan.clocks,
            seats: plan.acts.into_iter().map(seat).collect(),
            arrivals: BTreeMap::new(),
            upheavals: plan.upheavals.into(),
            count: 0,
        }
    }

    pub(crate) fn play(mut self) -> Verdict {
        loop {
            let earliest = (0..self.seats.len()).min_by_key(|seat| self.seats[*seat].now());
            let Some(index) = earliest else { break };
            let now = self.seats[index].now();
            if now >= END {
                break;
            }
            self.carry_out_until(now);
            self.go_on(index, now);
        }
        self.world.clock.set(END);
        self.end()
    }

    fn end(self) -> Verdict {
        let mut history = self.world.history.lock().unwrap();
        history.judge(&self.world, self.clocks);
        let (tally, faults) = (history.tally, history.faults.clone());
        let mut trail = std::mem::take(&mut history.trail);
        trail.sort_by_key(|(at, _)| *at);
        drop(history);
        for seat in self.seats {
            match seat.state {
                State::Runs(process) | State::Frozen(process) => process.kill(),
                State::Down => {}
            }
        }
        Verdict { tally, trail, faults }
    }

    /// Whatever arrives at the shared parts up to this moment.
    fn carry_out_until(&mut self, now: u64) {
        loop {
            let message = self.arrivals.keys().next().map(|(at, _)| *at);
            let upheaval = self.upheavals.front().map(|(at, _)| *at);
            let Some(next) = message.into_iter().chain(upheaval).min().filter(|at| *at <= now) else {
                return;
            };
            self.world.clock.set(next);
            if upheaval == Some(next) {
                match self.upheavals.pop_front() {
                    Some((_, Upheaval::Replicate)) => self.world.replicate(),
                    Some((_, Upheaval::FailOver)) => self.world.fail_over(),
                    Some((_, Upheaval::Forget)) => self.world.forget_leases(),
                    None => {}
                }
            } else if let Some(((_, number), arrival)) = self.arrivals.pop_first() {
                self.arrive(number, arrival);
            }
        }
    }

    fn arrive(&mut self, number: u64, arrival: Arrival) {
        let reply = (arrival.errand)(Turn::CarriedOut);
        let seat = &mut self.seats[arrival.seat];
        let waits = match &seat.state {
            State::Runs(process) | State::Frozen(process) => process.me == arrival.from,
            State::Down => false,
        };
        match arrival.heard {
            Some(heard) if waits => {
                seat.awaited.remove(&(heard, number));
                seat.inbox.insert((heard, number), reply);
            }
            None if waits => seat.unheard.push(Box::new(reply)),
            _ => {}
        }
    }

    /// Lets one process do the next thing.
    fn go_on(&mut self, index: usize, now: u64) {
        let seat = &mut self.seats[index];
        let mut process = match std::mem::replace(&mut seat.state, State::Down) {
            State::Runs(process) => process,
            State::Frozen(mut process) => {
                let (due, heard_first) = (seat.due(now), seat.chance.one_in(2));
                process.thaw(now, due, heard_first);
                self.post(index, process);
                return;
            }
            State::Down => {
                let rate = match self.clocks {
                    Clocks::Honest => seat.chance.within(900, 1100),
                    Clocks::Wrong => seat.chance.within(500, 1200),
                };
                let birth = Birth { seat: index, at: now, rate, chance: seat.chance.fork() };
                // Whoever asked while nobody was there has left.
                seat.acts.retain(|(at, _)| *at >= now);
                let process = Process::begin(birth, &self.world, &self.weather);
                self.post(index, Box::new(process));
                return;
            }
        };
        let mut wishes = Vec::new();
        while let Some((_, act)) = seat.acts.pop_front_if(|(at, _)| *at <= now) {
            let history = || self.world.history.lock().unwrap();
            match act {
                Act::Wish(wish) => wishes.push(wish),
                Act::Freeze(time) => {
                    history().froze(index, now, now + time);
                    wishes.into_iter().rev().for_each(|wish| seat.acts.push_front((now, Act::Wish(wish))));
                    (seat.state, seat.until) = (State::Frozen(process), now + time);
                    return;
                }
                Act::Kill(time) => {
                    history().killed(now, index, process.me);
                    process.kill();
                    seat.inbox.clear();
                    seat.awaited.clear();
                    seat.unheard.clear();
                    seat.until = now + time;
                    return;
                }
            }
        }
        let due = seat.due(now);
        process.run(due, wishes, seat.horizon());
        self.post(index, process);
    }

    /// Takes what a process has sent.
    fn post(&mut self, index: usize, process: Box<Process>) {
        let (seat, from) = (&mut self.seats[index], process.me);
        for Letter { fate, errand, .. } in process.letters() {
            self.count += 1;
            let number = self.count;
            match fate {
                Fate::Answered { arrives, heard } => {
                    seat.awaited.insert((heard, number));
                    let arrival = Arrival { seat: index, from, errand, heard: Some(heard) };
                    self.arrivals.insert((arrives, number), arrival);
                }
                Fate::Unanswered { arrives } => {
                    let arrival = Arrival { seat: index, from, errand, heard: None };
                    self.arrivals.insert((arrives, number), arrival);
                }
                Fate::Refused { heard } => {
                    seat.inbox.insert((heard, number), errand(Turn::Refused));
                }
                Fate::Lost => seat.unheard.push(Box::new(errand)),
            }
        }
        seat.state = State::Runs(process);
    }
}
