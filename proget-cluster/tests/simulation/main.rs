//! The whole, played by chance: three processes with the real elector, the real runner, the real registry and
//! the real sweep, over a catalogue, a package store, a register of leases, a network and clocks that are
//! simulated. Messages come late, get lost or are never answered; processes stand still, die and begin
//! anew; clocks run fast and slow; the register fails over and forgets.
//!
//! Each process is a tokio runtime of its own whose time is turned by hand ([`process`]); all that it
//! shares with the others it reaches by [`wire`] only. [`schedule`] lets them run in the order of the
//! simulated time, so a schedule is told by its seed alone. [`history`] hears of everything and judges.
//!
//! A simulation that finds nothing proves nothing, so each defence is taken away in turn ([`defence`]) and must
//! be missed. `PROGET_SIM_SEED=n` repeats one schedule and tells it, `PROGET_SIM_SEEDS=n` tries that many.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chance;
mod client;
mod defence;
mod duties;
mod history;
mod judge;
mod plain;
mod process;
mod schedule;
mod simulated;
mod trouble;
mod wire;
mod wired_catalog;
mod wired_register;
mod wired_store;
mod world;
