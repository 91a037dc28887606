//! Everybody who is here, at one moment of the register's clock.

use super::card::{Component, NodeCard};
use super::standing::Standing;
use crate::election::Timing;
use proget_core::clock::Timestamp;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use std::time::Duration;

/// Everybody who is here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    /// When it was read, by the register's clock.
    pub at: Timestamp,
    /// The processes, by name. Two of one name have different components.
    pub members: Vec<Member>,
}

/// A process in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it said of itself with its last beat.
    pub card: NodeCard,
    /// When it took its seats, by the register's clock.
    pub joined: Timestamp,
    /// For how long each of its components has been silent, by the register's clock; never empty.
    pub beats: Vec<(Component, Duration)>,
}

impl Roster {
    /// The process of that incarnation.
    #[must_use]
    pub fn member(&self, incarnation: Incarnation) -> Option<&Member> {
        self.members.iter().find(|member| member.card.incarnation == incarnation)
    }
}

impl Member {
    /// For how long none of its components has beaten.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.beats.iter().map(|(_, silent)| *silent).min().unwrap_or(Duration::MAX)
    }

    /// How the process stands: as the component that beat last, because that shows it to be alive.
    #[must_use]
    pub fn standing(&self, timing: &Timing) -> Standing {
        Standing::of(self.silent_for(), timing)
    }

    /// Its place in a roster: by name, and two processes of one name by what they consist of.
    pub(super) fn place(&self) -> (NodeName, Option<Component>) {
        (self.card.name.clone(), self.beats.iter().map(|(component, _)| *component).min())
    }
}
