//! Machines that fail under the real program: full disks, a store that may not be written, databases
//! that stop, die or stand still while packages are on their way in.
//!
//! For each fault: what the clients of all feed types saw, that nothing was left or lost, and that the
//! same upload succeeds as soon as the cause is gone. `table.rs` says so in words, for
//! `docs/BAD-INPUT.md`; `uploads.rs` makes packages and sends them, whole or in halves; `world.rs`
//! tells what is there.

mod databases;
mod disks;
mod table;
mod uploads;
mod world;
