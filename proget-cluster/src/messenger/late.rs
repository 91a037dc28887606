//! A messenger that is there from the start and carries hints from when the real one has begun: parts
//! that give hints are put together before anything listens.

use super::{Hint, Messenger, MessengerStatus, NoMessenger, Topics};
use futures::stream::BoxStream;
use std::sync::{Arc, OnceLock};

/// Until it is given another, it is [`NoMessenger`]. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct LateMessenger(Arc<OnceLock<Arc<dyn Messenger>>>);

impl LateMessenger {
    /// From now on hints go there. A second call changes nothing.
    pub fn connect(&self, messenger: Arc<dyn Messenger>) {
        // Whoever was first stays.
        let _ = self.0.set(messenger);
    }
}

impl Messenger for LateMessenger {
    fn hint(&self, hint: Hint) {
        if let Some(messenger) = self.0.get() {
            messenger.hint(hint);
        }
    }

    /// Those of the real one; asked before it has begun, none ever.
    fn hints(&self, topics: Topics) -> BoxStream<'static, Hint> {
        self.0.get().map_or_else(|| NoMessenger.hints(topics), |messenger| messenger.hints(topics))
    }

    fn status(&self) -> Option<MessengerStatus> {
        self.0.get()?.status()
    }
}

#[cfg(test)]
mod tests {
    use super::super::LocalMessenger;
    use super::*;
    use futures::StreamExt as _;

    #[tokio::test]
    async fn hints_are_lost_before_it_becomes_another_and_go_there_afterwards() {
        let (late, real) = (LateMessenger::default(), LocalMessenger::new());
        let mut heard = real.hints(Topics::ALL);
        late.hint(Hint::JobsWaiting);
        late.connect(Arc::new(real));
        late.connect(Arc::new(NoMessenger));
        late.clone().hint(Hint::RoleChanged);
        assert_eq!(heard.next().await, Some(Hint::RoleChanged));
    }
}
