//! A sweep that an operator ordered, while the cluster has a sweeper of its own.
//!
//! Two that sweep at once would each find the other's witness and stop all deletes, so the duty is taken
//! for the time of the sweep: where this very process holds it, its fence is used; otherwise the holder's
//! lease is ended and this process campaigns until it has the role. The former holder finds out with its
//! next renewal, and takes the role again when this one has given it back.

use async_trait::async_trait;
use proget_cluster::election::{BootClock, Campaign, FencePlanter, Holding, Plant, Timing};
use proget_cluster::node::Cluster;
use proget_core::access::Actor;
use proget_core::catalog::{CatalogError, ChangeSet, Conflict, Fence, FenceChange, Role};
use proget_core::registry::{SweepOptions, SweepReport};
use proget_core::{Catalog, Problem};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the role is campaigned for at a time; the former holder may be quicker.
const CAMPAIGN: Duration = Duration::from_secs(3);

/// How often.
const ATTEMPTS: usize = 5;

/// Sweeps once, as the holder of the role.
///
/// # Errors
/// `Busy` if a dependency is away, or others take the role again and again.
pub(crate) async fn sweep(cluster: &Cluster, options: SweepOptions) -> Result<SweepReport, Problem> {
    let role = Role::SWEEPER;
    let me = cluster.registry.incarnation();
    let busy = || Problem::busy("sweeping, which another process does at this moment");
    let planter = Arc::new(ByHand(cluster.registry.fresh().catalog()));
    let campaign =
        Campaign { me, election: cluster.election.clone(), fences: planter, clock: Arc::new(BootClock) };
    for _ in 0..ATTEMPTS {
        let leases = cluster.election.look(&[role]).await.map_err(|_| busy())?;
        if let Some((lease, holder)) = leases.first().and_then(|lease| Some((lease, lease.holder?)))
            && lease.left.is_some()
        {
            let held = Holding { role, term: lease.term };
            if holder == me {
                return cluster
                    .registry
                    .sweep_under(Fence { role, term: held.term, holder: me }, options)
                    .await;
            }
            cluster.election.resign(holder, held).await.map_err(|_| busy())?;
        }
        let elector = campaign.clone().start(&[role], Timing::default());
        elector.stand();
        let Some(mut watch) = elector.watch(role) else { return Err(busy()) };
        let Ok(Some(leadership)) = timeout(CAMPAIGN, watch.held()).await else { continue };
        let Ok(fence) = leadership.fence() else { continue };
        let swept = tokio::select! {
            swept = cluster.registry.sweep_under(fence, options) => swept,
            () = leadership.lost() => Err(busy()),
        };
        elector.stand_down().await;
        return swept;
    }
    Err(busy())
}

/// Plants without asking for the mode: an operator asked for it.
struct ByHand(Arc<dyn Catalog>);

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

#[async_trait]
impl FencePlanter for ByHand {
    async fn plant(&self, fence: Fence) -> Plant {
        let Fence { role, term, holder } = fence;
        let stands = |row: &proget_core::catalog::FenceRow| (row.term, row.holder) == (term, holder);
        if let Ok(Some(row)) = self.0.fence(role).await
            && stands(&row)
        {
            return Plant::Planted;
        }
        let plant = ChangeSet::by(Actor("SYSTEM".into())).with(FenceChange::Plant { role, term, holder });
        match self.0.commit(plant).await {
            Ok(_) => Plant::Planted,
            Err(CatalogError::Conflict(Conflict::TermTooLow)) => match self.0.fence(role).await {
                Ok(Some(row)) => Plant::TooLow(row.term),
                Ok(None) | Err(_) => Plant::Unknown,
            },
            Err(_) => Plant::Unknown,
        }
    }
}
