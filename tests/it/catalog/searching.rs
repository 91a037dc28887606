//! Searching with an index on grams: it is filled for what was there before it, it forgets what is
//! deleted, and whoever searches leaves connections to everybody else.

use anyhow::{Context as _, ensure};
use proget_core::catalog::{
    Catalog as _, FeedChange, Feeds as _, PackageChange, Packages as _, PageRequest, Search,
};
use proget_core::conformance::sample::{self, set};
use proget_core::feed::Feed;
use proget_storage::sql::SqlCatalog;
use proget_tests::Outcome;
use tokio::task::JoinSet;

use super::place::{Kind, LONG, Place, create_feed, exec, open_patient, publish, reserve_for};

/// More packages than are walked through before the index is asked.
const MANY: usize = 100;

/// A feed of packages that are all called `hay-…`, made in one change.
async fn haystack(catalog: &SqlCatalog) -> Outcome<Feed> {
    let feed = create_feed(catalog, "npm").await?;
    let blob = reserve_for(catalog, "hay", LONG).await?;
    let mut all = set();
    for number in 0..MANY {
        let file = sample::new_file(feed.id, &format!("hay-{number:03}"), "1.0.0", "hay", &blob);
        all = all.with(PackageChange::AddFile(Box::new(file)));
    }
    catalog.commit(all).await?;
    Ok(feed)
}

async fn found(catalog: &SqlCatalog, feed: &Feed, word: &str) -> Outcome<Vec<String>> {
    let search = Search { text: vec![word.into()], ..Search::default() };
    let page = catalog.search(feed.id, &search, &PageRequest::first(20)).await?;
    Ok(page.rows.iter().map(|found| found.package.name.to_string()).collect())
}

async fn what_was_there_before_the_index_is_found(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = haystack(&catalog).await?;
    publish(&catalog, &feed, "needle", "1.0.0").await?;
    catalog.close().await;
    drop(catalog);
    // As the step before left it.
    let raw = place.other_process().await?;
    if kind == Kind::Sqlite {
        exec(&raw, "DROP TRIGGER search_grams_of_deleted").await?;
    }
    exec(&raw, "DROP TABLE search_grams").await?;
    exec(&raw, "DELETE FROM schema_steps WHERE number = 3").await?;
    raw.commit().await?;

    let catalog = place.open().await?;
    let indexed = place.number("SELECT COUNT(*) FROM search_grams").await?;
    ensure!(usize::try_from(indexed)? == MANY + 1, "{indexed} packages are in the index");
    ensure!(found(&catalog, &feed, "needle").await? == ["needle"]);
    publish(&catalog, &feed, "thimble", "1.0.0").await?;
    ensure!(found(&catalog, &feed, "thimble").await? == ["thimble"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_the_index_is_found_on_sqlite() -> Outcome {
    what_was_there_before_the_index_is_found(Kind::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_the_index_is_found_on_postgres() -> Outcome {
    what_was_there_before_the_index_is_found(Kind::Postgres).await
}

async fn packages_that_go_leave_nothing_in_the_index(kind: Kind) -> Outcome {
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let feed = haystack(&catalog).await?;
    let remove = PackageChange::RemovePackage(feed.id, sample::name("hay-007"));
    catalog.commit(set().with(remove)).await?;
    let indexed = place.number("SELECT COUNT(*) FROM search_grams").await?;
    ensure!(usize::try_from(indexed)? == MANY - 1, "{indexed} packages are in the index");
    catalog.commit(set().with(FeedChange::Delete(feed.id))).await?;
    let indexed = place.number("SELECT COUNT(*) FROM search_grams").await?;
    ensure!(indexed == 0, "{indexed} packages are left in the index");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_that_go_leave_nothing_in_the_index_on_sqlite() -> Outcome {
    packages_that_go_leave_nothing_in_the_index(Kind::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_that_go_leave_nothing_in_the_index_on_postgres() -> Outcome {
    packages_that_go_leave_nothing_in_the_index(Kind::Postgres).await
}

/// Searches that take long are made by a lock on a table that only they read here.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_searches_leaves_connections_to_everybody_else() -> Outcome {
    let place = Place::fresh(Kind::Postgres).await?;
    let catalog = open_patient(&place.url).await?;
    let feed = create_feed(&catalog, "npm").await?;
    publish(&catalog, &feed, "needle", "1.0.0").await?;
    let raw = place.other_process().await?;
    exec(&raw, "LOCK TABLE versions IN ACCESS EXCLUSIVE MODE").await?;
    let mut searches = JoinSet::new();
    for _ in 0..40 {
        let (catalog, feed) = (catalog.clone(), feed.clone());
        searches.spawn(async move { found(&catalog, &feed, "needle").await.map(drop) });
    }
    place.until_somebody_waits().await?;
    // Whoever gets no connection gives up long before the searches do.
    let others = catalog.feed(&sample::feed_name("npm")).await;
    ensure!(others.context("a feed was not read while others searched")?.is_some());
    ensure!(place.until_somebody_waits().await.is_ok(), "the searches do not wait any more");
    raw.rollback().await?;
    while searches.join_next().await.is_some() {}
    ensure!(found(&catalog, &feed, "needle").await? == ["needle"]);
    Ok(())
}
