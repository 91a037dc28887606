//! The HTTP shell against clients that misbehave: real sockets on loopback, raw bytes where a
//! client library would be too polite, short limits, and levels awaited with a deadline.

// Clippy knows only functions marked as tests, not those they call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod connections;
mod kit;
mod protocols;
mod proxied;
mod requests;
mod shutdown;
