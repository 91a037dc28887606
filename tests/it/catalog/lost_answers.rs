//! A COMMIT whose answer is lost: it happened, it did not, or nobody can say; never twice.

use anyhow::{bail, ensure};
use proget_core::catalog::{BlobChange, Catalog as _, CatalogError, Journal as _, Packages as _};
use proget_core::conformance::sample::{self, set};
use proget_tests::Outcome;

use super::place::{
    Kind, LONG, Place, create_feed, on_every_server, open, publication, publish, reserve_for,
};
use super::proxy::{Mood, Proxy};

on_every_server!(
    a_commit_whose_answer_is_lost_has_happened_once,
    a_commit_that_never_arrived_is_repeated_and_happens_once,
    without_a_journal_entry_nobody_can_say,
    a_connection_that_is_killed_before_the_commit_costs_nothing,
);

/// Publishes through a network in that mood, and looks at what is there from elsewhere.
async fn published_once(kind: Kind, mood: Mood) -> Outcome {
    let place = Place::fresh(kind).await?;
    let elsewhere = place.open().await?;
    let feed = create_feed(&elsewhere, "f").await?;
    let blob = reserve_for(&elsewhere, "b", LONG).await?;
    let proxy = Proxy::before(&place.url).await?;
    let catalog = open(&proxy.url).await?;
    proxy.set(mood);
    let publish = publication(&feed, sample::new_file(feed.id, "p", "1.0", "b", &blob));
    let id = publish.id;
    let committed = catalog.commit(publish).await?;
    ensure!(proxy.is_fair(), "the commit did not meet the bad weather");
    ensure!(committed.change == id);
    ensure!(elsewhere.entry(id).await?.is_some(), "the journal must know an acknowledged commit");
    let rows = elsewhere.rows(feed.id, &sample::name("p")).await?;
    let files: Vec<usize> =
        rows.iter().flat_map(|rows| &rows.versions).map(|version| version.files.len()).collect();
    ensure!(files == [1], "an acknowledged file is there, once: {files:?}");
    ensure!(place.number("SELECT COUNT(*) FROM journal").await? == 1, "one commit, one entry");
    Ok(())
}

async fn a_commit_whose_answer_is_lost_has_happened_once(kind: Kind) -> Outcome {
    published_once(kind, Mood::CutAfterCommit).await
}

async fn a_commit_that_never_arrived_is_repeated_and_happens_once(kind: Kind) -> Outcome {
    published_once(kind, Mood::CutBeforeCommit).await
}

async fn without_a_journal_entry_nobody_can_say(kind: Kind) -> Outcome {
    for mood in [Mood::CutAfterCommit, Mood::CutBeforeCommit] {
        let place = Place::fresh(kind).await?;
        let proxy = Proxy::before(&place.url).await?;
        let catalog = open(&proxy.url).await?;
        proxy.set(mood);
        let fresh = sample::blob_key("b");
        let reserve = BlobChange::Reserve { store: sample::store(), fresh, size: 1, hold: LONG };
        match catalog.commit(set().with(reserve.clone())).await {
            Err(error @ CatalogError::OutcomeUnknown { .. }) => ensure!(error.is_retryable()),
            other => bail!("{mood:?}: expected that the outcome is unknown, got {other:?}"),
        }
        // Such a set may be repeated, whatever happened to the first.
        let row = catalog.commit(set().with(reserve)).await?.reserved.remove(0);
        ensure!(row.key == fresh && row.reserved);
        ensure!(place.number("SELECT COUNT(*) FROM blobs").await? == 1);
    }
    Ok(())
}

async fn a_connection_that_is_killed_before_the_commit_costs_nothing(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    publish(&catalog, &feed, "p", "1.0").await?;
    // The last step of a publish has to wait, so the publish stands with all its other work done.
    let other = place.other_process().await?;
    super::place::exec(&other, "UPDATE feed_stamps SET feed_id = feed_id").await?;
    let publishing = {
        let (catalog, feed) = (catalog.clone(), feed.clone());
        tokio::spawn(async move { publish(&catalog, &feed, "p", "2.0").await })
    };
    place.until_somebody_waits().await?;
    kill_who_waits(&place).await?;
    other.commit().await?;
    publishing.await??;
    let rows = catalog.rows(feed.id, &sample::name("p")).await?;
    ensure!(rows.is_some_and(|rows| rows.versions.len() == 2), "both versions are there");
    Ok(())
}

async fn kill_who_waits(place: &Place) -> Outcome {
    match place.kind {
        Kind::MariaDb => {
            let thread = place
                .number(
                    "SELECT id FROM information_schema.processlist WHERE db = DATABASE() \
                     AND command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND time_ms > 300",
                )
                .await?;
            let raw = place.other_process().await?;
            super::place::exec(&raw, &format!("KILL {thread}")).await?;
        }
        _ => {
            place
                .number(
                    "SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .await?;
        }
    }
    Ok(())
}
