//! A primary that stands still for longer than its lease and then goes on where it was.

use std::time::Instant;

use anyhow::ensure;
use proget_tests::{Outcome, cluster};

use super::house::{Bring, House, Kind};

pub(super) async fn a_frozen_primary_wakes_up_as_a_follower_and_its_late_writes_are_refused(
    kind: Kind,
) -> Outcome {
    let mut house = House::open(kind, Bring::HighAvailability).await?;
    for round in 1..=2 {
        let before = house.fence().await?;
        let primary = house.primary("a").await?;
        // So that the refusal below is known to be about the term.
        ensure!(house.may_write(before).await?, "the primary may not write");
        let frozen = Instant::now();
        house.cluster.node_mut(&primary)?.freeze()?;
        let took = house.succession(before, frozen).await?;
        println!("round {round}: {primary}, primary, was frozen: another had planted after {took:?}");
        let after = house.settled().await?;
        let other = house.cluster.other_than(&[&primary])?;
        house.load.goes_on().await?;
        house.cluster.node_mut(&primary)?.thaw()?;
        ensure!(!house.may_write(before).await?, "a late write of the frozen primary was let in");
        let followed = house.cluster.until(&primary, "the frozen node goes on", |status| {
            let woken = cluster::node(status, &primary);
            woken.is_some_and(|node| {
                node.standing == "fresh" && node.roles.is_empty() && node.service == "running"
            }) && status.primary.as_ref().is_some_and(|held| held.term >= after.term)
        });
        followed.await?;
        house.is_whole("a frozen primary went on").await?;
        if house.keeps_the_role(after).await? {
            ensure!(house.primary(&other).await? != primary, "the frozen node is primary again");
            ensure!(house.may_write(after).await?, "the successor may not write");
        }
    }
    house.close().await
}
