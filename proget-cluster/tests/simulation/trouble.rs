//! What will happen in a schedule, thrown before it begins: what clients want, who is frozen or killed when, which
//! connections are cut, when the register fails over. Trouble ends after two thirds; then all must become well.

use super::chance::Chance;
use super::client::{Wish, look_at_everything};
use super::judge::Clocks;
use super::plain::{Cell, NAMES, VERSIONS};
use super::wire::{Cut, Peer, Weather};

/// In microseconds.
const S: u64 = 1_000_000;

pub(crate) const SEATS: usize = 3;

/// No trouble after this.
pub(crate) const CALM: u64 = 58 * S;

/// When every process is asked for everything.
pub(crate) const LAST_LOOK: u64 = 88 * S;

pub(crate) const END: u64 = 92 * S;

/// What happens to a process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Wish(Wish),
    /// It stands still for so long.
    Freeze(u64),
    /// It dies; after so long there is another in its place.
    Kill(u64),
}

/// What happens to the register of leases.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Upheaval {
    Replicate,
    FailOver,
    Forget,
}

/// A schedule before it begins.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) clocks: Clocks,
    pub(crate) weather: Weather,
    /// For each seat, in the order of time.
    pub(crate) acts: Vec<Vec<(u64, Act)>>,
    pub(crate) upheavals: Vec<(u64, Upheaval)>,
}

impl Plan {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let clocks = if chance.one_in(3) { Clocks::Wrong } else { Clocks::Honest };
        let mut plan = Self {
            clocks,
            weather: Weather { cuts: Vec::new(), calm: CALM },
            acts: vec![Vec::new(); SEATS],
            upheavals: Vec::new(),
        };
        plan.want(&mut chance.fork());
        plan.trouble(&mut chance.fork());
        for acts in &mut plan.acts {
            acts.sort_by_key(|(at, _)| *at);
        }
        plan.upheavals.sort_by_key(|(at, _)| *at);
        plan
    }

    fn want(&mut self, chance: &mut Chance) {
        let mut at = 500_000;
        while at < 80 * S {
            let cell = Cell { name: chance.below(NAMES), version: chance.below(VERSIONS) };
            let wish = match chance.below(20) {
                0..=6 => Wish::Publish(cell),
                7..=9 => Wish::Remove(cell),
                10..=14 => Wish::Read(cell),
                15..=17 => Wish::Document(cell.name),
                // After that a job might not have the time to be done.
                18.. if at < 65 * S => Wish::Enqueue(chance.below(2)),
                _ => Wish::Read(cell),
            };
            self.act(chance.below(SEATS as u64), at, Act::Wish(wish));
            // Often another at the same time at another process.
            at += if chance.one_in(3) { chance.below(60_000) } else { chance.below(3 * S) };
        }
        self.act(0, CALM + 2 * S, Act::Wish(Wish::Confirm));
        for seat in 0..SEATS as u64 {
            look_at_everything().for_each(|wish| self.act(seat, LAST_LOOK, Act::Wish(wish)));
        }
    }

    fn act(&mut self, seat: u64, at: u64, act: Act) {
        self.acts[usize::try_from(seat).unwrap()].push((at, act));
    }

    fn trouble(&mut self, chance: &mut Chance) {
        let mut at = 4 * S;
        loop {
            at += chance.within(S, 9 * S);
            if at >= CALM {
                break;
            }
            let (seat, rest) = (chance.below(SEATS as u64), CALM - at);
            match chance.below(10) {
                0..=2 => self.act(seat, at, Act::Freeze(chance.within(S / 10, 16 * S).min(rest))),
                3 | 4 => self.act(seat, at, Act::Kill(chance.within(S / 10, 8 * S).min(rest))),
                5..=7 => {
                    let until = at + chance.within(S / 2, 15 * S).min(rest);
                    let all = chance.one_in(4);
                    let one = Peer::ALL[usize::try_from(chance.below(3)).unwrap()];
                    let peers = Peer::ALL.into_iter().filter(|peer| all || *peer == one);
                    let seat = usize::try_from(seat).unwrap();
                    self.weather.cuts.extend(peers.map(|peer| Cut { seat, peer, from: at, until }));
                }
                8 => self.upheavals.push((at, Upheaval::FailOver)),
                _ => self.upheavals.push((at, Upheaval::Forget)),
            }
        }
        let mut at = 0;
        while at < CALM {
            self.upheavals.push((at, Upheaval::Replicate));
            at += chance.within(S / 10, 5 * S);
        }
    }
}
