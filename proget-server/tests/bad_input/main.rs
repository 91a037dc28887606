//! What the server makes of input that is wrong, broken or hostile: one table, from which both
//! these tests and `docs/BAD-INPUT.md` come.
//!
//! A row says what is sent, byte by byte over a real socket, and what comes back: status, words and
//! the dialect of the client that sent it. After every row the catalogue (all of it, journal
//! included), the package store and the staging folder must be as they were, and the server must
//! still serve what it served before. `row.rs` is the frame, `judge.rs` the one place that decides
//! whether a row holds; the rows are in the folders named after feed types, in `api` and in `http`.
//!
//! Faults of machines (full disks, stopped databases) are in `tests/it/faults`, which need a process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // all of this is tests

mod api;
mod bytes;
mod cargo;
mod document;
mod http;
mod judge;
mod npm;
mod pypi;
mod request;
mod row;
mod stage;
mod tar;
mod tests;
mod wire;
mod zip;
