//! Who is here: a roster of processes that say so again and again.
//!
//! [`Membership`] is the seam: a register on somebody else's clock (a database's, or memory).
//! [`Standing`] is judged purely, from the age of the last beat. A [`Heart`] beats on time and tells
//! what it learned. Which duties a node has is no matter of the roster, and nothing is ever taken
//! from a node because of how it stands here: a frozen node is lost, and may wake up at any moment.
//!
//! What surprised us: a beat must never insert. A node that was removed while it hung would put
//! itself back, with a process that everybody else has forgotten.

mod admission;
mod card;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod heart;
mod memory;
mod roster;
mod seating;
mod sql;
mod standing;

use async_trait::async_trait;
use proget_core::clock::Timestamp;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use admission::JoinRules;
pub use card::{Component, Load, NodeCard, Phase};
pub use heart::{Heart, HeartBeat, Pulse};
pub use memory::MemoryMembership;
pub use roster::{Member, Roster};
pub use seating::take_seats;
pub use sql::SqlMembership;
pub use standing::Standing;

/// A register of who is here.
///
/// # What an implementation must promise
/// - *One clock decides*: the register's own. Nothing that a node sends is compared with it but
///   durations.
/// - `join`, `remove` and `forget` are judged one after the other, never two at once: of many that
///   join under one name, or for the last place, one gets it.
/// - `beat` changes only the rows of a process that is seated, and never makes one. It is one
///   statement, and costs nobody else anything.
/// - A process that beats is not taken out by anything that is only for the silent, however short the
///   time between the judgement and the deed.
/// - What was said with a beat is what the next roster shows.
/// - After an error nobody knows whether the call had its effect; repeating it does no harm.
/// - Each call can be dropped at any await without harm.
///
/// It does *not* promise that a process knows that it was removed: it learns that with its next beat.
#[async_trait]
pub trait Membership: fmt::Debug + Send + Sync + 'static {
    /// Takes a seat for each component of the card. If another process has one of them and has been
    /// silent for long enough, it loses all of its seats; its leases are not touched.
    ///
    /// Joining again with the same incarnation renews the seats, so that a join whose answer was lost
    /// can be repeated. (A process that was removed must not: it begins anew, as another incarnation.)
    ///
    /// # Errors
    /// `Taken`, `Full`, or `Unanswered`; then the seats may be taken nevertheless.
    async fn join(&self, card: &NodeCard, rules: JoinRules) -> Result<(), MembershipError>;

    /// Says that this process is here, and what the card says now. One statement.
    ///
    /// # Errors
    /// `Unanswered`. That is no lost seat: try again.
    async fn beat(&self, card: &NodeCard) -> Result<Beaten, MembershipError>;

    /// Everybody who is here, by name. One statement; reads what is committed.
    ///
    /// # Errors
    /// `Unanswered`.
    async fn roster(&self) -> Result<Roster, MembershipError>;

    /// Gives the seats of this process back, so that a successor of that name need not wait. Without
    /// effect if it has none.
    ///
    /// # Errors
    /// `Unanswered`.
    async fn leave(&self, name: &NodeName, incarnation: Incarnation) -> Result<(), MembershipError>;

    /// Removes a node: its seats go, and in the same step its leases expire, if the register of leases
    /// is the same. What it had claimed in the catalogue is the caller's to release, by the
    /// incarnations that this gives back.
    ///
    /// # Errors
    /// `Absent`, `Fresh`, or `Unanswered`.
    async fn remove(&self, name: &NodeName, removal: Removal) -> Result<Vec<Incarnation>, MembershipError>;

    /// Removes every process of which nothing was heard for so long, as `remove` does; which those
    /// were, by name.
    ///
    /// # Errors
    /// `Unanswered`.
    async fn forget(&self, silent_for: Duration) -> Result<Vec<(NodeName, Incarnation)>, MembershipError>;
}

/// What a beat was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beaten {
    /// Does the process have all of its seats? If not it was removed, or a successor has its name: it
    /// stops its work and never joins again as the same incarnation.
    pub seated: bool,
    /// The register's clock, if the answer has it.
    pub at: Option<Timestamp>,
}

/// How a node is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Only if nothing was heard of any of its components for so long.
    Silent(Duration),
    /// In any case. A node that still runs stops its Service when it notices.
    Forced,
}

/// The register refused, or did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// Another process has the name and beats.
    #[error(
        "another process is here as node '{name}' with the component '{component}', last heard of {} ms ago; give this \
         one a name of its own, or stop the other",
        silent_for.as_millis()
    )]
    Taken {
        /// The name.
        name: NodeName,
        /// A component that both have.
        component: Component,
        /// When the other was last heard of.
        silent_for: Duration,
    },
    /// There are as many nodes as there may be.
    #[error("{present} servers are here and {limit} may be; remove one or raise the limit")]
    Full {
        /// How many other nodes are here.
        present: u32,
        /// How many there may be.
        limit: u32,
    },
    /// There is no such node.
    #[error("there is no node '{0}' in the cluster; `proget cluster nodes` lists those that are")]
    Absent(NodeName),
    /// The node beats.
    #[error(
        "node '{name}' is here, last heard of {} ms ago; stop it first, or force its removal",
        silent_for.as_millis()
    )]
    Fresh {
        /// The node.
        name: NodeName,
        /// When it was last heard of.
        silent_for: Duration,
    },
    /// The register did not answer as it should. Whether the call had its effect is unknown.
    #[error("{doing}: the roster did not answer as it should")]
    Unanswered {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

#[cfg(test)]
mod tests;
