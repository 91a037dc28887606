//! Publishing different packages into one feed must not queue on one row.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use proget_core::catalog::{Catalog as _, StampOf, Stamps as _};
use proget_core::conformance::sample;
use proget_tests::{Outcome, SOON, eventually};

use super::place::{
    Kind, LONG, Place, create_feed, on_every_server, open, publication, publish, reserve_for,
};
use super::proxy::{Mood, Proxy};

on_every_server!(
    fifteen_packages_are_published_past_one_that_stands_still,
    a_feed_is_deleted_only_between_publishes,
);

/// A publish stands still with everything done but its COMMIT, so it holds every lock that a publish
/// ever holds. Fifteen other packages, whose slots of the feed's stamp are the fifteen others, must
/// not notice.
async fn fifteen_packages_are_published_past_one_that_stands_still(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let awake = place.open().await?;
    let feed = create_feed(&awake, "f").await?;
    let blob = reserve_for(&awake, "b", LONG).await?;
    let proxy = Proxy::before(&place.url).await?;
    let sleeper = open(&proxy.url).await?;
    proxy.set(Mood::FreezeBeforeCommit);
    let frozen = publication(&feed, sample::new_file(feed.id, "p00", "1.0", "b", &blob));
    let sleeping = tokio::spawn(async move { sleeper.commit(frozen).await });
    eventually("the first publish stands still", SOON, || async {
        if proxy.is_fair() { Ok(()) } else { bail!("not yet") }
    })
    .await?;
    let frozen_at = Instant::now();
    let publishing = (1..16).map(|number| {
        let (awake, feed) = (awake.clone(), feed.clone());
        tokio::spawn(async move { publish(&awake, &feed, &format!("p{number:02}"), "1.0").await })
    });
    for publish in publishing.collect::<Vec<_>>() {
        publish.await??;
    }
    // Well before the database ends the frozen transaction, which would let everybody pass.
    ensure!(!sleeping.is_finished(), "the first publish did not stand still");
    ensure!(frozen_at.elapsed() < Duration::from_millis(3500), "they waited: {:?}", frozen_at.elapsed());
    ensure!(awake.stamps(&[StampOf::Content(feed.id)]).await?[0].is_some());
    sleeping.abort();
    Ok(())
}

async fn a_feed_is_deleted_only_between_publishes(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    let publishing = (0..16).map(|number| {
        let (catalog, feed) = (catalog.clone(), feed.clone());
        tokio::spawn(async move { publish(&catalog, &feed, &format!("p{number:02}"), "1.0").await })
    });
    let publishing: Vec<_> = publishing.collect();
    let deleted = catalog.commit(sample::set().with(proget_core::catalog::FeedChange::Delete(feed.id))).await;
    for publish in publishing {
        match publish.await? {
            Ok(_) => {}
            Err(proget_core::catalog::CatalogError::Conflict(
                proget_core::catalog::Conflict::FeedChanged,
            )) => {}
            Err(error) => bail!("a publish into a feed that goes away: {error:?}"),
        }
    }
    deleted?;
    for table in ["packages", "versions", "files", "tags", "feed_stamps", "feed_names"] {
        let left = place.number(&format!("SELECT COUNT(*) FROM {table}")).await?;
        ensure!(left == 0, "{left} rows of {table} outlived their feed");
    }
    Ok(())
}
