//! Publishing different packages into one feed must not queue on one row.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use proget_core::access::Rights;
use proget_core::catalog::{
    AccountChange, Accounts as _, Catalog as _, FeedChange, KeyHash, KeyKind, NewKey, StampOf, Stamps as _,
};
use proget_core::conformance::sample;
use proget_core::feed::FeedSettings;
use proget_tests::{Outcome, SOON, eventually};

use super::place::{
    Kind, LONG, Place, create_feed, exec, on_every_database, on_every_server, open_patient, publication,
    publish, reserve_for,
};
use super::proxy::{Mood, Proxy};

on_every_database!(a_feed_with_many_packages_is_deleted_whole_and_alone);
on_every_server!(
    a_key_and_a_feed_in_constant_use_can_be_changed,
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
    let sleeper = open_patient(&proxy.url).await?;
    proxy.set(Mood::FreezeBeforeCommit);
    let frozen = publication(&feed, sample::new_file(feed.id, "p00", "1.0", "b", &blob));
    let sleeping = tokio::spawn(async move { sleeper.commit(frozen).await });
    eventually("the first publish stands still", SOON, || async {
        if proxy.is_fair() { Ok(()) } else { bail!("not yet") }
    })
    .await?;
    let publishing = (1..16).map(|number| {
        let (awake, feed) = (awake.clone(), feed.clone());
        tokio::spawn(async move { publish(&awake, &feed, &format!("p{number:02}"), "1.0").await })
    });
    for publish in publishing.collect::<Vec<_>>() {
        publish.await??;
    }
    // Whoever had waited for its locks would have given up.
    ensure!(!sleeping.is_finished(), "the first publish did not stand still");
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
    let deleted = catalog.commit(sample::set().with(FeedChange::Delete(feed.id))).await;
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

/// Publishes overlap all the time, each holding its key's and its feed's row by a shared lock, and
/// still the key can be revoked and the feed be changed: those who come later wait behind that.
async fn a_key_and_a_feed_in_constant_use_can_be_changed(kind: Kind) -> Outcome {
    let place = Arc::new(Place::fresh(kind).await?);
    let catalog = place.open().await?;
    let feed = create_feed(&catalog, "f").await?;
    let hash = KeyHash::of("in constant use");
    catalog.commit(sample::set().with(AccountChange::CreateKey(key(hash)))).await?;
    let key = catalog.key(&hash).await?.context("the key that was made")?;
    let (share, begun) = (if kind == Kind::Postgres { "FOR SHARE" } else { "LOCK IN SHARE MODE" }, 6);
    let using = Arc::new(tokio::sync::Semaphore::new(0));
    let mut users = tokio::task::JoinSet::new();
    for number in 0..begun {
        let (place, using) = (place.clone(), using.clone());
        users.spawn(async move {
            // Never together, so that there is no moment between two of them.
            tokio::time::sleep(Duration::from_millis(50 * number)).await;
            loop {
                let publish = place.other_process().await?;
                exec(&publish, &format!("SELECT 1 FROM feeds {share}")).await?;
                exec(&publish, &format!("SELECT 1 FROM api_keys {share}")).await?;
                using.add_permits(1);
                tokio::time::sleep(Duration::from_millis(300)).await;
                publish.commit().await?;
            }
            #[expect(unreachable_code, reason = "tells the type of the task's outcome")]
            Outcome::Ok(())
        });
    }
    using.acquire_many(2 * u32::try_from(begun)?).await?.forget();
    catalog.commit(sample::set().with(AccountChange::RevokeKey(key.id))).await.context("revoking the key")?;
    ensure!(catalog.key(&hash).await?.is_none());
    let update = FeedChange::Update { id: feed.id, name: feed.name, settings: FeedSettings::default() };
    catalog.commit(sample::set().with(update)).await.context("changing the feed")?;
    users.shutdown().await;
    Ok(())
}

fn key(hash: KeyHash) -> NewKey {
    NewKey {
        kind: KeyKind::System,
        hash,
        hint: String::new(),
        display_name: String::new(),
        description: String::new(),
        rights: Rights::default(),
        user: None,
        expires: None,
    }
}

/// More packages than one statement of the deletion takes.
async fn a_feed_with_many_packages_is_deleted_whole_and_alone(kind: Kind) -> Outcome {
    const MANY: usize = 230;
    let place = Place::fresh(kind).await?;
    let catalog = place.open().await?;
    let (gone, kept) = (create_feed(&catalog, "gone").await?, create_feed(&catalog, "kept").await?);
    publish(&catalog, &kept, "p", "1.0").await?;
    let publishing = (0..8).map(|worker| {
        let (catalog, gone) = (catalog.clone(), gone.clone());
        tokio::spawn(async move {
            for number in (worker..MANY).step_by(8) {
                publish(&catalog, &gone, &format!("p{number}"), "1.0").await?;
            }
            Outcome::Ok(())
        })
    });
    for worker in publishing.collect::<Vec<_>>() {
        worker.await??;
    }
    ensure!(place.number("SELECT COUNT(*) FROM packages").await? == 1 + i64::try_from(MANY)?);
    catalog.commit(sample::set().with(FeedChange::Delete(gone.id))).await?;
    for table in ["feeds", "feed_names", "packages", "versions", "files"] {
        let left = place.number(&format!("SELECT COUNT(*) FROM {table}")).await?;
        ensure!(left == 1, "{left} rows of {table} are left");
    }
    Ok(())
}
