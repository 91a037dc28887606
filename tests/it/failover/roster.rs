//! Who may join, and what becomes of nodes that are removed.

use anyhow::ensure;
use proget_tests::{Outcome, SOON, cluster, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Bring, House, Kind};
use super::orderly::readiness;

pub(super) async fn who_may_join_and_who_is_removed(kind: Kind) -> Outcome {
    let mut house = House::open(kind, Bring::HighAvailability).await?;
    a_name_belongs_to_whoever_beats(&house).await?;
    there_is_room_for_so_many(&mut house).await?;
    who_sees_another_store_takes_no_part(&house).await?;
    who_has_no_web_answers_no_clients(&house).await?;
    who_beats_is_removed_by_force_only(&mut house).await?;
    who_is_gone_is_removed_in_peace(&mut house).await?;
    house.close().await
}

async fn a_name_belongs_to_whoever_beats(house: &House) -> Outcome {
    // With patient timings: on a busy machine the process might stand still for longer than two fast beats,
    // and then its name may be taken.
    house.cluster.configure("b", json!({ "preset": "default" })).await?;
    let mut double = house.cluster.setup("a").prepare().await?;
    let said = double.refuse_to_start().await?;
    ensure!(said.contains("another process is here as node 'a'"), "{said}");
    house.cluster.configure("b", json!({ "preset": "fast" })).await?;
    house.is_whole("a second process came with a's name").await?;
    house.nothing_failed("a second process came with a's name")
}

async fn there_is_room_for_so_many(house: &mut House) -> Outcome {
    house.cluster.configure("b", json!({ "maxServers": 3 })).await?;
    let mut fourth = house.cluster.setup("d").prepare().await?;
    let said = fourth.refuse_to_start().await?;
    ensure!(said.contains("3 servers are here and 3 may be"), "{said}");
    // One of the three may be restarted nevertheless.
    house.cluster.node_mut("c")?.restart().await?;
    house.cluster.configure("b", json!({ "maxServers": 0 })).await?;
    fourth.resume().await?;
    house.cluster.adopt("d", fourth);
    house.load.know(&house.cluster);
    house.is_whole("the limit was lifted").await?;
    house.nothing_failed("the limit was lifted")
}

/// What it took nobody else could serve, and what others took it could not.
async fn who_sees_another_store_takes_no_part(house: &House) -> Outcome {
    let elsewhere = tempfile::tempdir()?;
    let mut odd = house.cluster.setup("odd").packages_in(elsewhere.path()).prepare().await?;
    odd.resume_without_waiting()?;
    let told = house.cluster.until("a", "the odd one is known as such", |status| {
        let odd = cluster::node(status, "odd");
        odd.is_some_and(|odd| {
            odd.shares_store == Some(false) && odd.service.contains("another package store")
        })
    });
    let status = told.await?;
    let good = status.nodes.iter().filter(|node| node.name.as_str() != "odd");
    ensure!(good.clone().all(|node| node.shares_store == Some(true)), "others are blamed: {status:#?}");
    ensure!(status.warnings.iter().any(|warning| warning.what.contains("same package store")), "{status:#?}");
    stays_unready(&odd, "another package store").await?;
    odd.kill().await?;
    let path = "nodes/odd?force=true";
    house.cluster.order("a", Method::DELETE, path, Value::Null).await?.done()?;
    house.is_whole("a server with another store came and went").await?;
    house.nothing_failed("a server with another store came and went")
}

async fn who_has_no_web_answers_no_clients(house: &House) -> Outcome {
    let mut worker = house.cluster.setup("worker").env("PROGET_COMPONENTS", "service").prepare().await?;
    worker.resume_without_waiting()?;
    let told = house.cluster.until("a", "the worker's Service runs", |status| {
        let worker = cluster::node(status, "worker");
        worker.is_some_and(|worker| worker.service == "running" && worker.components == ["service"])
    });
    told.await?;
    stays_unready(&worker, "background work only").await?;
    let asked = worker.http().get(format!("{}/npm/any/left-pad", worker.url())).send().await?;
    ensure!(asked.status().as_u16() == 503, "{}", asked.status());
    worker.stop().await?;
    house.is_whole("a server without Web came and went").await?;
    house.nothing_failed("a server without Web came and went")
}

async fn stays_unready(node: &proget_tests::ProgetProcess, because: &str) -> Outcome {
    let url = format!("{}/health/ready", node.url());
    eventually("it says why it is not ready", SOON, || async {
        let answer = node.http().get(&url).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        ensure!(status == 503 && text.contains(because), "{status}: {text}");
        Ok(())
    })
    .await
}

async fn who_beats_is_removed_by_force_only(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let other = house.cluster.other_than(&[&primary])?;
    let path = format!("nodes/{primary}");
    let refused = house.cluster.order(&other, Method::DELETE, &path, Value::Null).await?;
    ensure!((400..500).contains(&refused.status), "{refused:?}");
    ensure!(refused.text.contains("stop it first, or force its removal"), "{refused:?}");
    house.keeps_the_role(before).await?;

    let removed = std::time::Instant::now();
    let forced = format!("{path}?force=true");
    house.cluster.order(&other, Method::DELETE, &forced, Value::Null).await?.done()?;
    let took = house.succession(before, removed).await?;
    println!("{primary}, primary, was removed: another had planted after {took:?}");
    ensure!(!house.may_write(before).await?, "who was removed may still write as primary");
    readiness(house, &primary, 503).await?;
    let node = house.cluster.node(&primary)?;
    eventually("the removed node says so and stops its Service", SOON, || async {
        let log = node.log();
        ensure!(log.contains("removed from the cluster"), "its log:\n{log}");
        ensure!(log.contains("the Service of this node is idle"), "its log:\n{log}");
        Ok(())
    })
    .await?;
    house.is_whole("the primary was removed").await?;
    let status = house.cluster.status(&other).await?;
    ensure!(cluster::node(&status, &primary).is_none(), "{primary} is back: {status:#?}");
    house.cluster.node_mut(&primary)?.restart().await?;
    house
        .cluster
        .until(&other, "the removed node has joined again", |status| {
            cluster::node(status, &primary).is_some_and(|node| node.service == "running")
        })
        .await?;
    house.is_whole("the removed node was restarted").await
}

async fn who_is_gone_is_removed_in_peace(house: &mut House) -> Outcome {
    house.cluster.kill(&["d"]).await?;
    let other = house.cluster.other_than(&["d"])?;
    eventually("the killed node may be removed", SOON, || async {
        house.cluster.order(&other, Method::DELETE, "nodes/d", Value::Null).await?.done()
    })
    .await?;
    let status = house.cluster.status(&other).await?;
    ensure!(cluster::node(&status, "d").is_none(), "{status:#?}");
    let unknown = house.cluster.order(&other, Method::DELETE, "nodes/d", Value::Null).await?;
    ensure!(unknown.status == 404, "{unknown:?}");
    house.is_whole("a killed node was removed").await
}
