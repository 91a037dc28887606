//! Every race between a sweep and a publish, decided in both orders.
//!
//! One side is played by hand, statement by statement as the catalogue would send them, and stops
//! with its transaction open. The other side is the catalogue; it has to wait, and then to see what
//! happened.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use proget_core::catalog::{
    BlobChange, BlobRow, BlobState, Blobs as _, Catalog as _, CatalogError, ChangeSet, Committed, Conflict,
};
use proget_core::conformance::sample::{self, set};
use proget_storage::sql::SqlCatalog;
use proget_tests::Outcome;

use super::place::{
    Kind, LONG, Place, abandoned_blob, create_feed, exec, on_every_database, plant, publication, publish,
};

on_every_database!(
    a_reservation_before_the_doom_saves_the_blob,
    a_reservation_after_the_doom_gets_another_key,
    a_publish_after_the_doom_is_told_that_the_blob_is_gone,
    a_reference_that_nobody_announced_still_stops_the_doom,
    a_reservation_before_the_condemnation_saves_the_blob,
    a_reservation_after_the_condemnation_revives_the_blob,
    a_publish_after_the_condemnation_revives_the_blob,
    a_stray_and_a_new_reservation_of_its_digest_are_not_in_each_others_way,
    two_processes_that_reserve_one_digest_get_one_key,
);

pub(super) type Answer = Result<Committed, CatalogError>;

/// Commits while `first` is open; `first` ends when the commit is seen to wait.
pub(super) async fn meanwhile(
    place: &Place,
    first: sea_orm::DatabaseTransaction,
    catalog: &Arc<SqlCatalog>,
    second: ChangeSet,
) -> Outcome<Answer> {
    let catalog = catalog.clone();
    let answer = tokio::spawn(async move { catalog.commit(second).await });
    place.until_somebody_waits().await?;
    ensure!(!answer.is_finished(), "the commit did not wait for the other transaction");
    first.commit().await?;
    Ok(answer.await?)
}

pub(super) fn conflict(answer: Answer, expected: Conflict) -> Outcome {
    match answer {
        Err(CatalogError::Conflict(found)) if found == expected => Ok(()),
        other => bail!("expected {expected:?}, got {other:?}"),
    }
}

async fn blob_of(catalog: &SqlCatalog, blob: &BlobRow) -> Outcome<BlobRow> {
    catalog.blob(&blob.store, &blob.key.digest).await?.context("the blob's row is gone")
}

fn reservation(bytes: &str) -> (BlobChange, proget_core::blob::BlobKey) {
    let fresh = sample::blob_key(bytes);
    (BlobChange::Reserve { store: sample::store(), fresh, size: bytes.len() as u64, hold: LONG }, fresh)
}

async fn a_reservation_before_the_doom_saves_the_blob(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let (blob, fence) = (abandoned_blob(&catalog, "b").await?, plant(&catalog, 1).await?);
    let other = place.other_process().await?;
    exec(&other, &format!("UPDATE blobs SET touched = touched + 1 WHERE id = {}", blob.id)).await?;
    let doom = BlobChange::Doom { id: blob.id, touched: blob.touched };
    let answer = meanwhile(&place, other, &catalog, set().fenced(fence).with(doom)).await?;
    conflict(answer, Conflict::BlobTouched)?;
    ensure!(blob_of(&catalog, &blob).await?.key == blob.key);
    Ok(())
}

async fn a_reservation_after_the_doom_gets_another_key(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let blob = abandoned_blob(&catalog, "b").await?;
    let other = place.other_process().await?;
    doom_by_hand(&other, &blob).await?;
    let (reserve, fresh) = reservation("b");
    let committed = meanwhile(&place, other, &catalog, set().with(reserve)).await??;
    let row = committed.reserved.first().context("the row of the reservation")?;
    ensure!(row.key == fresh && row.key != blob.key, "a doomed key must not come back");
    ensure!(row.state == BlobState::Arriving && row.reserved);
    let doomed = catalog.doomed(&blob.store, Duration::ZERO, 10).await?;
    ensure!(doomed.len() == 1 && doomed[0].key == blob.key, "{doomed:?}");
    Ok(())
}

async fn a_publish_after_the_doom_is_told_that_the_blob_is_gone(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    let blob = abandoned_blob(&catalog, "b").await?;
    let other = place.other_process().await?;
    doom_by_hand(&other, &blob).await?;
    let publish = publication(&feed, sample::new_file(feed.id, "p", "1.0", "b", &blob));
    let answer = meanwhile(&place, other, &catalog, publish).await?;
    conflict(answer, Conflict::BlobGone)?;
    ensure!(place.number("SELECT COUNT(*) FROM packages").await? == 0, "the refused publish left a package");
    Ok(())
}

async fn doom_by_hand(other: &sea_orm::DatabaseTransaction, blob: &BlobRow) -> Outcome {
    let doom = "INSERT INTO doomed (store, digest, generation, since, term) \
                SELECT store, digest, generation, 0, 1 FROM blobs";
    ensure!(exec(other, &format!("{doom} WHERE id = {}", blob.id)).await? == 1);
    ensure!(exec(other, &format!("DELETE FROM blobs WHERE id = {}", blob.id)).await? == 1);
    Ok(())
}

async fn a_reference_that_nobody_announced_still_stops_the_doom(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    publish(&catalog, &feed, "p", "1.0").await?;
    let (blob, fence) = (abandoned_blob(&catalog, "b").await?, plant(&catalog, 1).await?);
    // A row that refers to the blob, by a writer that forgot to touch it.
    let other = place.other_process().await?;
    let sql = "INSERT INTO files (version_id, package_id, name, blob_id, size, sha256, published, fragment) \
               SELECT version_id, package_id, 'second.tgz', ";
    let sql = format!("{sql} {}, size, sha256, published, fragment FROM files", blob.id);
    ensure!(exec(&other, &sql).await? == 1);
    let doom = BlobChange::Doom { id: blob.id, touched: blob.touched };
    let answer = meanwhile(&place, other, &catalog, set().fenced(fence).with(doom)).await?;
    conflict(answer, Conflict::BlobTouched)?;
    ensure!(blob_of(&catalog, &blob).await?.references == 1);
    ensure!(catalog.doomed(&blob.store, Duration::ZERO, 10).await?.is_empty(), "a half of the doom was kept");
    Ok(())
}

/// A live blob that nothing refers to: its only version has been removed.
async fn unreferenced_blob(place: &Place, catalog: &SqlCatalog) -> Outcome<BlobRow> {
    let blob = abandoned_blob(catalog, "b").await?;
    let raw = place.other_process().await?;
    exec(&raw, &format!("UPDATE blobs SET state = 1 WHERE id = {}", blob.id)).await?;
    raw.commit().await?;
    blob_of(catalog, &blob).await
}

async fn a_reservation_before_the_condemnation_saves_the_blob(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let (blob, fence) = (unreferenced_blob(&place, &catalog).await?, plant(&catalog, 1).await?);
    let other = place.other_process().await?;
    exec(&other, &format!("UPDATE blobs SET touched = touched + 1 WHERE id = {}", blob.id)).await?;
    let condemn = BlobChange::Condemn { id: blob.id, touched: blob.touched };
    let answer = meanwhile(&place, other, &catalog, set().fenced(fence).with(condemn)).await?;
    conflict(answer, Conflict::BlobTouched)?;
    ensure!(blob_of(&catalog, &blob).await?.state == BlobState::Live);
    Ok(())
}

async fn a_reservation_after_the_condemnation_revives_the_blob(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let blob = unreferenced_blob(&place, &catalog).await?;
    let other = place.other_process().await?;
    exec(&other, &format!("UPDATE blobs SET state = 2 WHERE id = {}", blob.id)).await?;
    let (reserve, _) = reservation("b");
    let committed = meanwhile(&place, other, &catalog, set().with(reserve)).await??;
    let row = committed.reserved.first().context("the row of the reservation")?;
    ensure!(row.state == BlobState::Live && row.key == blob.key && row.touched > blob.touched, "{row:?}");
    Ok(())
}

async fn a_publish_after_the_condemnation_revives_the_blob(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    let blob = unreferenced_blob(&place, &catalog).await?;
    let other = place.other_process().await?;
    exec(&other, &format!("UPDATE blobs SET state = 2 WHERE id = {}", blob.id)).await?;
    let publish = publication(&feed, sample::new_file(feed.id, "p", "1.0", "b", &blob));
    meanwhile(&place, other, &catalog, publish).await??;
    let row = blob_of(&catalog, &blob).await?;
    ensure!(row.state == BlobState::Live && row.references == 1 && row.touched > blob.touched, "{row:?}");
    Ok(())
}

async fn a_stray_and_a_new_reservation_of_its_digest_are_not_in_each_others_way(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let fence = plant(&catalog, 1).await?;
    let stray = sample::blob_key("b");
    let doom = BlobChange::DoomStray { store: sample::store(), key: stray };
    let (reserve, fresh) = reservation("b");
    let both = tokio::join!(
        catalog.commit(set().fenced(fence).with(doom.clone())),
        catalog.commit(set().with(reserve)),
    );
    both.0?;
    let row = both.1?.reserved.into_iter().next().context("the row of the reservation")?;
    ensure!(row.key == fresh && row.key != stray);
    // The key that a row names is no stray, whoever says so.
    let doom = BlobChange::DoomStray { store: sample::store(), key: row.key };
    conflict(catalog.commit(set().fenced(fence).with(doom)).await, Conflict::BlobTouched)?;
    ensure!(catalog.strays(&sample::store(), &[stray, fresh]).await?.is_empty());
    Ok(())
}

async fn two_processes_that_reserve_one_digest_get_one_key(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let processes = place.open_many(4).await?;
    for round in 0..5 {
        let bytes = format!("round {round}");
        let reserve = |number: usize| {
            let (catalog, (reserve, _)) = (processes[number % processes.len()].clone(), reservation(&bytes));
            tokio::spawn(async move { catalog.commit(set().with(reserve)).await })
        };
        let mut rows = Vec::new();
        for answer in (0..16).map(reserve).collect::<Vec<_>>() {
            rows.extend(answer.await??.reserved);
        }
        ensure!(rows.len() == 16 && rows.iter().all(|row| (row.id, row.key) == (rows[0].id, rows[0].key)));
        let last = blob_of(&processes[0], &rows[0]).await?;
        ensure!(last.touched == 16, "each reservation counts once: {}", last.touched);
    }
    Ok(())
}
