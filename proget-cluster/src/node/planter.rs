//! Planting fences in the catalogue, which from then on refuses every older one.

use crate::election::{FencePlanter, Plant};
use async_trait::async_trait;
use proget_core::access::Actor;
use proget_core::catalog::{
    Action, Catalog, CatalogError, ChangeSet, Conflict, Expect, Fence, FenceChange, JournalEntry, Role,
};
use proget_core::cluster::NodeName;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A fail-over may lose a plant, so a fence that stood is looked at again after this time. Until then its
/// holder's commits are refused, and nothing worse.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Plants a node's fences, if the mode lets the node run the Service. That is judged in the very
/// commit that plants, so it holds whatever the node believes and whichever register granted the role.
pub struct CatalogPlanter {
    catalog: Arc<dyn Catalog>,
    me: NodeName,
    /// Which fences stood, and when that was last seen.
    seen: Mutex<BTreeMap<Role, (Fence, Instant)>>,
}

impl CatalogPlanter {
    /// For this node.
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, me: NodeName) -> Self {
        Self { catalog, me, seen: Mutex::default() }
    }

    fn stood_just_now(&self, fence: Fence) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&fence.role).is_some_and(|(seen, at)| *seen == fence && at.elapsed() < LOOK_AGAIN)
    }

    fn stands(&self, fence: Fence) -> Plant {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(fence.role, (fence, Instant::now()));
        Plant::Planted
    }
}

impl fmt::Debug for CatalogPlanter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogPlanter").field("me", &self.me).finish_non_exhaustive()
    }
}

#[async_trait]
impl FencePlanter for CatalogPlanter {
    async fn plant(&self, fence: Fence) -> Plant {
        let Fence { role, term, holder } = fence;
        // Asked with every renewal, and nearly always it stands: a look now and then is enough.
        if self.stood_just_now(fence) {
            return Plant::Planted;
        }
        match self.catalog.fence(role).await {
            Ok(Some(row)) if (row.term, row.holder) == (term, holder) => return self.stands(fence),
            Ok(_) => {}
            Err(error) => return unknown(fence, &error),
        }
        let subject = format!("node {} holds the role {role}, term {term}", self.me);
        let set = ChangeSet::by(Actor("SYSTEM".into()))
            .expect(Expect::Serving(self.me.clone()))
            .with(FenceChange::Plant { role, term, holder })
            .record(JournalEntry { action: Action::ClusterEvent, feed: None, subject });
        match self.catalog.commit(set).await {
            Ok(_) => self.stands(fence),
            Err(CatalogError::Conflict(Conflict::TermTooLow)) => match self.catalog.fence(role).await {
                Ok(Some(row)) => Plant::TooLow(row.term),
                Ok(None) => Plant::Unknown,
                Err(error) => unknown(fence, &error),
            },
            Err(CatalogError::Conflict(Conflict::NotServing)) => {
                tracing::info!(%role, "the mode does not let this node hold a role; it is given back");
                Plant::Unknown
            }
            Err(error) => unknown(fence, &error),
        }
    }
}

fn unknown(fence: Fence, error: &CatalogError) -> Plant {
    let cause = proget_core::problem::chain(error);
    tracing::warn!(role = %fence.role, term = fence.term, cause, "nobody can say whether the fence is planted");
    Plant::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::catalog::{Instance as _, InstanceChange};
    use proget_core::cluster::ClusterMode;
    use proget_core::ids::Incarnation;
    use proget_core::memory::MemoryCatalog;

    async fn mode(catalog: &MemoryCatalog, mode: ClusterMode, service_node: &str) {
        let from = catalog.instance().await.unwrap().revision;
        let change = InstanceChange::Mode { from, mode, service_node: NodeName::new(service_node).ok() };
        catalog.commit(ChangeSet::by(Actor("test".into())).with(change)).await.unwrap();
    }

    #[tokio::test]
    async fn a_fence_is_planted_only_where_the_mode_lets_the_service_run_and_never_below_a_term() {
        let catalog = Arc::new(MemoryCatalog::default());
        let fence = |term| Fence { role: Role::PRIMARY, term, holder: Incarnation::random() };
        let (a, b) = (NodeName::new("a").unwrap(), NodeName::new("b").unwrap());
        let (a, b) = (CatalogPlanter::new(catalog.clone(), a), CatalogPlanter::new(catalog.clone(), b));
        assert_eq!(a.plant(fence(1)).await, Plant::Unknown, "no service node was named yet");
        mode(&catalog, ClusterMode::Single, "a").await;
        let planted = fence(4);
        assert_eq!(a.plant(planted).await, Plant::Planted);
        assert_eq!(a.plant(planted).await, Plant::Planted, "it stands already");
        assert_eq!(b.plant(fence(5)).await, Plant::Unknown);
        assert_eq!(a.plant(fence(4)).await, Plant::TooLow(4));
        mode(&catalog, ClusterMode::HighAvailability, "a").await;
        assert_eq!(b.plant(fence(5)).await, Plant::Planted);
        assert_eq!(a.plant(fence(3)).await, Plant::TooLow(5));
    }
}
