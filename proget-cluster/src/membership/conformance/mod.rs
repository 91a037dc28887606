//! The suite that every roster runs: what [`Membership`] promises, as small named cases.
//!
//! How they run is told in `src/suite.rs`.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // a suite is a test, wherever it is compiled

mod joining;
mod registers;
mod removing;

use super::{JoinRules, Membership, MembershipError, NodeCard, Roster};
use crate::election::Election;
use crate::suite::{self, cases};
use futures::future::BoxFuture;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use crate::suite::Broken;
pub use registers::{memory_register, sql_register};

/// A fresh register, and how its clock is made to show more.
#[derive(Clone)]
pub struct Register {
    /// Ways to the same roster, as several processes would have them; at least one.
    pub memberships: Vec<Arc<dyn Membership>>,
    /// The leases beside it.
    pub election: Arc<dyn Election>,
    /// Makes everything in the register older by so much, as if that time had passed.
    pub pass: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("memberships", &self.memberships).finish_non_exhaustive()
    }
}

type Case = suite::Case<Register>;

/// Tries every promise, each on a fresh register.
///
/// # Panics
/// With the names of all broken promises.
pub async fn membership<F: Future<Output = Register>>(fresh: impl Fn() -> F) {
    suite::must_be_empty("membership", &membership_broken(fresh).await);
}

/// The promises that a roster breaks.
pub async fn membership_broken<F: Future<Output = Register>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    suite::run(&[joining::CASES, removing::CASES], fresh).await
}

/// A process that was silent for so long has lost its name.
const ABANDONED: Duration = Duration::from_secs(60);

/// Long enough for a slow machine to do in it whatever a case does, and shorter than `ABANDONED`.
const SHORT: Duration = Duration::from_secs(20);

/// Without a limit.
const RULES: JoinRules = JoinRules { max_servers: None, abandoned_after: ABANDONED };

impl Register {
    fn one(&self) -> &dyn Membership {
        &*self.memberships[0]
    }

    /// The way that the process of that number has; they share if there are too few.
    fn way(&self, number: usize) -> Arc<dyn Membership> {
        self.memberships[number % self.memberships.len()].clone()
    }

    async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    async fn join(&self, card: &NodeCard) {
        self.one().join(card, RULES).await.unwrap();
    }

    async fn beat(&self, card: &NodeCard) -> bool {
        self.one().beat(card).await.unwrap().seated
    }

    async fn roster(&self) -> Roster {
        self.one().roster().await.unwrap()
    }

    /// Who is here, by name.
    async fn here(&self) -> Vec<(String, Incarnation)> {
        let members = self.roster().await.members;
        members.into_iter().map(|of| (of.card.name.to_string(), of.card.incarnation)).collect()
    }
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

/// A new process of that node, with both components.
fn process(of: &str) -> NodeCard {
    NodeCard::bare(name(of), Incarnation::random(), super::Component::ALL)
}

fn who(card: &NodeCard) -> (String, Incarnation) {
    (card.name.to_string(), card.incarnation)
}

fn is_taken(outcome: &Result<(), MembershipError>) -> bool {
    matches!(outcome, Err(MembershipError::Taken { .. }))
}
