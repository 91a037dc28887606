//! The use-cases on memory parts, in milliseconds.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod changing_keys;
mod downloading;
mod foresight;
mod freshness;
mod publishing;
mod stale;
mod stand;
mod sweeping;
mod verifying;
mod watching;
