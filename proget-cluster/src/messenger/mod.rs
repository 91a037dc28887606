//! Hints between servers: "looking now may be worthwhile". Nothing is right because of a hint and
//! nothing is wrong without one; a hint that is lost costs the time until the next look.
//!
//! What is looked at, and when one looks without being told, belongs to whoever listens. What surprised
//! us: a hint that is held back for a slow listener must not be queued but *coalesced*, because the
//! second of two equal hints says nothing that the first does not.

mod backoff;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod hub;
mod late;
mod local;
mod status;
mod tcp;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;
#[cfg(test)]
#[cfg(unix)]
mod unix_tests;
mod wire;

pub use late::LateMessenger;
pub use local::{LocalMessenger, NoMessenger};
pub use status::{LinkStatus, MessengerStatus, PeerView};
pub use tcp::{Counts, Pace, PeerLink, PeerStatus, TcpMessenger, TcpSettings};
#[cfg(unix)]
pub use unix::{Standing, UnixMessenger};

use futures::stream::BoxStream;
use proget_core::ids::FeedId;
use std::fmt;

/// The TCP port on which servers listen for each other unless they are told another.
pub const DEFAULT_PORT: u16 = 33237;

/// How many different hints wait for one listener; what comes on top of them is lost.
pub const MOST_WAITING: usize = 256;

/// Why looking now may be worthwhile. Deliberately without anything that could be acted on unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// Something was committed to this feed.
    FeedChanged(FeedId),
    /// A job can be claimed.
    JobsWaiting,
    /// A setting of the instance has another value.
    SettingsChanged,
    /// A node came, went, or is in another phase.
    RosterChanged,
    /// A role was given up. Not which one: a look reads all of them in one statement.
    RoleChanged,
}

impl Hint {
    /// What it is about.
    #[must_use]
    pub fn topic(self) -> Topic {
        match self {
            Self::FeedChanged(_) => Topic::Feeds,
            Self::JobsWaiting => Topic::Jobs,
            Self::SettingsChanged => Topic::Settings,
            Self::RosterChanged => Topic::Roster,
            Self::RoleChanged => Topic::Roles,
        }
    }
}

/// What a hint can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Feeds, each of them.
    Feeds,
    /// Jobs that wait.
    Jobs,
    /// Settings of the instance.
    Settings,
    /// Who is here.
    Roster,
    /// Who holds which role.
    Roles,
}

/// What a listener wants to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics(u8);

impl Topics {
    /// Everything there is.
    pub const ALL: Self = Self(u8::MAX);

    /// Nothing but these.
    #[must_use]
    pub fn of(topics: &[Topic]) -> Self {
        Self(topics.iter().fold(0, |bits, topic| bits | 1 << *topic as u8))
    }

    /// Whether it is among them.
    #[must_use]
    pub fn contain(self, topic: Topic) -> bool {
        self.0 & (1 << topic as u8) != 0
    }
}

/// Tells the other nodes, and whoever listens on this one, that looking now may be worthwhile.
///
/// # What an implementation must promise
/// - [`hint`](Self::hint) returns at once, whatever is away, slow or full, and never fails.
/// - Hints may be lost, doubled, late and out of order; they are never invented, and reach the listeners
///   of the node that gave them as well.
/// - What waits for a listener is bounded ([`MOST_WAITING`]), and equal hints wait once. A listener that
///   does not listen loses hints; it takes none from others and holds nobody up.
/// - A stream ends when the messenger does.
///
/// The suite in `conformance` (feature `conformance`) holds an implementation to it.
pub trait Messenger: fmt::Debug + Send + Sync + 'static {
    /// Gives a hint to everybody.
    fn hint(&self, hint: Hint);

    /// The hints about these topics, from now on.
    fn hints(&self, topics: Topics) -> BoxStream<'static, Hint>;

    /// How it is doing, for people. `None`: there is nothing to tell, because nothing leaves the process.
    fn status(&self) -> Option<MessengerStatus> {
        None
    }
}

/// Why a messenger could not begin. Once it runs, it has no errors, only a status.
#[derive(Debug, thiserror::Error)]
pub enum MessengerError {
    /// The address is taken or not this machine's.
    #[error("cannot listen for other servers on {address}; choose an address and port that are free")]
    Listen {
        /// Where.
        address: String,
        /// Why, as the operating system puts it.
        source: std::io::Error,
    },
    /// Something that is no socket is in the socket's place; it is left alone.
    #[error("'{path}' is there and is no socket; choose another path for the messenger")]
    NoSocket {
        /// Where.
        path: String,
    },
    /// The files beside the socket cannot be made.
    #[error("cannot use '{path}' for the messenger; check its directory and who may write to it")]
    Path {
        /// Which one.
        path: String,
        /// Why, as the operating system puts it.
        source: std::io::Error,
    },
}
