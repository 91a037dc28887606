//! The database's primary dies and its standby is promoted, with real nodes on both: once with commits that
//! wait for the standby, and nothing acknowledged is lost (P1); once with a standby that has not received
//! the last of them, a change of the primary among them, and what is left is whole and nobody acts twice.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use proget_core::catalog::{Catalog as _, Fence, Instance as _, Role};
use proget_storage::sql::{Migrate, SqlCatalog, SqlOptions};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cluster, Database, Outcome, Package, Postgres, SOON, eventually};
use reqwest::Method;
use serde_json::Value;

use super::history::History;
use super::house::{GRACE, House};
use super::orderly::readiness;
use super::witness;

const NODES: [&str; 3] = ["a", "b", "c"];

/// Two servers, and a house whose nodes know both; it looks at the first itself.
async fn open(primary: &Postgres, standby: &Postgres) -> Outcome<(House, Database)> {
    let database = primary.database().await?;
    // The standby first: the order of an address decides nothing.
    let both = standby.and(primary, &standby.here(primary, &database));
    let cluster = Cluster::new(&both, &format!("{}s", GRACE.as_secs()))?;
    let house = House::built(&database, cluster).await?;
    Ok((house, standby.here(primary, &database)))
}

/// From the death of one to the readiness of all nodes on the other.
async fn fail_over(house: &House, primary: &mut Postgres, standby: &Postgres) -> Outcome {
    primary.kill().await?;
    for node in NODES {
        readiness(house, node, 503).await?;
    }
    let promoted = Instant::now();
    standby.promote().await?;
    for node in NODES {
        readiness(house, node, 200).await?;
    }
    println!("all nodes were ready {:?} after the standby was promoted", promoted.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_has_everything_is_promoted_and_nothing_is_lost() -> Outcome {
    let mut primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    primary.commit_on_both().await?;
    let (house, database) = open(&primary, &standby).await?;
    fail_over(&house, &mut primary, &standby).await?;
    house.is_whole("the standby was promoted").await?;
    house
        .cluster
        .until("a", "one is primary and all are here", |status| {
            status.primary.is_some() && status.nodes.iter().all(|node| node.standing == "fresh")
        })
        .await?;
    let House { cluster, load, .. } = house;
    let seen = load.finish(&cluster, &cluster.running()).await?;
    // Jobs that were under way when the database died run to their end.
    let history = eventually("the history is as promised", SOON * 3, || async {
        let mut history = seen.clone();
        witness::testimony(&database, &mut history).await?;
        let objections = history.objections();
        ensure!(objections.is_empty(), "{objections:#?}");
        Ok(history)
    });
    let judged = history.await?;
    ensure!(!judged.fencing.is_empty() && !judged.publishes.is_empty(), "there was nothing to judge");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_lacks_the_last_commits_is_promoted_and_what_is_left_is_whole() -> Outcome {
    let mut primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    let (house, database) = open(&primary, &standby).await?;
    house.is_whole("all was well").await?;
    standby.stop_receiving().await?;
    house.load.goes_on().await?;
    // The last change of the primary is lost too: term, plant and all.
    let old = house.fence().await?;
    let leader = house.primary("a").await?;
    let other = house.cluster.other_than(&[&leader])?;
    let path = format!("nodes/{leader}/drain");
    house.cluster.order(&other, Method::POST, &path, Value::Null).await?.done()?;
    house.succession(old, Instant::now()).await?;
    let lost = house.fence().await?;
    let House { cluster, catalog, load, .. } = house;
    let acknowledged = load.finish(&cluster, &cluster.running()).await?;
    drop(catalog);

    primary.kill().await?;
    standby.promote().await?;
    let options = SqlOptions { migrate: Migrate::Never, writers: 1, readers: 1, ..SqlOptions::default() };
    let catalog = eventually("the standby takes writes", SOON, || async {
        Ok(SqlCatalog::open(&database.url, options.clone()).await?)
    })
    .await?;
    for node in NODES {
        publishes_again(&cluster, node).await?;
    }
    let settled = eventually("one is primary, and by a term of its own", SOON * 2, || async {
        let fence = catalog.fence(Role::PRIMARY).await?.context("no fence")?;
        ensure!(fence.term > old.term, "still {fence:?}; {lost:?} was lost");
        let status = cluster.status(&other).await?;
        let here = status.nodes.iter().any(|node| node.incarnation == fence.holder.to_string());
        ensure!(here && status.primary.is_some_and(|role| role.term == fence.term), "not yet {fence:?}");
        Ok(fence)
    });
    let settled = settled.await?;
    println!("{old:?}; {lost:?} was lost; then {settled:?}");
    for late in [old, lost].into_iter().filter(|late| *late != settled) {
        let fence = Fence { role: Role::PRIMARY, term: late.term, holder: late.holder };
        let set = proget_core::conformance::sample::set().fenced(fence);
        ensure!(catalog.commit(set).await.is_err(), "{late:?} still writes beside {settled:?}");
    }
    // What was acknowledged and lost is gone for everybody; what is left is whole.
    let mut history = History::default();
    witness::testimony(&database, &mut history).await?;
    let sent: std::collections::BTreeSet<_> =
        acknowledged.publishes.iter().map(|publish| publish.what.clone()).collect();
    let gone = sent.iter().filter(|what| !history.kept.contains_key(*what)).count();
    ensure!(gone > 0, "the standby has lost nothing: no test");
    println!("{gone} of {} publishes were lost with the database", sent.len());
    history.publishes = acknowledged
        .publishes
        .into_iter()
        .filter(|publish| history.kept.contains_key(&publish.what))
        .collect();
    history.kept.retain(|(name, _), _| !name.starts_with("after-"));
    let objections: Vec<String> = history
        .objections()
        .into_iter()
        // A job may be under way, or have been lost with its end.
        .filter(|objection| !objection.contains("did not run to its end"))
        .collect();
    ensure!(objections.is_empty(), "{objections:#?}");
    for node in NODES {
        for (name, version) in history.kept.keys() {
            let url = format!("{}/npm/internal/{name}/-/{name}-{version}.tgz", cluster.node(node)?.url());
            let get = cluster.node(node)?.http().get(url).bearer_auth(ADMIN_KEY).send().await?;
            ensure!(get.status().is_success(), "{name} {version} is kept; {node} says {}", get.status());
        }
    }
    Ok(())
}

async fn publishes_again(cluster: &Cluster, name: &str) -> Outcome {
    let node = cluster.node(name)?;
    let registry = format!("{}/npm/internal/", node.url());
    let package = format!("after-{name}");
    let document = Package::new(&package, "1.0.0").file("index.js", "").publish_document(&registry)?;
    eventually("publishes are taken again", SOON, || async {
        let put = node.http().put(format!("{registry}{package}")).bearer_auth(ADMIN_KEY).json(&document);
        let answer = put.send().await?;
        // Taken, with an answer that was lost, it is there.
        ensure!(answer.status().is_success() || answer.status().as_u16() == 409, "{}", answer.status());
        Ok(())
    })
    .await
}
