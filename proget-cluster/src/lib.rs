#![doc = include_str!("../README.md")]

mod chore;
pub mod election;
mod job;
pub mod membership;
pub mod messenger;
pub mod node;
mod runner;
mod schedule;
pub mod schema;
pub mod sql;
#[cfg(any(test, feature = "conformance"))]
mod suite;

pub use chore::{Chore, ChoreError, ChoreWork, Findings};
pub use job::{Job, JobError, Work};
pub use runner::{
    BadWorkTiming, ChoreStatus, DrainReport, Intake, Queue, Runner, Running, WorkStatus, WorkTally,
    WorkTiming,
};
pub use schedule::Cron;
