//! The local store and scratch on a real disk, in one binary.
//!
//! Whatever needs a process of its own (a race, a kill, a measurement, a mounted file system) starts
//! this very binary again with one of the ignored tests named `child_…`; see `child`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // all of this is tests

mod buckets;
mod catalog;
mod child;
mod disk;
mod group;
mod hung;
mod kill;
mod memory;
mod mounts;
mod race;
mod scratch;
mod store;
mod suites;
