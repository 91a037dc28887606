//! The catalogue of a schedule: the reference model, with reservations that are shorter, so that sweeps meet
//! within a minute what publishes leave behind; or with one defence taken away.
//!
//! Defences are taken away around the production code, not in it: there is no switch there to be left on.

use proget_cluster::election::Timing;
use proget_core::access::Actor;
use proget_core::catalog::*;
use proget_core::feed::StoreName;
use proget_core::ids::ClaimToken;
use proget_core::memory::MemoryCatalog;
use proget_core::memory::faulty::FaultyCatalog;
use std::sync::Arc;
use std::time::Duration;

/// What may be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defence {
    /// The catalogue asks nobody for a fence.
    Fence,
    /// A holder believes for the whole lease, by its own clock.
    Margin,
    /// Reads of stamps answer what they answered before.
    Stamps,
    /// A sweep does not see that a publish is under way, and the publish does not see that it was swept.
    /// Each of the two would be enough: see `docs/TESTING.md`.
    Reservation,
    /// Whoever lost the claim of a job may go on writing for it.
    Claim,
}

/// Reservations of ten minutes last as long as this.
const HOLD: Duration = Duration::from_secs(6);

/// The timings of a schedule.
pub(crate) fn timing(without: Option<Defence>) -> Timing {
    let poll = Duration::from_millis(800);
    let timing = Timing { poll, ..Timing::default() }.checked().unwrap();
    match without {
        Some(Defence::Margin) => Timing { margin: Duration::ZERO, ..timing },
        _ => timing,
    }
}

/// The catalogue, with all defences or without one.
pub(crate) fn catalog(memory: Arc<MemoryCatalog>, without: Option<Defence>) -> Arc<dyn Catalog> {
    let tampering = move |inner: Arc<dyn Catalog>, set| {
        let outcome = async move { commit(&*inner, set, without).await };
        Box::pin(outcome) as futures::future::BoxFuture<'static, _>
    };
    Arc::new(FaultyCatalog::tampered(memory, Box::new(tampering)))
}

async fn commit(
    inner: &dyn Catalog,
    mut set: ChangeSet,
    without: Option<Defence>,
) -> Result<Committed, CatalogError> {
    for change in &mut set.changes {
        if let Change::Blob(BlobChange::Reserve { hold, .. }) = change {
            *hold = if without == Some(Defence::Reservation) { Duration::ZERO } else { HOLD };
        }
    }
    match without {
        Some(Defence::Fence) => {
            if let Some(fence) = &mut set.fence
                && let Some(row) = inner.fence(fence.role).await?
            {
                (fence.term, fence.holder) = (row.term, row.holder);
            }
        }
        Some(Defence::Claim) => claim(inner, &mut set).await?,
        Some(Defence::Reservation) => return unreserved(inner, set).await,
        Some(Defence::Margin | Defence::Stamps) | None => {}
    }
    inner.commit(set).await
}

/// Every token becomes the one that counts.
async fn claim(inner: &dyn Catalog, set: &mut ChangeSet) -> Result<(), CatalogError> {
    let expected = set.expect.iter_mut().filter_map(|expect| match expect {
        Expect::ClaimHeld(job, token) => Some((*job, token)),
        _ => None,
    });
    let changed = set.changes.iter_mut().filter_map(|change| match change {
        Change::Job(
            JobChange::Say { job, token, .. }
            | JobChange::Finish { job, token, .. }
            | JobChange::Renew { job, token, .. },
        ) => Some((*job, token)),
        _ => None,
    });
    for (job, token) in expected.chain(changed) {
        let present: Option<ClaimToken> =
            inner.job(job).await?.and_then(|row| row.claim).map(|row| row.token);
        *token = present.unwrap_or(*token);
    }
    Ok(())
}

/// A publication whose blob was swept meanwhile brings the row back, under the key that is doomed.
async fn unreserved(inner: &dyn Catalog, mut set: ChangeSet) -> Result<Committed, CatalogError> {
    let outcome = inner.commit(set.clone()).await;
    if !matches!(outcome, Err(CatalogError::Conflict(Conflict::BlobGone))) {
        return outcome;
    }
    for change in &mut set.changes {
        let Change::Package(PackageChange::AddFile(new)) = change else { continue };
        let (store, fresh, size) = (StoreName::default(), new.key, new.size);
        let reserve = BlobChange::Reserve { store, fresh, size, hold: Duration::ZERO };
        let reserved = inner.commit(ChangeSet::by(Actor("test".into())).with(reserve)).await?.reserved;
        new.blob = reserved[0].id;
    }
    inner.commit(set).await
}
