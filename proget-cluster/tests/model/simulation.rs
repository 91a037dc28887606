//! One schedule of a larger world: three nodes with the timings of production, and chance in the place of
//! the adversary. It is told by its seed alone: nothing in it looks at a real clock or a real source of
//! randomness, and the generator is here so that a seed means the same for ever.

use super::database::{Answer, Call, Database, Who, Without, units};
use super::node::Node;
use proget_cluster::election::{Tick, Timing};
use std::collections::{BTreeMap, VecDeque};

/// For how long a schedule goes on, in milliseconds of the database.
const END: u64 = 120_000;

/// SplitMix64: small, and good enough to choose with.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What is going to happen, to the process in that seat; what belongs to an earlier process there is void.
#[derive(Debug, Clone)]
enum Event {
    Wake(usize, Who),
    Arrive { seat: usize, who: Who, number: u64, call: Call },
    Hear { seat: usize, who: Who, number: u64, call: Call, answer: Answer },
    GiveUp { seat: usize, who: Who, number: u64, call: Call },
    Write(usize, Who),
    Trouble,
    Replicate,
}

struct Seat {
    node: Node,
    /// Its clock passes that many thousandths of the database's time.
    rate: u64,
    /// Its clock at its beginning.
    origin: u64,
    /// Until then the process does nothing at all; its clock goes on.
    frozen: u64,
    /// Calls that are waited for.
    waiting: Vec<u64>,
}

/// What was seen in a schedule, so that a simulation in which nothing happens is noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) terms: i64,
    pub(crate) writes: u64,
    pub(crate) refused: u64,
    pub(crate) failovers: u64,
    pub(crate) two_believed: bool,
}

/// A schedule while it goes on.
pub(crate) struct Schedule {
    without: Without,
    timing: Timing,
    chance: Chance,
    now: u64,
    count: u64,
    events: BTreeMap<(u64, u64), Event>,
    database: Database,
    replica: Database,
    seats: Vec<Seat>,
    processes: Who,
    shaken: u64,
    honest: bool,
    troubled: u64,
    led: u64,
    /// Calls up to that number were sent before that term was granted to that process (the last time).
    granted: BTreeMap<(Who, i64), u64>,
    seen: Seen,
    /// What happened last, for whoever reads why a schedule went wrong.
    trail: VecDeque<(u64, Event)>,
}

impl Schedule {
    pub(crate) fn new(seed: u64, without: Without) -> Self {
        let mut chance = Chance(seed);
        // Half of the schedules have clocks that keep to the margin, the others do not.
        let honest = chance.one_in(2);
        let mut timing = Timing::default();
        if without == Without::Margin {
            timing.margin = units(0);
        }
        let mut schedule = Self {
            without,
            timing,
            chance,
            now: 0,
            count: 0,
            events: BTreeMap::new(),
            database: Database::default(),
            replica: Database::default(),
            seats: Vec::new(),
            processes: 0,
            shaken: 0,
            honest,
            troubled: 0,
            led: 0,
            granted: BTreeMap::new(),
            seen: Seen::default(),
            trail: VecDeque::new(),
        };
        for seat in 0..3 {
            let begun = schedule.process(0);
            schedule.seats.push(begun);
            schedule.after(0, Event::Wake(seat, schedule.seats[seat].node.who));
        }
        schedule.after(3000, Event::Trouble);
        schedule.after(100, Event::Replicate);
        schedule
    }

    /// Plays it to its end; what went wrong, and when, if something did.
    pub(crate) fn play(mut self) -> Result<Seen, String> {
        while let Some(((at, _), event)) = self.events.pop_first() {
            if at > END {
                break;
            }
            self.now = at;
            if !matches!(
                event,
                Event::Wake(..) | Event::Write(..) | Event::Arrive { call: Call::Write(_), .. }
            ) {
                self.trail.truncate(29);
                self.trail.push_front((at, event.clone()));
            }
            self.happen(event);
            if let Err(wrong) = self.check() {
                let trail = self.trail.iter().map(|(at, event)| format!("\n  {at} ms: {event:?}"));
                return Err(format!("at {at} ms {wrong}; the last first:{}", trail.collect::<String>()));
            }
        }
        self.seen.terms = self.database.lease.term;
        Ok(self.seen)
    }

    /// A new process, with a clock of its own.
    fn process(&mut self, frozen: u64) -> Seat {
        self.processes += 1;
        // The margin is a sixth of the lease: a clock may lose a tenth of it and be honest.
        let rate = if self.honest { 900 + self.chance.below(200) } else { 500 + self.chance.below(700) };
        let origin = self.chance.below(1_000_000);
        let node = Node::candidate(self.processes, self.timing);
        Seat { node, rate, origin: self.now + origin, frozen, waiting: Vec::new() }
    }

    fn after(&mut self, wait: u64, event: Event) {
        self.count += 1;
        self.events.insert((self.now + wait, self.count), event);
    }

    fn clock(&self, seat: usize) -> Tick {
        let seat = &self.seats[seat];
        Tick(units(seat.origin + self.now * seat.rate / 1000))
    }

    /// Is it still that process that sits there?
    fn is(&self, seat: usize, who: Who) -> bool {
        self.seats[seat].node.who == who
    }

    /// How long a message is under way: mostly not at all, sometimes as long as is waited for, seldom longer.
    fn latency(&mut self) -> u64 {
        let most = match self.chance.below(40) {
            0 => 15_000,
            1..=4 => 1000,
            _ => 120,
        };
        self.chance.below(most)
    }

    /// Lets a process do something now, or as soon as it is no longer frozen.
    fn at(
        &mut self,
        seat: usize,
        event: &Event,
        act: impl FnOnce(&mut Node, &Timing, Without, Tick) -> Vec<Call>,
    ) {
        if self.seats[seat].frozen > self.now {
            return self.after(self.seats[seat].frozen - self.now, event.clone());
        }
        let now = self.clock(seat);
        let (timing, without) = (self.timing, self.without);
        let calls = act(&mut self.seats[seat].node, &timing, without, now);
        for call in calls {
            self.send(seat, call);
        }
        let who = self.seats[seat].node.who;
        let next = self.seats[seat].node.next(now).0.saturating_sub(now.0);
        let wait = u64::try_from(next.as_millis()).unwrap_or(u64::MAX).clamp(1, 5000);
        // Waking more often than is wanted does no harm; each event brings its own next waking.
        if matches!(event, Event::Wake(..)) {
            let early = self.chance.below(20);
            self.after(wait.min(200) + early, Event::Wake(seat, who));
            if self.seats[seat].node.trusts(now).is_some() && self.chance.one_in(3) {
                self.after(0, Event::Write(seat, who));
            }
        }
    }

    fn send(&mut self, seat: usize, call: Call) {
        let (who, wait) = (self.seats[seat].node.who, self.latency());
        self.count += 1;
        let number = self.count;
        if !self.chance.one_in(30) {
            self.after(wait, Event::Arrive { seat, who, number, call: call.clone() });
        }
        if !matches!(call, Call::Resign(_) | Call::Write(_)) {
            self.seats[seat].waiting.push(number);
            let patience = u64::try_from(self.timing.call.as_millis()).unwrap_or(u64::MAX);
            self.after(patience, Event::GiveUp { seat, who, number, call });
        }
    }

    fn happen(&mut self, event: Event) {
        match &event {
            Event::Wake(seat, who) if self.is(*seat, *who) => {
                self.at(*seat, &event, |node, timing, without, now| node.wake(timing, without, now));
            }
            Event::Arrive { seat, who, number, call } => {
                let lease = u64::try_from(self.timing.lease.as_millis()).unwrap_or(u64::MAX);
                if let Call::Write(term) = call {
                    let passes = self.database.passes(*who, *term);
                    *(if passes { &mut self.seen.writes } else { &mut self.seen.refused }) += 1;
                }
                let answer = if self.is_of_an_older_history(*who, *number, call) {
                    Answer::Nothing
                } else {
                    self.database.carry_out(self.without, lease, self.now, *who, call)
                };
                if let Answer::Term(Some(term)) = answer {
                    self.granted.insert((*who, term), self.count);
                }
                if !self.chance.one_in(30) {
                    let wait = self.latency();
                    let (seat, who, number, call) = (*seat, *who, *number, call.clone());
                    self.after(wait, Event::Hear { seat, who, number, call, answer });
                }
            }
            Event::Hear { seat, who, number, call, answer } if self.is(*seat, *who) => {
                let (call, answer) = (call.clone(), Some(answer.clone()));
                self.end_call(*seat, *number, &event, call, answer);
            }
            Event::GiveUp { seat, who, number, call } if self.is(*seat, *who) => {
                self.end_call(*seat, *number, &event, call.clone(), None);
            }
            Event::Write(seat, who) if self.is(*seat, *who) => {
                // Checked at this moment, as before each step; what is under way may be late all the same.
                if let Some(term) = self.seats[*seat].node.trusts(self.clock(*seat)) {
                    self.send(*seat, Call::Write(term));
                }
            }
            Event::Trouble => self.trouble(),
            Event::Replicate => {
                self.replica = self.database;
                let wait = 1 + self.chance.below(4000);
                self.after(wait, Event::Replicate);
            }
            // Of a process that is no more.
            _ => {}
        }
    }

    fn end_call(&mut self, seat: usize, number: u64, event: &Event, call: Call, answer: Option<Answer>) {
        if !self.seats[seat].waiting.contains(&number) {
            return;
        }
        if self.seats[seat].frozen <= self.now {
            self.seats[seat].waiting.retain(|waiting| *waiting != number);
        }
        self.at(seat, event, |node, timing, without, now| node.hear(timing, without, now, call, answer));
    }

    /// Something goes wrong, every few seconds; nothing does in the last third.
    fn trouble(&mut self) {
        if self.now > END * 2 / 3 {
            return;
        }
        self.troubled = self.now;
        let seat = usize::try_from(self.chance.below(3)).unwrap_or_default();
        let lease = u64::try_from(self.timing.lease.as_millis()).unwrap_or(u64::MAX);
        match self.chance.below(10) {
            0 | 1 => self.seats[seat].frozen = self.now + self.chance.below(20_000),
            2 | 3 => {
                let frozen = self.now + self.chance.below(8000);
                self.seats[seat] = self.process(frozen);
                self.after(0, Event::Wake(seat, self.seats[seat].node.who));
            }
            4 | 5 => {
                let resign = Event::Trouble;
                if self.seats[seat].frozen <= self.now {
                    self.at(seat, &resign, |node, timing, without, now| node.resign(timing, without, now));
                }
            }
            6 => {
                self.database = self.replica;
                self.fail_over(lease);
            }
            7 => {
                self.database.forget_leases();
                self.fail_over(lease);
            }
            _ => {}
        }
        let wait = 500 + self.chance.below(8000);
        self.after(wait, Event::Trouble);
    }

    /// After a fail-over a process may be granted the very term that it had before, and what it resigned
    /// then, still under way, would end its new holding. The fence bears that; the checks of trust
    /// would not, and in one history of the database it cannot be.
    fn is_of_an_older_history(&self, who: Who, number: u64, call: &Call) -> bool {
        let Call::Resign(held) = call else { return false };
        self.granted.get(&(who, held.term)).is_some_and(|granted| number <= *granted)
    }

    fn fail_over(&mut self, lease: u64) {
        self.shaken = self.now + lease;
        self.seen.failovers += 1;
    }

    /// What must be true after every event.
    fn check(&mut self) -> Result<(), String> {
        let trusting: Vec<(Who, i64)> = (0..self.seats.len())
            .filter_map(|seat| {
                Some((self.seats[seat].node.who, self.seats[seat].node.trusts(self.clock(seat))?))
            })
            .collect();
        self.seen.two_believed |= trusting.len() > 1;
        let calm = self.honest && self.shaken <= self.now;
        // A plant that was lost is made again with some renewal; its messages get lost as others do.
        let healed = calm && (self.shaken == 0 || self.shaken + 20_000 <= self.now);
        if !trusting.is_empty() {
            self.led = self.now;
        }
        let unled = self.now - self.led.max(self.troubled);
        let checks = [
            (self.database.writes_only_went_forward(), "a write of an earlier holding was accepted"),
            (self.database.terms_only_grew(), "a term was granted that was not above all before"),
            (self.database.fence_only_rose(), "the fence sank"),
            (
                !calm || trusting.iter().all(|(who, term)| self.database.leases(self.now, *who, *term)),
                "a node trusts itself without having the lease",
            ),
            (
                !healed || trusting.iter().all(|(who, term)| self.database.passes(*who, *term)),
                "a node trusts itself without having the fence",
            ),
            (!calm || trusting.len() < 2, "two trust themselves"),
            (
                self.without == Without::EarlyWindow
                    || self.seats.iter().all(|seat| seat.node.is_of_one_mind()),
                "a node trusts what it has lost or given up",
            ),
            (unled < 60_000, "nobody has led for a minute"),
        ];
        match checks.into_iter().find(|(kept, _)| !kept) {
            Some((_, wrong)) => Err(format!("{wrong}; {trusting:?} of {:?}", self.database)),
            None => Ok(()),
        }
    }
}
