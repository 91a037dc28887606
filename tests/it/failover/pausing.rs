//! A primary that stands still at the worst moment: its fence is proved, its commit not yet sent.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use proget_tests::{Outcome, Passage, SOON, cluster, eventually};
use sea_orm::ConnectionTrait as _;

use super::house::Kind;
use super::wires::wired;

/// The primary dispatches a schedule at each whole minute; from so long before its commits are watched.
const AHEAD: u64 = 2;

/// Between two packages of a client, while a minute is waited for.
const UNHURRIED: Duration = Duration::from_millis(300);

pub(super) async fn a_primary_that_stands_still_before_its_commit_is_not_heard_later(kind: Kind) -> Outcome {
    let database = kind.database().await?;
    let (mut house, wires) = wired(&database).await?;
    house.load.slow_down(UNHURRIED);
    let raw = database.connect().await?;
    eventually("a minute is nearly over", SOON * 3, || async {
        let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() % 60;
        ensure!(second >= 60 - AHEAD, "second {second}");
        Ok(())
    })
    .await?;
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let other = house.cluster.other_than(&[&primary])?;
    wires.set(&primary, Passage::CommitsHeld)?;
    // Whoever proves a fence locks its row until the commit.
    eventually("the primary is between its fence and its commit", Duration::from_secs(20), || async {
        let look = "SELECT term FROM fences WHERE role = 'primary' FOR UPDATE NOWAIT";
        ensure!(raw.execute_unprepared(look).await.is_err(), "nobody holds the row");
        Ok(())
    })
    .await?;
    house.cluster.node_mut(&primary)?.freeze()?;
    let frozen = Instant::now();
    ensure!(house.fence().await? == before, "it was not the primary who stood before its commit");
    let took = house.succession(before, frozen).await?;
    println!("{primary}, primary, was frozen before its commit: another had planted after {took:?}");
    let after = house.settled().await?;
    house.load.goes_on().await?;
    house.cluster.node_mut(&primary)?.thaw()?;
    wires.set(&primary, Passage::Open)?;
    ensure!(!house.may_write(before).await?, "a late write of the frozen primary was let in");
    house
        .cluster
        .until(&other, "the frozen node goes on", |status| {
            let woken = cluster::node(status, &primary);
            woken.is_some_and(|node| node.standing == "fresh" && node.roles.is_empty())
        })
        .await?;
    house.is_whole("a primary was frozen before its commit").await?;
    house.keeps_the_role(after).await?;
    raw.close().await.context("hanging up")?;
    // The judge sees whether the occurrence it was about to dispatch became exactly one job.
    house.close().await
}
