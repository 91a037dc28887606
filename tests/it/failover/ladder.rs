//! The ladder of modes: single, load-balanced, high availability, and down again under load.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use proget_cluster::node::status::ClusterStatus;
use proget_tests::{Outcome, cluster};
use serde_json::json;

use super::house::{Bring, House, Kind};

pub(super) async fn modes_decide_whether_background_work_moves(kind: Kind) -> Outcome {
    let mut house = House::open(kind, Bring::Single).await?;
    in_single_further_nodes_serve_and_are_idle(&house).await?;
    a_node_with_another_key_is_turned_away(&house).await?;
    load_balanced_nothing_moves(&mut house).await?;
    highly_available_it_moves(&mut house).await?;
    down_again(&house).await?;
    house.close().await
}

fn runs(status: &ClusterStatus, nodes: &[&str]) -> bool {
    let running = |name: &str| cluster::node(status, name).is_some_and(|node| node.service == "running");
    ["a", "b", "c"].into_iter().all(|name| running(name) == nodes.contains(&name))
}

fn warns(status: &ClusterStatus, what: &str, hint: &str) -> bool {
    status.warnings.iter().any(|warning| warning.what.contains(what) && warning.hint.contains(hint))
}

async fn in_single_further_nodes_serve_and_are_idle(house: &House) -> Outcome {
    let status = house.cluster.until("b", "one node runs the Service", |status| runs(status, &["a"])).await?;
    ensure!(warns(&status, "load balancing is not enabled", "proget cluster enable"), "{status:#?}");
    let idle = cluster::node(&status, "c").context("c is not there")?;
    ensure!(idle.service.contains("load balancing is not enabled"), "{idle:#?}");
    ensure!(house.primary("b").await? == "a", "an idle node is primary");
    let refused = house.cluster.want_mode("b", "high-availability").await?;
    ensure!(refused.status == 409 && refused.text.contains("enable load balancing first"), "{refused:?}");
    Ok(())
}

async fn a_node_with_another_key_is_turned_away(house: &House) -> Outcome {
    let setup = house.cluster.setup("stranger").env("PROGET_ENCRYPTION_KEY", "fedcba9876543210".repeat(4));
    let said = setup.prepare().await?.refuse_to_start().await?;
    ensure!(said.contains("give it the same as the others"), "{said}");
    let status = house.cluster.status("a").await?;
    ensure!(cluster::node(&status, "stranger").is_none(), "{status:#?}");
    Ok(())
}

async fn load_balanced_nothing_moves(house: &mut House) -> Outcome {
    house.enable("c", "load-balanced").await?;
    house.cluster.until("b", "the mode is known", |status| runs(status, &["a"])).await?;
    let before = house.fence().await?;
    house.cluster.kill(&["a"]).await?;
    // A lost node's lease has run out, so whoever wanted to take over could.
    let status = house.cluster.until("b", "the service node is lost", |status| {
        cluster::node(status, "a").is_some_and(|node| node.standing == "lost") && status.primary.is_none()
    });
    let status = status.await?;
    ensure!(warns(&status, "the service node a does not beat", "enable high availability"), "{status:#?}");
    house.is_whole("the service node was killed").await?;
    ensure!(house.fence().await? == before, "the Service moved although that is not enabled");
    house.cluster.bring_back(&["a"]).await?;
    house.succession(before, Instant::now()).await?;
    ensure!(house.primary("b").await? == "a", "the service node came back and is not primary");
    Ok(())
}

async fn highly_available_it_moves(house: &mut House) -> Outcome {
    house.enable("b", "high-availability").await?;
    house.cluster.until("c", "all Services run", |status| runs(status, &["a", "b", "c"])).await?;
    let before = house.fence().await?;
    let killed = Instant::now();
    house.cluster.kill(&["a"]).await?;
    let took = house.succession(before, killed).await?;
    println!("high availability was just enabled: another had planted after {took:?}");
    house.is_whole("the primary was killed in high availability").await?;
    house.cluster.bring_back(&["a"]).await
}

async fn down_again(house: &House) -> Outcome {
    let primary = house.primary("a").await?;
    ensure!(primary != "a", "it moved by itself");
    house.load.troubles();
    house.enable("a", "load-balanced").await?;
    let status = house.cluster.until("a", "one Service runs", |status| runs(status, &[&primary])).await?;
    let named = status.service_node.context("no service node is named")?;
    ensure!(named.as_str() == primary, "{named} is named, but {primary} was primary");
    house.is_whole("high availability was switched off").await?;
    // The named node takes over from one that lives and gives way.
    let before = house.fence().await?;
    let order = json!({ "mode": "load-balanced", "serviceNode": "a" });
    house.cluster.order("b", reqwest::Method::POST, "mode", order).await?.done()?;
    house.succession(before, Instant::now()).await?;
    house.cluster.until("c", "the named node runs the Service", |status| runs(status, &["a"])).await?;
    house.enable("b", "single").await?;
    let told =
        |status: &ClusterStatus| warns(status, "load balancing is not enabled", "proget cluster enable");
    house.cluster.until("c", "single is known", |status| runs(status, &["a"]) && told(status)).await?;
    house.is_whole("load balancing was switched off").await?;
    house.nothing_failed("stepping down")
}
