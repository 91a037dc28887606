//! Nodes that are cut off: from the database, in silence and with a bang, and from the package store.

use std::time::Instant;

use anyhow::ensure;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, Package, Passage, SOON, cluster, eventually};

use super::house::{House, Kind};
use super::orderly::readiness;
use super::wires::{Wires, wired};

pub(super) async fn who_is_cut_off_gives_way_and_comes_back(kind: Kind) -> Outcome {
    let (house, wires) = wired(&kind.database().await?).await?;
    // Bytes that were on their way arrive when it heals, or never.
    for passage in [Passage::Held, Passage::Cut] {
        from_the_database(&house, &wires, passage).await?;
    }
    from_the_store(&house, &wires).await?;
    house.close().await
}

async fn from_the_database(house: &House, wires: &Wires, passage: Passage) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let other = house.cluster.other_than(&[&primary])?;
    let begun = Instant::now();
    wires.set(&primary, passage)?;
    let took = house.succession(before, begun).await?;
    println!("{primary}, primary, was cut off ({passage:?}): another had planted after {took:?}");
    let after = house.settled().await?;
    readiness(house, &primary, 503).await?;
    house.load.goes_on().await?;
    ensure!(!house.may_write(before).await?, "who was cut off may still write as primary");
    wires.set(&primary, Passage::Open)?;
    let healed = Instant::now();
    readiness(house, &primary, 200).await?;
    println!("{primary} was ready {:?} after it healed", healed.elapsed());
    house
        .cluster
        .until(&other, "it takes part again", |status| {
            let back = cluster::node(status, &primary);
            back.is_some_and(|node| {
                node.standing == "fresh" && node.roles.is_empty() && node.service == "running"
            })
        })
        .await?;
    ensure!(!house.may_write(before).await?, "who was cut off may write again as primary");
    house.is_whole("a primary was cut off from the database").await?;
    house.keeps_the_role(after).await?;
    Ok(())
}

async fn from_the_store(house: &House, wires: &Wires) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let away = house.cluster.other_than(&[&primary])?;
    wires.detach(&away)?;
    let lost = Instant::now();
    // It need not have been noticed for nothing to be acknowledged that is not in the store.
    let (status, said) = publish(house, &away).await?;
    ensure!(status == 503, "without the store a publish was answered {status}: {said}");
    let told = |problem: bool| {
        let away = away.clone();
        move |status: &proget_cluster::node::status::ClusterStatus| {
            cluster::node(status, &away).is_some_and(|node| node.store_problem.is_some() == problem)
        }
    };
    house.cluster.until(&primary, "who is without the store says so", told(true)).await?;
    println!("{away} lost the store: the cluster knew it after {:?}", lost.elapsed());
    readiness(house, &away, 503).await?;
    let (status, said) = publish(house, &away).await?;
    ensure!(status == 503, "who is known to be without the store answered a publish {status}: {said}");
    // Nothing is gone for good only because one node does not see it.
    let missed = house.load.any_download(&house.cluster, &away).await?;
    ensure!(missed == 503, "without the store a download was answered {missed}");
    house.load.goes_on().await?;
    wires.reattach(&away)?;
    house.cluster.until(&primary, "who has the store again says so", told(false)).await?;
    readiness(house, &away, 200).await?;
    house.is_whole("a node was cut off from the store").await?;
    house.keeps_the_role(before).await?;
    Ok(())
}

/// Sends a package to one node; what it answers.
async fn publish(house: &House, node: &str) -> Outcome<(u16, String)> {
    let node = house.cluster.node(node)?;
    let registry = format!("{}/npm/internal/", node.url());
    let package = Package::new("unwelcome", "1.0.0").file("index.js", "// nowhere to put it");
    let document = package.publish_document(&registry)?;
    let put = || async {
        let put = node.http().put(format!("{registry}unwelcome")).bearer_auth(ADMIN_KEY).json(&document);
        let answer = put.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    eventually("a publish is answered", SOON, put).await
}
