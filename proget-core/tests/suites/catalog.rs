//! The catalogue suite on the reference model, and on liars made of it.

use proget_core::catalog::{BlobChange, Change, ChangeSet, Fence, FenceChange, NewFile, PackageChange};
use proget_core::conformance::{self, Tasks};
use proget_core::memory::MemoryCatalog;
use proget_core::memory::faulty::{FaultyCatalog, Tampering};
use proget_core::{Catalog, CatalogError};
use std::sync::Arc;
use std::time::Duration;

fn spawned() -> Tasks {
    Tasks::spawned(|task| drop(tokio::spawn(task)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_catalogue_keeps_every_promise() {
    conformance::catalog(|| async { Arc::new(MemoryCatalog::default()) as Arc<dyn Catalog> }, spawned())
        .await;
}

#[tokio::test]
async fn the_suite_needs_no_runtime_of_many_threads() {
    conformance::catalog(|| async { Arc::new(MemoryCatalog::default()) as Arc<dyn Catalog> }, Tasks::Joined)
        .await;
}

/// A catalogue that changes each set before it commits it must be caught by this case.
pub(super) async fn caught(case: &str, tampering: impl Fn() -> Tampering) {
    let fresh = || async {
        Arc::new(FaultyCatalog::tampered(Arc::new(MemoryCatalog::default()), tampering())) as Arc<dyn Catalog>
    };
    let broken = conformance::catalog_broken(fresh, Tasks::Joined).await;
    let cases: Vec<&str> = broken.iter().map(|broken| broken.case).collect();
    assert!(cases.contains(&case), "{case} does not catch the liar; these do: {cases:?}");
}

/// Commits another set instead.
fn instead(change: fn(ChangeSet) -> ChangeSet) -> Tampering {
    Box::new(move |inner, set| Box::pin(async move { inner.commit(change(set)).await }))
}

/// The fence that is planted, taken without being asked; plants one if there is none.
async fn usurped(inner: &Arc<dyn Catalog>, fence: Fence) -> Result<Fence, CatalogError> {
    Ok(match inner.fence(fence.role).await? {
        Some(row) => Fence { term: row.term, holder: row.holder, ..fence },
        None => {
            let plant = FenceChange::Plant { role: fence.role, term: fence.term, holder: fence.holder };
            inner.commit(conformance::sample::set().with(plant)).await?;
            fence
        }
    })
}

#[tokio::test]
async fn a_catalogue_that_ignores_fences_is_caught() {
    caught("a_stale_fence_is_refused_and_nothing_is_applied", || {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                if let Some(fence) = set.fence {
                    set.fence = Some(usurped(&inner, fence).await?);
                }
                inner.commit(set).await
            })
        })
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_that_takes_newer_terms_for_planted_ones_is_caught() {
    caught("a_fence_is_compared_for_equality", || {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                if let Some(fence) = set.fence {
                    let planted = inner.fence(fence.role).await?;
                    if planted.is_some_and(|row| fence.term >= row.term) {
                        set.fence = Some(usurped(&inner, fence).await?);
                    }
                }
                inner.commit(set).await
            })
        })
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_that_needs_no_fence_is_caught() {
    caught("what_must_be_fenced_is_refused_without_a_fence", || {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                if set.must_be_fenced() && set.fence.is_none() {
                    let role = proget_core::catalog::Role::SWEEPER;
                    let (term, holder) = (1, proget_core::ids::Incarnation::random());
                    set.fence = Some(usurped(&inner, Fence { role, term, holder }).await?);
                }
                inner.commit(set).await
            })
        })
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_that_commits_change_by_change_is_caught() {
    caught("all_of_a_set_or_none_of_it", || {
        Box::new(|inner, set| {
            Box::pin(async move {
                let mut committed = proget_core::catalog::Committed::of(set.id);
                for change in set.changes.clone() {
                    let one = ChangeSet { changes: vec![change], entry: None, ..set.clone() };
                    committed.reserved.extend(inner.commit(one).await?.reserved);
                }
                inner.commit(ChangeSet { changes: Vec::new(), ..set }).await?;
                Ok(committed)
            })
        })
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_that_reorders_changes_is_caught() {
    let reversed = |mut set: ChangeSet| {
        set.changes.reverse();
        set
    };
    caught("changes_are_applied_in_their_order", || instead(reversed)).await;
}

#[tokio::test]
async fn a_catalogue_that_expects_nothing_is_caught() {
    let careless = |set: ChangeSet| ChangeSet { expect: Vec::new(), ..set };
    caught("a_publish_expects_the_feed_as_it_was_judged", || instead(careless)).await;
    caught("one_of_many_conditional_changes_of_a_package_wins", || instead(careless)).await;
}

#[tokio::test]
async fn a_catalogue_that_keeps_no_journal_is_caught() {
    caught("an_entry_is_found_by_its_sets_id", || instead(|set| ChangeSet { entry: None, ..set })).await;
}

#[tokio::test]
async fn a_catalogue_that_commits_one_set_twice_is_caught() {
    let renumbered = |set: ChangeSet| ChangeSet { id: proget_core::ids::ChangeId::random(), ..set };
    caught("a_set_is_never_applied_twice", || instead(renumbered)).await;
}

#[tokio::test]
async fn a_catalogue_that_overwrites_files_is_caught() {
    fn removal(file: &NewFile) -> PackageChange {
        PackageChange::RemoveFile(file.feed, file.package.key().clone(), file.file.clone())
    }
    let overwriting = || -> Tampering {
        Box::new(|inner, set| {
            Box::pin(async move {
                match inner.commit(set.clone()).await {
                    Err(CatalogError::Conflict(proget_core::catalog::Conflict::FileExists)) => {}
                    outcome => return outcome,
                }
                let mut again = ChangeSet { changes: Vec::new(), ..set.clone() };
                for change in set.changes {
                    if let Change::Package(PackageChange::AddFile(file)) = &change {
                        again.changes.push(removal(file).into());
                    }
                    again.changes.push(change);
                }
                inner.commit(again).await
            })
        })
    };
    caught("a_file_name_is_taken_within_the_package", overwriting).await;
    caught("one_of_many_publishes_of_a_file_wins", overwriting).await;
}

#[tokio::test]
async fn a_catalogue_that_sweeps_without_looking_again_is_caught() {
    caught("a_touched_blob_is_neither_condemned_nor_doomed", || {
        Box::new(|inner, mut set| {
            Box::pin(async move {
                let rows = inner.blobs(proget_core::catalog::BlobWanted::All, None, 1000).await?;
                for change in &mut set.changes {
                    let Change::Blob(BlobChange::Condemn { id, touched } | BlobChange::Doom { id, touched }) =
                        change
                    else {
                        continue;
                    };
                    if let Some(row) = rows.iter().find(|row| row.id == *id) {
                        *touched = row.touched;
                    }
                }
                inner.commit(set).await
            })
        })
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_that_forgets_reservations_is_caught() {
    let hasty = |mut set: ChangeSet| {
        for change in &mut set.changes {
            if let Change::Blob(BlobChange::Reserve { hold, .. }) = change {
                *hold = Duration::ZERO;
            }
        }
        set
    };
    caught("a_longer_reservation_stays", || instead(hasty)).await;
    caught("a_reserved_blob_is_neither_condemned_nor_doomed", || instead(hasty)).await;
}
