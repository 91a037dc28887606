//! The server as its clients meet it: in-process, over real sockets, on SQLite and a directory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // all of this is tests

mod accounts;
mod api_feeds;
mod api_keys;
mod api_packages;
mod building;
mod health;
mod kit;
mod nesting;
mod overload;
mod revocation;
mod sealing;
mod stale;
mod test_cluster;
mod test_server;
