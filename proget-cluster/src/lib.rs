#![doc = include_str!("../README.md")]

mod chore;
pub mod election;
mod runner;

pub use chore::{Chore, ChoreError, Findings};
pub use runner::{ChoreStatus, Runner, Running};
