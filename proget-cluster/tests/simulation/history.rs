//! What happened, as it happens: every commit that was accepted, every delete, every belief, every operation
//! of a client. What is wrong by itself is noted here at once; what needs the whole, `judge` says at the end.
//!
//! The truth about packages is not asked of the catalogue but written down here, from what it acknowledged.

use super::plain::Cell;
use proget_core::blob::BlobKey;
use proget_core::catalog::{
    CatalogError, Change, ChangeSet, Committed, Conflict, Expect, Fence, FenceChange, JobChange, JobEnd,
    PackageChange, Role,
};
use proget_core::ids::{ClaimToken, Incarnation, JobId};
use std::collections::{BTreeMap, BTreeSet};

/// What a process can believe that it has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    Role(Role),
    Job(JobId),
}

/// For how long it did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) held: Held,
    pub(crate) seat: usize,
    pub(crate) who: Incarnation,
    pub(crate) from: u64,
    pub(crate) until: Option<u64>,
}

/// A client saw at some moment between these that a version was there, or that it was not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) during: (u64, u64),
    pub(crate) seat: usize,
    pub(crate) cell: Cell,
    pub(crate) there: bool,
}

/// What was seen in a schedule, so that a simulation in which nothing happens is noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) terms: u64,
    pub(crate) fenced: u64,
    pub(crate) refused: u64,
    pub(crate) claims: u64,
    pub(crate) claims_lost: u64,
    pub(crate) jobs_done: u64,
    pub(crate) occurrences: u64,
    pub(crate) published: u64,
    pub(crate) removed: u64,
    pub(crate) sights: u64,
    pub(crate) busy: u64,
    pub(crate) deletes: u64,
    pub(crate) deletes_stopped: u64,
    pub(crate) blobs_gone: u64,
    pub(crate) frozen: u64,
    pub(crate) killed: u64,
    pub(crate) shaken: u64,
}

#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) trail: Vec<(u64, String)>,
    pub(crate) faults: Vec<(u64, String)>,
    pub(crate) truth: BTreeMap<Cell, Vec<(u64, bool)>>,
    pub(crate) needed: BTreeMap<Cell, BlobKey>,
    pub(crate) spans: Vec<Span>,
    pub(crate) sights: Vec<Sight>,
    /// Who stood still from when until when.
    pub(crate) frozen: Vec<(usize, u64, u64)>,
    /// When the register lost what it knew.
    pub(crate) shaken: Vec<u64>,
    pub(crate) busy: Vec<(u64, String)>,
    pub(crate) wanted: BTreeSet<JobId>,
    pub(crate) done: BTreeMap<JobId, u64>,
    /// In milliseconds of the catalogue.
    pub(crate) occurred: BTreeSet<i64>,
    pub(crate) tally: Tally,
    planted: BTreeMap<Role, Fence>,
    claims: BTreeMap<JobId, ClaimToken>,
}

impl History {
    pub(crate) fn note(&mut self, at: u64, what: impl FnOnce() -> String) {
        self.trail.push((at, what()));
    }

    pub(crate) fn wrong(&mut self, at: u64, what: String) {
        self.note(at, || format!("WRONG: {what}"));
        self.faults.push((at, what));
    }

    pub(crate) fn committed(
        &mut self,
        at: u64,
        set: &ChangeSet,
        done: &Committed,
        is_there: impl Fn(&BlobKey) -> bool,
    ) {
        if let Some(fence) = set.fence {
            self.tally.fenced += 1;
            if self.planted.get(&fence.role) != Some(&fence) {
                let what =
                    format!("a write of an earlier holding was accepted: {} {}", fence.role, fence.term);
                self.wrong(at, what);
            }
        }
        for expect in &set.expect {
            if let Expect::ClaimHeld(job, token) = expect {
                self.under_claim(at, *job, *token);
            }
        }
        for change in &set.changes {
            match change {
                Change::Fence(FenceChange::Plant { role, term, holder }) => {
                    let fence = Fence { role: *role, term: *term, holder: *holder };
                    let before = self.planted.insert(*role, fence);
                    if before.is_some_and(|before| before.term >= *term) {
                        self.wrong(at, format!("the fence of {role} sank to {term}"));
                    }
                    self.tally.terms += 1;
                    self.note(at, || format!("{role} {term} is planted"));
                }
                Change::Package(change) => self.package_changed(at, change, &is_there),
                Change::Job(change) => self.job_changed(at, change),
                Change::Instance(proget_core::catalog::InstanceChange::StopDeletes(why)) => {
                    self.tally.deletes_stopped += 1;
                    self.note(at, || format!("deletes are stopped: {why}"));
                }
                _ => {}
            }
        }
        self.wanted.extend(&done.enqueued);
    }

    fn package_changed(&mut self, at: u64, change: &PackageChange, is_there: &impl Fn(&BlobKey) -> bool) {
        match change {
            PackageChange::AddFile(new) => {
                let cell = Cell::of(new.package.key().as_str(), new.version.key().as_str());
                if !is_there(&new.key) {
                    self.wrong(at, format!("{cell} was published without its bytes"));
                }
                self.needed.insert(cell, new.key);
                self.truth.entry(cell).or_default().push((at, true));
                self.tally.published += 1;
                self.note(at, || format!("{cell} is published"));
            }
            PackageChange::RemoveVersion(version) => {
                let cell = Cell::of(version.package.as_str(), version.version.as_str());
                self.needed.remove(&cell);
                self.truth.entry(cell).or_default().push((at, false));
                self.tally.removed += 1;
                self.note(at, || format!("{cell} is removed"));
            }
            other => self.wrong(at, format!("nobody asked for {other:?}")),
        }
    }

    fn job_changed(&mut self, at: u64, change: &JobChange) {
        match change {
            JobChange::Claim { job, token, .. } => {
                self.claims.insert(*job, *token);
                self.tally.claims += 1;
                self.note(at, || format!("job {job} is claimed"));
            }
            JobChange::Renew { job, token, .. } | JobChange::Say { job, token, .. } => {
                self.under_claim(at, *job, *token);
            }
            JobChange::Finish { job, token, end } => {
                self.under_claim(at, *job, *token);
                if let JobEnd::Done(_) = end {
                    let times = self.done.entry(*job).or_default();
                    *times += 1;
                    let again = *times > 1;
                    self.tally.jobs_done += 1;
                    if again {
                        self.wrong(at, format!("job {job} was completed again"));
                    }
                }
                self.note(at, || format!("an attempt at job {job} ended: {end:?}"));
            }
            JobChange::Occur { occurrence, .. } => {
                if !self.occurred.insert(occurrence.due.0) {
                    self.wrong(at, format!("the occurrence of {} has two rows", occurrence.due));
                }
                self.tally.occurrences += 1;
                self.note(at, || format!("{} has occurred", occurrence.due));
            }
            _ => {}
        }
    }

    fn under_claim(&mut self, at: u64, job: JobId, token: ClaimToken) {
        if self.claims.get(&job) != Some(&token) {
            self.wrong(at, format!("a write of an earlier claim was accepted: job {job}"));
        }
    }

    pub(crate) fn refused(&mut self, at: u64, set: &ChangeSet, error: &CatalogError) {
        match error {
            CatalogError::Fenced => {
                self.tally.refused += 1;
                let fence = set.fence.map(|fence| (fence.role, fence.term));
                self.note(at, || format!("a write of an earlier holding is refused: {fence:?}"));
            }
            CatalogError::Conflict(Conflict::ClaimLost) => self.tally.claims_lost += 1,
            CatalogError::Conflict(Conflict::BlobGone) => self.tally.blobs_gone += 1,
            _ => {}
        }
    }

    pub(crate) fn deleted(&mut self, at: u64, key: &BlobKey) {
        self.tally.deletes += 1;
        let digest = key.digest;
        self.note(at, || format!("the bytes of {digest} are deleted"));
        if let Some((cell, _)) = self.needed.iter().find(|(_, needed)| *needed == key) {
            self.wrong(at, format!("the bytes of {cell} were deleted, and it is published"));
        }
    }

    pub(crate) fn begin(&mut self, from: u64, seat: usize, who: Incarnation, held: Held) {
        self.spans.push(Span { held, seat, who, from, until: None });
        self.note(from, || format!("{seat} believes that it has {held:?}"));
    }

    pub(crate) fn end(&mut self, until: u64, who: Incarnation, held: Held) {
        let mut open = self.spans.iter_mut().rev();
        let span = open.find(|span| span.who == who && span.held == held && span.until.is_none());
        let Some(span) = span else { return };
        span.until = Some(until);
        let seat = span.seat;
        self.note(until, || format!("{seat} believes no longer that it has {held:?}"));
    }

    pub(crate) fn froze(&mut self, seat: usize, from: u64, until: u64) {
        self.frozen.push((seat, from, until));
        self.tally.frozen += 1;
        self.note(from, || format!("{seat} stands still until {until}"));
    }

    pub(crate) fn killed(&mut self, at: u64, seat: usize, who: Incarnation) {
        for span in self.spans.iter_mut().filter(|span| span.who == who && span.until.is_none()) {
            span.until = Some(at.max(span.from));
        }
        self.tally.killed += 1;
        self.note(at, || format!("{seat} is killed"));
    }

    pub(crate) fn shaken(&mut self, at: u64, what: &str) {
        self.shaken.push(at);
        self.tally.shaken += 1;
        self.note(at, || what.to_owned());
    }

    pub(crate) fn saw(&mut self, during: (u64, u64), seat: usize, cell: Cell, there: bool) {
        self.tally.sights += 1;
        self.sights.push(Sight { during, seat, cell, there });
    }

    pub(crate) fn was_busy(&mut self, from: u64, until: u64, what: &str) {
        self.tally.busy += 1;
        self.busy.push((from, format!("{what} until {until}")));
    }
}
