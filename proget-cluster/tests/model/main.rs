//! The election, tried in all orders of events for small sizes and in very many for larger ones, with the
//! production elector: calls whose answers are lost or that take effect late, clocks that run slow,
//! processes that end, fail-overs that lose the newest commits, registers that forget.
//!
//! What must hold is looked at in every state. Then each defence is taken away in turn, and a state must
//! be found in which it is missed: a model that found nothing then would prove nothing.
//!
//! `PROGET_MODEL=long` makes the worlds larger (minutes), `PROGET_SIMULATION_SEED=n` repeats one schedule of the
//! simulation, `PROGET_SIMULATION_SEEDS=n` tries that many.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checked;
mod database;
mod node;
mod simulated;
mod simulation;
mod world;
