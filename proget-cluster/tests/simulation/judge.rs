//! The verdict about a schedule as a whole: was everything that was seen true at some moment while it was looked
//! for, did two believe at once, did every job end, is everything in its place in the end?

use super::history::{Held, History, Sight, Span};
use super::plain::Cell;
use super::trouble::{CALM, END, LAST_LOOK};
use super::world::{BEGIN, World, at_once};
use proget_core::blob::BlobStore as _;
use proget_core::catalog::Role;

/// May the clocks of a schedule be trusted?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// None runs slower or faster than the margins allow.
    Honest,
    /// Whoever believes may be wrong; only the fences and claims hold.
    Wrong,
}

/// The last occurrence that must have become a job, in milliseconds after the beginning.
const LAST_DUE: i64 = 75_000;

/// For how long after a fail-over the register may grant what is granted already: a lease.
const SHAKEN: u64 = 6_000_000;

impl History {
    pub(crate) fn judge(&mut self, world: &World, clocks: Clocks) {
        for sight in self.sights.clone() {
            self.judge_sight(sight);
        }
        if clocks == Clocks::Honest {
            self.judge_beliefs();
        }
        self.judge_end(world);
    }

    /// Was it so at some moment of the operation? Then whoever asked after an acknowledgement saw it, and
    /// whatever was acknowledged was there.
    fn judge_sight(&mut self, sight: Sight) {
        let Sight { during: (from, until), seat, cell, there } = sight;
        let changes = self.truth.get(&cell).map(Vec::as_slice).unwrap_or_default();
        let at_first = changes.iter().rev().find(|(at, _)| *at <= from).is_some_and(|(_, there)| *there);
        let meanwhile = changes.iter().any(|(at, then)| (from..=until).contains(at) && *then == there);
        if at_first != there && !meanwhile {
            let (was, saw) = if there { ("absent", "there") } else { ("there", "absent") };
            let what = format!("{cell} was seen {saw} at {seat}, and was {was} from {from} to {until}");
            self.wrong(until, what);
        }
    }

    /// Nobody believes that it has what another believes to have, unless it was not even running.
    fn judge_beliefs(&mut self) {
        let mut spans = self.spans.clone();
        spans.sort_by_key(|span| (span.held, span.from));
        for (index, later) in spans.iter().enumerate() {
            for earlier in spans[..index].iter().rev().take_while(|earlier| earlier.held == later.held) {
                let overlap = earlier.until.is_none_or(|until| until > later.from + SLACK);
                if earlier.who != later.who && overlap && !self.is_excused(earlier, later) {
                    let (held, from) = (later.held, later.from);
                    let what = format!(
                        "two believed to have {held:?}: {} since {}, {} since {from}",
                        earlier.seat, earlier.from, later.seat
                    );
                    self.wrong(from, what);
                }
            }
        }
    }

    fn is_excused(&self, earlier: &Span, later: &Span) -> bool {
        let from = later.from;
        let frozen = self.frozen.iter().any(|(seat, begun, until)| {
            // A moment after it goes on it has looked at its clock.
            *seat == earlier.seat && *begun <= from && from <= *until + SLACK
        });
        let shaken = matches!(later.held, Held::Role(_))
            && self.shaken.iter().any(|at| *at <= from && from <= *at + SHAKEN);
        frozen || shaken
    }

    fn judge_end(&mut self, world: &World) {
        for (cell, key) in self.needed.clone() {
            let size = at_once(world.store.head(&key)).unwrap();
            if size != Some(cell.bytes().len() as u64) {
                self.wrong(END, format!("{cell} is published, and its bytes are not in the store"));
            }
        }
        for cell in Cell::all() {
            let seats = (0..super::trouble::SEATS).filter(|seat| {
                let mut sights = self.sights.iter();
                sights.any(|sight| sight.cell == cell && sight.seat == *seat && sight.during.0 >= LAST_LOOK)
            });
            if seats.count() != super::trouble::SEATS {
                self.wrong(END, format!("not every process could say at the end whether {cell} is there"));
            }
        }
        let unwell: Vec<_> = self.busy.iter().filter(|(from, _)| *from > CALM + SHAKEN).cloned().collect();
        for (from, what) in unwell {
            self.wrong(from, format!("something was busy although all was well: {what}"));
        }
        for job in self.wanted.clone() {
            if !self.done.contains_key(&job) {
                self.wrong(END, format!("job {job} was never done"));
            }
        }
        if !self.occurred.contains(&(BEGIN.0 + LAST_DUE)) {
            self.wrong(END, "the last occurrence did not become a job".into());
        }
        for role in [Role::PRIMARY, Role::SWEEPER] {
            let led = self.spans.iter().any(|span| span.held == Held::Role(role) && span.until.is_none());
            if !led {
                self.wrong(END, format!("nobody is {role} in the end"));
            }
        }
    }
}

/// Clocks are read in whole milliseconds.
const SLACK: u64 = 3000;
