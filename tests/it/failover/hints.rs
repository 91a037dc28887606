//! Nodes that do not hear each other. Hints only bring looks forward: cut off from them, a cluster does all
//! that it does with them, and once they pass again they are given again, without anybody's help.
//!
//! The whole ring runs once more with every node behind a firewall ([`told`] demands whichever it is).

use std::time::Instant;

use anyhow::ensure;
use proget_cluster::messenger::{LinkStatus, MessengerStatus};
use proget_tests::{Cluster, Cutting, FIREWALLED, Outcome, Passage, SOON, eventually, free_port};
use reqwest::Method;
use serde_json::Value;

use super::house::{GRACE, House, Kind};

const NODES: [&str; 3] = ["a", "b", "c"];

pub(super) async fn who_does_not_hear_the_others_works_all_the_same(kind: Kind) -> Outcome {
    let database = kind.database().await?;
    let mut cluster = Cluster::new(&database, &format!("{}s", GRACE.as_secs()))?;
    let mut wires = Vec::new();
    for name in NODES {
        let endpoint = format!("tcp://127.0.0.1:{}", free_port()?);
        let wire = Cutting::before(&endpoint).await?;
        let published = wire.url().trim_start_matches("tcp://").to_owned();
        cluster.vary(name, |setup| {
            setup.env("PROGET_MESSENGER_ENDPOINT", endpoint).env("PROGET_MESSENGER_ADDRESS", published)
        });
        wires.push(wire);
    }
    let house = House::built(&database, cluster).await?;
    for passage in [Passage::Open, Passage::Cut, Passage::Open, Passage::Held, Passage::Open] {
        wires.iter().for_each(|wire| wire.set(passage));
        let (begun, passes) = (Instant::now(), passage == Passage::Open);
        for name in NODES {
            links(&house.cluster, name, passes).await?;
        }
        println!("hints between all, {passage:?}: told after {:?}", begun.elapsed());
        if passes {
            a_hint_is_heard(&house).await?;
        }
        the_primary_hands_over(&house, passage).await?;
        house.is_whole(&format!("hints were {passage:?}")).await?;
        house.nothing_failed(&format!("hints were {passage:?}"))?;
    }
    house.close().await
}

/// Demands that hints reach everybody from everybody, or nobody if this run is one behind a firewall.
pub(super) async fn told(cluster: &Cluster) -> Outcome {
    for name in cluster.running() {
        links(cluster, &name, std::env::var_os(FIREWALLED).is_none()).await?;
    }
    Ok(())
}

async fn messenger(cluster: &Cluster, through: &str) -> Outcome<MessengerStatus> {
    let status = cluster.status(through).await?;
    status.messenger.ok_or_else(|| anyhow::anyhow!("{through} has no messenger"))
}

async fn links(cluster: &Cluster, through: &str, pass: bool) -> Outcome {
    let others = cluster.running().len() - 1;
    eventually("hints pass, or do not, as they should", SOON * 2, || async {
        let told = messenger(cluster, through).await?;
        let fits = |link: LinkStatus| match link {
            LinkStatus::Connected => pass,
            LinkStatus::Away => !pass,
            // Behind a firewall the first call takes its time.
            LinkStatus::Calling => !pass && told.sent == 0,
            LinkStatus::OtherKey => false,
        };
        // Behind the firewall all publish one address.
        let known = told.peers.len() == others || !pass && !told.peers.is_empty();
        ensure!(known && told.peers.iter().all(|peer| fits(peer.link)), "{through} says {told:#?}");
        Ok(())
    })
    .await
}

/// Clients publish all the while, and each publish is told.
async fn a_hint_is_heard(house: &House) -> Outcome {
    let before = messenger(&house.cluster, "a").await?.heard;
    eventually("a hint is heard", SOON, || async {
        let heard = messenger(&house.cluster, "a").await?.heard;
        ensure!(heard > before, "{heard} as before");
        Ok(())
    })
    .await
}

async fn the_primary_hands_over(house: &House, passage: Passage) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let order = async |what: &str| {
        let path = format!("nodes/{primary}/{what}");
        house.cluster.order(&primary, Method::POST, &path, Value::Null).await?.done()
    };
    let asked = Instant::now();
    order("drain").await?;
    let took = house.succession(before, asked).await?;
    println!("hints {passage:?}: after a drain another had planted after {took:?}");
    house.handed_over(before).await?;
    order("resume").await?;
    let back = house.cluster.until(&primary, "the node takes part again", |status| {
        status.nodes.iter().all(|node| node.phase == "serving" && node.service == "running")
    });
    back.await?;
    super::orderly::readiness(house, &primary, 200).await
}
