//! Messengers without a wire: none at all, and one for nodes that share a process.

use super::hub::Hub;
use super::{Hint, Messenger, Topics};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use std::sync::Arc;

/// No messenger: every hint is lost. With it everything is right, only later.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMessenger;

impl Messenger for NoMessenger {
    fn hint(&self, _: Hint) {}

    /// Never has anything, and never ends: whoever listens goes on looking now and then.
    fn hints(&self, _: Topics) -> BoxStream<'static, Hint> {
        stream::pending().boxed()
    }
}

/// Hints between nodes of one process, and within a server that is alone. Clones are the other nodes';
/// streams end with the last of them.
#[derive(Debug, Clone, Default)]
pub struct LocalMessenger(Arc<Ended>);

#[derive(Debug, Default)]
struct Ended(Hub);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl LocalMessenger {
    /// With nobody listening yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Messenger for LocalMessenger {
    fn hint(&self, hint: Hint) {
        self.0.0.post(hint);
    }

    fn hints(&self, topics: Topics) -> BoxStream<'static, Hint> {
        self.0.0.stream(topics)
    }
}
