//! The SQL catalogue on real databases: the suite of the seam, and what only SQL can get wrong —
//! locks, races between processes, answers that are lost on the way, and servers that go away.

mod away;
mod churning;
mod freezing;
mod hanging_up;
mod hosts;
mod lost_answers;
mod migrations;
mod opening;
mod place;
pub(crate) mod proxy;
mod queues;
mod races;
mod searching;
mod snapshots;
mod suite;
mod winners;
mod working;
