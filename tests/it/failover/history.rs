//! A history of everything that was asked, answered and committed, and its judge.
//!
//! Pure: what clients did comes from the load, what was committed from the database's own record
//! (`witness.rs`). The judge trusts neither the nodes nor what they say about themselves. That it
//! objects to spoilt histories is tested beside it (`spoilt.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A package in one version.
pub(super) type Version = (String, String);

/// A commit that touched the fence of a role, in the order of commits: planted, or proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fencing {
    pub(super) role: String,
    pub(super) term: i64,
    pub(super) holder: String,
    /// How many commits proved a fence of this role so far.
    pub(super) used: i64,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Waiting,
    Running,
    Done,
    /// Given up or called off.
    GivenUp,
}

/// A commit that moved a job, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JobStep {
    pub(super) job: i64,
    pub(super) stand: Stand,
    pub(super) attempt: i64,
    pub(super) attempts: i64,
    /// The schedule that wanted it and the moment at which it was due.
    pub(super) due: Option<(String, i64)>,
}

/// A publish as its client saw it; times since the history began.
#[derive(Clone, Debug)]
pub(super) struct Publishing {
    pub(super) what: Version,
    pub(super) began: Duration,
    /// When it was acknowledged, if it was.
    pub(super) acknowledged: Option<Duration>,
}

/// An index that was read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) listed: BTreeSet<String>,
}

/// What the catalogue has of a version in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) files: i64,
    /// Those of them whose bytes count as live.
    pub(super) live: i64,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) fencing: Vec<Fencing>,
    pub(super) jobs: Vec<JobStep>,
    /// The occurrences that were due, none of them while nobody could act for longer than to the next one.
    pub(super) wanted: BTreeSet<(String, i64)>,
    /// The jobs whose order was acknowledged.
    pub(super) ordered: BTreeSet<i64>,
    pub(super) publishes: Vec<Publishing>,
    pub(super) readings: Vec<Reading>,
    pub(super) kept: BTreeMap<Version, Kept>,
}

impl History {
    /// What is wrong with it, in words; nothing if every promise was kept.
    pub(super) fn objections(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.judge_fences(&mut found);
        self.judge_jobs(&mut found);
        self.judge_packages(&mut found);
        self.judge_readings(&mut found);
        found
    }

    /// In the order of commits terms never go back, nobody shares a term, and whatever was written was
    /// written under the term that was planted last.
    fn judge_fences(&self, found: &mut Vec<String>) {
        let mut last: BTreeMap<&str, &Fencing> = BTreeMap::new();
        for now in &self.fencing {
            if let Some(before) = last.insert(&now.role, now) {
                let proved = now.term == before.term && now.used == before.used + 1;
                let planted = now.term > before.term && now.used == before.used;
                if now.term < before.term {
                    found.push(format!("a late write was accepted: {now:?} after {before:?}"));
                } else if now.term == before.term && now.holder != before.holder {
                    found.push(format!("two acted in one term: {now:?} after {before:?}"));
                } else if !proved && !planted {
                    found.push(format!("neither a proof nor a planting: {now:?} after {before:?}"));
                }
            }
        }
    }

    /// Each job that was ordered or due is there, and ran to its end exactly once, in no more attempts than
    /// it has.
    fn judge_jobs(&self, found: &mut Vec<String>) {
        let mut last: BTreeMap<i64, &JobStep> = BTreeMap::new();
        let mut due: BTreeMap<&(String, i64), i64> = BTreeMap::new();
        for now in &self.jobs {
            let before = last.insert(now.job, now);
            let follows = match (before.map(|before| (before.stand, before.attempt)), now.stand) {
                (None, Stand::Waiting) => now.attempt == 0,
                (Some((Stand::Waiting | Stand::Running, attempt)), Stand::Running) => {
                    now.attempt == attempt + 1 && now.attempt <= now.attempts
                }
                // Its input was renewed.
                (Some((Stand::Waiting, attempt)), Stand::Waiting) => now.attempt == attempt,
                // Put back after it failed; or given back, and what was begun does not count.
                (Some((Stand::Running, attempt)), Stand::Waiting) => {
                    now.attempt == attempt || now.attempt + 1 == attempt
                }
                (Some((Stand::Running, attempt)), Stand::Done) => now.attempt == attempt,
                (Some((Stand::Waiting | Stand::Running, _)), Stand::GivenUp) => true,
                _ => false,
            };
            if !follows {
                found.push(format!("a job went a way that there is not: {now:?} after {before:?}"));
            }
            if let Some(moment) = &now.due
                && let Some(other) = due.insert(moment, now.job)
                && other != now.job
            {
                found.push(format!("one occurrence, two jobs: {other} and {now:?}"));
            }
        }
        for moment in self.wanted.iter().filter(|moment| !due.contains_key(moment)) {
            found.push(format!("it was due and never became a job: {moment:?}"));
        }
        for job in self.ordered.iter().filter(|job| !last.contains_key(job)) {
            found.push(format!("job {job} was ordered and acknowledged, and is not there"));
        }
        for end in last.values().filter(|end| end.stand != Stand::Done) {
            found.push(format!("a job was wanted and did not run to its end: {end:?}"));
        }
    }

    /// What was acknowledged is there, whole, and nothing is there that nobody sent.
    fn judge_packages(&self, found: &mut Vec<String>) {
        let sent: BTreeSet<&Version> = self.publishes.iter().map(|publish| &publish.what).collect();
        for publish in self.publishes.iter().filter(|publish| publish.acknowledged.is_some()) {
            if !self.kept.contains_key(&publish.what) {
                found.push(format!("acknowledged and lost: {publish:?}"));
            }
        }
        for (what, kept) in &self.kept {
            if kept.files == 0 || kept.live != kept.files {
                found.push(format!("half there: {what:?}, {kept:?}"));
            }
            if !sent.contains(what) {
                found.push(format!("nobody sent it, and it is there: {what:?}"));
            }
        }
    }

    /// Whoever asked after an acknowledgement saw what was acknowledged; what was once seen stays; and
    /// nothing is seen before it was sent.
    fn judge_readings(&self, found: &mut Vec<String>) {
        let mut sent: BTreeMap<&str, Vec<&Publishing>> = BTreeMap::new();
        for publish in &self.publishes {
            sent.entry(&publish.what.0).or_default().push(publish);
        }
        for reading in &self.readings {
            let sent = sent.get(reading.name.as_str()).map_or(&[][..], Vec::as_slice);
            for publish in sent {
                let due = publish.acknowledged.is_some_and(|at| at < reading.began);
                if due && !reading.listed.contains(&publish.what.1) {
                    found.push(format!("acknowledged, and not seen afterwards: {publish:?} in {reading:?}"));
                }
            }
            for version in &reading.listed {
                let known =
                    sent.iter().any(|publish| publish.what.1 == *version && publish.began <= reading.ended);
                if !known {
                    found.push(format!("seen before it was sent: {version} in {reading:?}"));
                }
                if !self.kept.contains_key(&(reading.name.clone(), version.clone())) {
                    found.push(format!("seen, and gone in the end: {version} in {reading:?}"));
                }
            }
        }
    }
}
