//! What no single crate can show, in one program: one folder or file per ring, so that
//! `cargo test -p proget-tests rules::` runs one of them.

mod balancers;
mod catalog;
mod cli;
mod clients;
mod cluster;
mod differential;
mod durability;
mod failover;
mod faults;
mod fresh_load;
mod fuzz;
mod kill;
mod kit;
mod memory;
mod rules;
mod seams;
mod server;
mod stores;
mod two_nodes;
