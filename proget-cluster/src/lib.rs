#![doc = include_str!("../README.md")]

mod chore;
mod runner;

pub use chore::{Chore, ChoreError, Findings};
pub use runner::{ChoreStatus, Runner, Running};
