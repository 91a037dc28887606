//! Upgrades by and by: programs of today and of the next release on one schema, while clients publish.
//!
//! The next release is `proget-next`: today's sources and a step that expands the schema, or one that
//! contracts it as well. What it would do with the new column is not played; what today's program does
//! on a schema that it does not know all of is.

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, Package, SOON, cluster, eventually};
use reqwest::Method;
use serde_json::Value;

use super::house::{Bring, House, Kind};

/// The program of the next release.
const NEXT: &str = env!("CARGO_BIN_EXE_proget-next");

pub(super) async fn the_next_release_and_this_one_work_on_one_schema_both_ways(kind: Kind) -> Outcome {
    let mut house = House::open(kind, Bring::HighAvailability).await?;
    let [_, newest] = proget_storage::sql::schemas();
    // One of the next release joins and expands the schema under everybody's hands.
    let mut d = house.cluster.setup("d").env("FIXTURE_STEPS", "expand").prepare().await?;
    let today = d.become_program(NEXT);
    d.resume().await?;
    house.cluster.adopt("d", d);
    house.load.know(&house.cluster);
    ranges(&house, &[("a", newest), ("b", newest), ("c", newest), ("d", newest + 1)]).await?;
    house.is_whole("the next release joined and expanded the schema").await?;
    house.nothing_failed("the next release joined and expanded the schema")?;
    // As an operator does it: drained, looked at, exchanged; then the next one.
    for name in ["a", "b", "c"] {
        exchange(&mut house, name, |node| {
            node.set_env("FIXTURE_STEPS", "expand");
            node.become_program(NEXT);
        })
        .await?;
    }
    let after = newest + 1;
    ranges(&house, &[("a", after), ("b", after), ("c", after), ("d", after)]).await?;
    // And back, in the same way: the schema stays expanded.
    for name in ["a", "b", "c", "d"] {
        exchange(&mut house, name, |node| drop(node.become_program(&today))).await?;
    }
    ranges(&house, &[("a", newest), ("b", newest), ("c", newest), ("d", newest)]).await?;
    house.close().await
}

pub(super) async fn a_schema_that_contracts_waits_for_older_programs_and_keeps_them_out(
    kind: Kind,
) -> Outcome {
    let mut house = House::open(kind, Bring::Single).await?;
    let mut next = house.cluster.setup("d").env("FIXTURE_STEPS", "contract").prepare().await?;
    let today = next.become_program(NEXT);
    let said = next.refuse_to_start().await?;
    ensure!(said.contains("the schema is not changed: the program on a, b, c is older"), "{said}");
    let refused = next.command(&["db", "migrate"]).await?;
    ensure!(refused.failed().is_ok_and(|said| said.text().contains("older for step")), "db migrate went on");
    house.is_whole("a step that contracts was refused").await?;
    house.nothing_failed("a step that contracts was refused")?;
    // One that nobody sees: frozen, taken out of the roster, and awake when the step is done.
    for name in ["b", "c"] {
        house.cluster.node_mut(name)?.stop().await?;
    }
    let House { mut cluster, load, .. } = house;
    load.finish(&cluster, &["a".to_owned()]).await?;
    cluster.node_mut("a")?.freeze()?;
    next.set_env("PROGET_NODE_NAME", "a-new");
    let removed = eventually("the frozen node may be removed", SOON * 2, || async {
        // The next program's commands refuse a schema that is not theirs; this one's do not.
        cluster.node("a")?.command(&["cluster", "remove", "a"]).await?.succeeded()
    });
    removed.await?;
    next.resume().await?;
    cluster.adopt("a-new", next);
    cluster.node_mut("a")?.thaw()?;
    let node = cluster.node("a")?;
    eventually("the old program says what is wrong", SOON, || async {
        let answer = node.http().get(format!("{}/health/ready", node.url())).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        ensure!(status == 503, "{status}: {text}");
        let health = node.http().get(format!("{}/health", node.url())).send().await?.text().await?;
        ensure!(health.contains("too old for it now"), "{health}");
        Ok(())
    })
    .await?;
    // Neither does it write, nor does its like start.
    let registry = format!("{}/npm/internal/", node.url());
    let document = Package::new("late", "1.0.0").file("index.js", "").publish_document(&registry)?;
    let put = node.http().put(format!("{registry}late")).bearer_auth(ADMIN_KEY).json(&document);
    let put = put.send().await?;
    ensure!(put.status().as_u16() == 503, "it wrote: {}", put.status());
    let mut old = cluster.setup("e").prepare().await?;
    drop(old.become_program(&today));
    let said = old.refuse_to_start().await?;
    ensure!(said.contains("is too new for this one; start build"), "{said}");
    Ok(())
}

/// Drains a node, waits until it says so, exchanges its program, and waits until it takes part.
async fn exchange(
    house: &mut House,
    name: &str,
    exchanged: impl FnOnce(&mut proget_tests::ProgetProcess),
) -> Outcome {
    let node = house.cluster.node(name)?;
    node.command(&["cluster", "drain", "--self"]).await?.succeeded()?;
    let other = house.cluster.other_than(&[name])?;
    let drained = house.cluster.until(&other, "the node drains", |status| {
        cluster::node(status, name)
            .is_some_and(|node| node.phase.starts_with("drain") && node.roles.is_empty())
    });
    drained.await?;
    let node = house.cluster.node_mut(name)?;
    node.stop().await?;
    exchanged(node);
    node.resume().await?;
    let back = house.cluster.until(&other, "the node takes part again", |status| {
        cluster::node(status, name).is_some_and(|node| node.phase == "serving" && node.service == "running")
    });
    back.await?;
    house.load.goes_on().await?;
    let what = format!("the program of {name} was exchanged");
    house.is_whole(&what).await?;
    house.nothing_failed(&what)
}

/// Demands that the status tells what each node works on.
async fn ranges(house: &House, expected: &[(&str, i64)]) -> Outcome {
    eventually("the status shows the ranges", SOON, || async {
        let answered = house.cluster.order("a", Method::GET, "status", Value::Null).await?.done()?;
        let status: Value = serde_json::from_str(&answered.text)?;
        let nodes = status["nodes"].as_array().context("no nodes")?;
        for (name, newest) in expected {
            let node = nodes.iter().find(|node| node["name"] == *name).context("a node is missing")?;
            ensure!(node["schema"][1] == *newest, "{name} should know {newest}: {node}");
        }
        Ok(())
    })
    .await
}
