//! The cluster in one process (`proget_server::TestCluster`) on a real database: the same moves as on
//! memory parts, where fences are rows and the clock that decides is PostgreSQL's.

use anyhow::{Context as _, ensure};
use proget_server::TestCluster;
use proget_tests::{Outcome, Package, Postgres};
use reqwest::Client;
use serde_json::Value;

async fn publish(cluster: &TestCluster, node: usize, package: &Package) -> Outcome {
    let feed = format!("{}/npm/internal/", cluster.url(node)?);
    let document = package.publish_document(&feed)?;
    let put = Client::new().put(format!("{feed}{}", package.name())).bearer_auth(cluster.admin_key());
    put.json(&document).send().await?.error_for_status()?;
    Ok(())
}

async fn versions(url: &str, key: &str, name: &str) -> Outcome<Vec<String>> {
    let get = Client::new().get(format!("{url}/npm/internal/{name}")).bearer_auth(key);
    let index: Value = get.send().await?.error_for_status()?.json().await?;
    Ok(index["versions"].as_object().context("no versions")?.keys().cloned().collect())
}

#[tokio::test]
async fn nodes_of_one_process_on_postgres_replace_a_killed_primary_a_frozen_one_and_a_cut_one() -> Outcome {
    let database = Postgres::fresh_database().await?;
    let setup = TestCluster::nodes(3).database(&database.url).with(|server| server.feed("internal", "npm"));
    let mut cluster = setup.start().await?;
    let mut published = Vec::new();
    let mut term = cluster.fence().await?.context("nobody is primary")?.term;
    for (number, blow) in ["kill", "freeze", "cut"].into_iter().enumerate() {
        let primary = cluster.wait_for_primary_other_than(usize::MAX).await?;
        let package = Package::new("left-pad", &format!("1.0.{number}"));
        publish(&cluster, primary, &package).await.context(blow)?;
        published.push(package.version().to_owned());
        match blow {
            "kill" => cluster.kill(primary).await?,
            "freeze" => cluster.freeze(primary).await?,
            _ => cluster.cut(primary)?,
        }
        let next = cluster.wait_for_primary_other_than(primary).await.context(blow)?;
        let fence = cluster.fence().await?.context("no fence")?;
        ensure!(fence.term > term, "after {blow} the term went from {term} to {}", fence.term);
        term = fence.term;
        let seen = versions(cluster.url(next)?, cluster.admin_key(), "left-pad").await?;
        ensure!(published.iter().all(|version| seen.contains(version)), "after {blow} there is {seen:?}");
        match blow {
            "kill" => cluster.restart(primary).await?,
            "freeze" => cluster.thaw(primary)?,
            _ => cluster.heal(primary)?,
        }
        cluster
            .wait_until("all work again", |status| {
                let well = status.nodes.iter().filter(|node| node.standing == "fresh");
                well.filter(|node| node.service == "running").count() == 3
            })
            .await
            .context(blow)?;
    }
    for url in cluster.urls() {
        let seen = versions(&url, cluster.admin_key(), "left-pad").await?;
        ensure!(seen.len() == 3, "{url} serves {seen:?}");
    }
    Ok(())
}
