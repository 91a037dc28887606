//! What a process that is alone with its database remembers: every stamp that its own commits have
//! not touched since. Nobody else can have changed it, so no query is needed.

use super::lock;
use crate::catalog::{AccountChange, CatalogError, Change, ChangeSet, Committed, PackageChange, StampOf};
use crate::ids::Stamp;
use std::collections::HashMap;
use std::sync::Mutex;

/// Stamps of this many things are remembered; when there are more, all are forgotten, which costs one read each.
const STAMPS: usize = 100_000;

/// What is remembered, behind its lock.
#[derive(Debug, Default)]
pub(super) struct Alone(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// Grows with every commit, so that a read which began before one remembers nothing.
    epoch: u64,
    known: HashMap<StampOf, Option<Stamp>>,
    /// How many commits have begun.
    begun: u64,
    /// As many had begun when the outcome of one became unknown: it may still happen at any moment,
    /// so nothing is remembered until a commit that began later has ended well. That one came after
    /// it, because a process alone with its database commits one set at a time.
    doubt: Option<u64>,
}

/// The moment at which a read began; what it found is remembered only if no commit came between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(u64);

impl Alone {
    /// All of these stamps, if all are known; otherwise the moment at which a read begins.
    pub(super) fn recall(&self, of: &[StampOf]) -> Result<Vec<Option<Stamp>>, Moment> {
        let memory = lock(&self.0);
        let known: Option<Vec<_>> = of.iter().map(|one| memory.known.get(one).copied()).collect();
        known.ok_or(Moment(memory.epoch))
    }

    /// One of them, if it is known; most questions are about one, and this answer costs no allocation.
    pub(super) fn recall_one(&self, of: &StampOf) -> Option<Option<Stamp>> {
        lock(&self.0).known.get(of).copied()
    }

    /// Remembers what a read that began at that moment found.
    pub(super) fn remember(&self, began: Moment, of: &[StampOf], stamps: &[Option<Stamp>]) {
        let mut memory = lock(&self.0);
        if memory.epoch == began.0 && memory.doubt.is_none() {
            if memory.known.len() + of.len() > STAMPS {
                memory.known.clear();
            }
            memory.known.extend(of.iter().cloned().zip(stamps.iter().copied()));
        }
    }

    /// A commit begins; when the value is dropped, what it touched is forgotten, however it ended.
    pub(super) fn commit(&self, changes: &ChangeSet) -> Commit<'_> {
        let mut memory = lock(&self.0);
        memory.begun += 1;
        Commit { alone: self, touched: touched(changes), number: memory.begun, ended: Ended::Unknown }
    }
}

/// Everything that a change set may alter, as far as a process remembers it.
pub(super) enum Touched {
    Nothing,
    Everything,
    Some(Vec<StampOf>),
}

pub(super) fn touched(changes: &ChangeSet) -> Touched {
    let mut some = Vec::new();
    for change in &changes.changes {
        let (feed, package) = match change {
            Change::Blob(_) | Change::Instance(_) | Change::Fence(_) | Change::Job(_) => continue,
            // Feeds and accounts change seldom; forgetting all is simple and surely enough.
            Change::Feed(_)
            | Change::Account(
                AccountChange::CreateUser(_)
                | AccountChange::CreateFirstUser(_)
                | AccountChange::SetPassword(..)
                | AccountChange::SetUserRights(..)
                | AccountChange::DeleteUser(_)
                | AccountChange::CreateKey(_)
                | AccountChange::RevokeKey(_),
            ) => return Touched::Everything,
            Change::Package(change) => match change {
                PackageChange::CountDownloads(_) => continue,
                PackageChange::AddFile(new) => (new.feed, new.package.key()),
                PackageChange::SetTag(version, _)
                | PackageChange::SetStatus(version, _)
                | PackageChange::RemoveVersion(version) => (version.feed, &version.package),
                PackageChange::RemoveTag(feed, package, _)
                | PackageChange::RemoveFile(feed, package, _)
                | PackageChange::RemovePackage(feed, package) => (*feed, package),
            },
        };
        some.push(StampOf::Content(feed));
        some.push(StampOf::Package(feed, package.clone()));
    }
    if some.is_empty() { Touched::Nothing } else { Touched::Some(some) }
}

/// How a commit ended.
#[derive(Debug, Clone, Copy)]
enum Ended {
    Well,
    /// Certainly nothing has happened.
    Nothing,
    /// Nobody can say, or it was broken off.
    Unknown,
}

/// A commit under way.
pub(super) struct Commit<'a> {
    alone: &'a Alone,
    touched: Touched,
    /// Which commit of this process it is.
    number: u64,
    ended: Ended,
}

impl Commit<'_> {
    /// Says how it ended.
    pub(super) fn end(mut self, outcome: &Result<Committed, CatalogError>) {
        self.ended = match outcome {
            Ok(_) => Ended::Well,
            Err(CatalogError::OutcomeUnknown { .. }) => Ended::Unknown,
            Err(_) => Ended::Nothing,
        };
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        let mut memory = lock(&self.alone.0);
        let lifted = memory.doubt.is_some_and(|begun| self.number > begun);
        match (self.ended, &self.touched) {
            (_, Touched::Nothing) if !lifted => return,
            (Ended::Unknown, _) => {
                memory.doubt = Some(memory.begun);
                memory.known.clear();
            }
            (Ended::Well, _) if lifted => {
                memory.doubt = None;
                memory.known.clear();
            }
            (_, Touched::Everything) => memory.known.clear(),
            (_, Touched::Some(some)) => {
                for one in some {
                    memory.known.remove(one);
                }
            }
            (_, Touched::Nothing) => {}
        }
        memory.epoch += 1;
    }
}
