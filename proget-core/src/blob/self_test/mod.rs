//! A store on trial: everything that packages rest on, tried through the store's own operations, so that
//! any store can be tried, also while it is in use.
//!
//! The store is opened twice, as two servers would: what one writes the other must see at once, and of
//! writers at the same moment none may lose. What is written for the trial has fresh keys that nothing
//! refers to, and is deleted at its end; what cannot be is a stray for the sweep.

mod report;
mod sample;
mod steps;

pub use report::{Finding, Judgement, SelfTest, Verdict};

use super::BlobStore;
use crate::clock::Clock;
use report::Complaint;
use sample::Sample;
use steps::Ways;

/// Larger than what is put in one piece anywhere.
const LARGE: usize = 32 << 20;
/// Odd, so that no border of blocks falls on its end.
const SMALL: usize = 100_003;

impl SelfTest {
    /// Tries a store that was opened twice. Takes as long as it takes to write and read some 35 MiB, and to
    /// list the store.
    pub async fn of(store: &dyn BlobStore, again: &dyn BlobStore, clock: &dyn Clock) -> Self {
        let ways = Ways { store, again, clock };
        let samples = [Sample::of(SMALL), Sample::of(SMALL), Sample::of(LARGE)];
        let [first, raced, large] = &samples;
        let mut findings = Vec::new();
        let mut note = |property, told: Result<String, Complaint>| {
            findings.push(Finding::of(property, told));
            findings.last().is_some_and(|finding| finding.judgement != Judgement::Broken)
        };
        // Without writing and reading there is nothing to try.
        if note("writing a file", ways.writes(first).await) && note("reading it", ways.reads(first).await) {
            note("reading parts of it", ways.reads_parts(first).await);
            note("seeing it from elsewhere at once", ways.shows_elsewhere(first).await);
            note("writing it again", ways.keeps_what_is_there(first).await);
            note("refusing other bytes under its name", ways.refuses_other_bytes(first).await);
            note("many writers at once", ways.lets_nobody_lose(raced).await);
            note("saying what is not there", ways.says_what_is_absent().await);
            note("listing", ways.lists(first).await);
            note("a large file", ways.carries(large).await);
            note("deleting", ways.deletes(&samples).await);
            note("surviving a power cut", ways.is_durable());
            note("being seen by all servers", ways.is_shared());
        }
        Self::judged(store.to_string(), findings)
    }
}

#[cfg(test)]
mod tests;
