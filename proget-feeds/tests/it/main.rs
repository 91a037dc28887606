//! Feed types against their promises: pure halves by the suite, protocols by requests in-process
//! on memory parts. One binary, because linking costs more than running.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // a test binary, its bench included

mod bench;
mod cargo;
mod contract;
mod npm;
mod pypi;
