//! Nodes that leave, come, are drained and are restarted in order: roles move at once, and clients
//! notice nothing at all.

use std::time::Instant;

use anyhow::ensure;
use proget_tests::{Outcome, SOON, cluster, eventually};
use reqwest::Method;
use serde_json::Value;

use super::house::{Bring, GRACE, House, Kind};

pub(super) async fn whoever_leaves_joins_or_drains_in_order_costs_no_request(kind: Kind) -> Outcome {
    let mut house = House::open(kind, Bring::HighAvailability).await?;
    the_primary_is_stopped(&mut house).await?;
    a_fourth_joins(&mut house).await?;
    the_primary_is_drained_and_resumed(&mut house).await?;
    all_are_restarted(&mut house).await?;
    house.close().await
}

async fn the_primary_is_stopped(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let other = house.cluster.other_than(&[&primary])?;
    let asked = Instant::now();
    let House { cluster, catalog, .. } = &mut *house;
    let node = cluster.node_mut(&primary)?;
    // Beside each other: the hand-over is timed from outside while the process still ends.
    let moved = eventually("another node has planted its fence", SOON, || async {
        let now = proget_core::catalog::Instance::fence(catalog, proget_core::catalog::Role::PRIMARY).await?;
        ensure!(now.is_some_and(|now| now.term > before.term), "not yet: {now:?}");
        Ok(asked.elapsed())
    });
    let (took, ()) = tokio::try_join!(moved, node.stop())?;
    println!("{primary}, primary, was stopped with a grace of {GRACE:?}: another had planted after {took:?}");
    house.handed_over(before).await?;
    let status = house.cluster.status(&other).await?;
    ensure!(cluster::node(&status, &primary).is_none(), "{primary} ended and is in the roster");
    house.is_whole("the primary was stopped").await?;
    house.nothing_failed("the primary was stopped")?;
    house.cluster.bring_back(&[&primary]).await?;
    house.is_whole("it came back").await?;
    house.nothing_failed("it came back")
}

async fn a_fourth_joins(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    house.cluster.add(&["d"]).await?;
    house.load.know(&house.cluster);
    house
        .cluster
        .until("a", "the fourth node takes part", |status| {
            cluster::node(status, "d")
                .is_some_and(|node| node.phase == "serving" && node.service == "running")
        })
        .await?;
    house.is_whole("a fourth node joined").await?;
    house.nothing_failed("a fourth node joined")?;
    house.keeps_the_role(before).await?;
    Ok(())
}

async fn the_primary_is_drained_and_resumed(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let other = house.cluster.other_than(&[&primary])?;
    let asked = Instant::now();
    let order = async |house: &House, what: &str| {
        let path = format!("nodes/{primary}/{what}");
        house.cluster.order(&other, Method::POST, &path, Value::Null).await?.done()
    };
    order(house, "drain").await?;
    let took = house.succession(before, asked).await?;
    println!("{primary}, primary, was drained: another had planted after {took:?}");
    house.handed_over(before).await?;
    readiness(house, &primary, 503).await?;
    let status = house.cluster.until(&other, "the node says that it drains", |status| {
        cluster::node(status, &primary)
            .is_some_and(|node| node.phase == "draining" && node.service != "running")
    });
    status.await?;
    house.is_whole("the primary was drained").await?;
    house.nothing_failed("the primary was drained")?;
    order(house, "resume").await?;
    readiness(house, &primary, 200).await?;
    let status = house.cluster.until(&other, "the node takes part again", |status| {
        cluster::node(status, &primary)
            .is_some_and(|node| node.phase == "serving" && node.service == "running")
    });
    status.await?;
    house.is_whole("it was resumed").await?;
    house.nothing_failed("it was resumed")
}

/// Waits until a node's readiness is answered so.
pub(super) async fn readiness(house: &House, node: &str, expected: u16) -> Outcome {
    let node = house.cluster.node(node)?;
    let url = format!("{}/health/ready", node.url());
    eventually("readiness is as it should be", SOON, || async {
        let answer = node.http().get(&url).send().await?;
        let status = answer.status().as_u16();
        ensure!(status == expected, "{status}: {}", answer.text().await?);
        Ok(())
    })
    .await
}

async fn all_are_restarted(house: &mut House) -> Outcome {
    for node in house.cluster.running() {
        house.cluster.node_mut(&node)?.restart().await?;
        house.load.goes_on().await?;
        house.nothing_failed(&format!("{node} was restarted"))?;
    }
    house.is_whole("all were restarted one by one").await?;
    house.nothing_failed("all were restarted one by one")
}
