//! What a package must show: every state it was ever told to take, and how far that is acknowledged.
//!
//! One writer owns a package and makes one change at a time, so its states are in a known order.
//! An answer to a question that was asked when state *n* had been acknowledged may show state *n* or
//! a later one that had begun when the answer was there, and nothing else. That is what
//! "linearizable" means for one register, and it holds for reads *during* a write, too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A version as an index shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The digest of its file in the index's own spelling.
    pub(super) digest: String,
    /// Is it marked: deprecated, yanked?
    pub(super) marked: bool,
}

/// All versions that an index shows; an absent package shows none.
pub(super) type State = BTreeMap<String, Shown>;

/// The states of one package.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The package's name.
    pub(super) name: String,
    /// The names of its versions, all that there will ever be.
    pub(super) versions: Vec<String>,
    states: Mutex<Vec<State>>,
    acknowledged: AtomicUsize,
}

impl Ledger {
    /// A package that is not there yet.
    pub(super) fn new(name: String, versions: Vec<String>) -> Self {
        let states = Mutex::new(vec![State::new()]);
        Self { name, versions, states, acknowledged: AtomicUsize::new(0) }
    }

    /// A change is about to be sent.
    pub(super) fn begin(&self, state: State) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).push(state);
    }

    /// The change that began last has been acknowledged.
    pub(super) fn acknowledge(&self) {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        self.acknowledged.store(states.len() - 1, Ordering::SeqCst);
    }

    /// The number of the last acknowledged state: to be taken before a question is sent.
    pub(super) fn moment(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// The states that an answer which is there now may show, to a question asked at that moment.
    pub(super) fn since(&self, moment: usize) -> Vec<State> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)[moment..].to_vec()
    }
}
