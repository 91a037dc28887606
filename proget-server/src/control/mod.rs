//! Administrative commands: what can be ordered, who carries it out, and the way from one to the other.
//!
//! A server that owns its SQLite file is the only process that may change it, so the command line
//! sends its orders through a socket in the data directory. Without such a server, and on a
//! PostgreSQL or MariaDB that everybody shares, the command line carries them out itself.

mod cluster;
mod execute;
mod keys;
mod order;
mod place;
mod send;
mod socket;
#[cfg(test)]
mod tests;

pub use crate::schedules::{ScheduleChange, ScheduleWish};
pub use cluster::ClusterOrder;
pub use execute::execute;
pub use keys::KeyOrder;
pub use order::{
    Content, Damaged, Failure, FeedLine, FeedWish, JournalLine, KeyLine, KeyScope, KeyWish, Order, Outcome,
    Progress, Readers, Swept, Told, Verified,
};
pub use send::Channel;
pub use socket::{ControlError, ControlSocket};
