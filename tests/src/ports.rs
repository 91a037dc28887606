//! Ports for programs that cannot be given port 0, or that must come back on the same port.
//!
//! In-process servers bind port 0 and need nothing of this. A separate program must be told its
//! port, and a restarted one must find the same port free again. So the port is taken from
//! *below* the kernel's range for outgoing connections (32768 and up on Linux): otherwise any
//! client connection of a neighbouring test may sit on it during the restart.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::TcpListener;
use std::sync::Mutex;

use anyhow::bail;

use crate::Outcome;

const LOWEST: u16 = 12_000;
const HIGHEST: u16 = 32_000;

/// Ports handed out by this process, so that two services never get the same one before either
/// has bound it.
static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());

/// A loopback port on which nobody listens at this moment.
///
/// Another process may still take it before it is used; whoever starts a program on it must be
/// ready to see the start fail.
pub fn free_port() -> Outcome<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for _ in 0..1_000 {
        // Each RandomState has fresh keys: a random number without a dependency. The seed is not
        // worth printing, since nothing but the port depends on it.
        let number = RandomState::new().build_hasher().finish();
        let port = LOWEST + (number % u64::from(HIGHEST - LOWEST)) as u16;
        if !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            given.push(port);
            return Ok(port);
        }
    }
    bail!("no free loopback port between {LOWEST} and {HIGHEST} after 1000 tries")
}
