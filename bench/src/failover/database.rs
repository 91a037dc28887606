//! The database is restarted, or its standby is promoted: how long until all nodes are ready again.

use std::time::{Duration, Instant};

use anyhow::ensure;
use proget_tests::{Cluster, Outcome, Postgres, SOON, eventually};

use super::page::{Page, Series};
use super::street::{Hints, NODES, nodes};

pub(super) async fn restarts(samples: usize, page: &mut Page) -> Outcome {
    let mut postgres = Postgres::start().await?;
    let (cluster, _balancer) = nodes(&postgres.database().await?, Hints::Given).await?;
    let mut series = Series::new("database-restart");
    for number in 0..samples {
        all(&cluster, 200).await?;
        postgres.stop().await?;
        all(&cluster, 503).await?;
        postgres.resume().await?;
        let begun = Instant::now();
        all(&cluster, 200).await?;
        series.add(begun.elapsed());
        println!("database-restart {number}: {:?}", series.last());
    }
    page.series("the database was stopped and answers again: all nodes are ready", series, None);
    Ok(())
}

pub(super) async fn failovers(samples: usize, page: &mut Page) -> Outcome {
    let mut series = Series::new("database-failover");
    for number in 0..samples {
        let mut primary = Postgres::start().await?;
        let standby = primary.standby().await?;
        primary.commit_on_both().await?;
        let database = primary.and(&standby, &primary.database().await?);
        let (cluster, _balancer) = nodes(&database, Hints::Given).await?;
        all(&cluster, 200).await?;
        primary.kill().await?;
        all(&cluster, 503).await?;
        standby.promote().await?;
        let begun = Instant::now();
        all(&cluster, 200).await?;
        series.add(begun.elapsed());
        println!("database-failover {number}: {:?}", series.last());
    }
    page.series("the primary database is killed and its standby promoted: all nodes are ready", series, None);
    Ok(())
}

/// Waits until each node's readiness is answered so.
async fn all(cluster: &Cluster, expected: u16) -> Outcome {
    for name in NODES {
        let node = cluster.node(name)?;
        let url = format!("{}/health/ready", node.url());
        eventually("readiness is as it should be", SOON * 2, || async {
            let get = node.http().get(&url).timeout(Duration::from_secs(5));
            let status = get.send().await?.status().as_u16();
            ensure!(status == expected, "{name} says {status}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}
