//! Processes that are killed: the primary, another, two at once, all of them.

use std::time::Instant;

use anyhow::ensure;
use proget_tests::Outcome;

use super::house::{Bring, House, Kind};

pub(super) async fn whoever_is_killed_nothing_acknowledged_is_lost(kind: Kind) -> Outcome {
    let mut house = House::open(kind, Bring::HighAvailability).await?;
    the_primary(&mut house).await?;
    another(&mut house).await?;
    two_at_once(&mut house).await?;
    all_of_them(&mut house).await?;
    house.close().await
}

async fn the_primary(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let killed = Instant::now();
    house.cluster.kill(&[&primary]).await?;
    let took = house.succession(before, killed).await?;
    println!("{primary}, primary, was killed: another had planted its fence after {took:?}");
    let other = house.cluster.other_than(&[])?;
    let successor = house.primary(&other).await?;
    ensure!(successor != primary, "{primary} was killed and is primary");
    ensure!(!house.may_write(before).await?, "what the killed primary began may still be written");
    house.is_whole("the primary was killed").await?;
    house.cluster.bring_back(&[&primary]).await?;
    house.is_whole("the primary came back").await?;
    ensure!(house.primary(&primary).await? == successor, "who came back took the role away");
    Ok(())
}

async fn another(house: &mut House) -> Outcome {
    let (before, primary) = (house.fence().await?, house.primary("a").await?);
    let other = house.cluster.other_than(&[&primary])?;
    house.cluster.kill(&[&other]).await?;
    let lost = |standing: &str| standing == "lost";
    house
        .cluster
        .until(&primary, "the killed node is lost", |status| {
            status.nodes.iter().any(|node| node.name.as_str() == other && lost(&node.standing))
        })
        .await?;
    house.is_whole("a node that was not primary was killed").await?;
    house.keeps_the_role(before).await?;
    house.cluster.bring_back(&[&other]).await
}

async fn two_at_once(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let primary = house.primary("a").await?;
    let other = house.cluster.other_than(&[&primary])?;
    let killed = Instant::now();
    house.cluster.kill(&[&primary, &other]).await?;
    let took = house.succession(before, killed).await?;
    println!("two of three were killed: the third had planted its fence after {took:?}");
    house.is_whole("two of three were killed").await?;
    house.cluster.bring_back(&[&primary, &other]).await?;
    house.is_whole("both came back").await
}

async fn all_of_them(house: &mut House) -> Outcome {
    let before = house.fence().await?;
    let all = ["a", "b", "c"];
    house.cluster.kill(&all).await?;
    let back = Instant::now();
    house.cluster.bring_back(&all).await?;
    println!("all were killed: all were ready {:?} after they were started again", back.elapsed());
    let took = house.succession(before, back).await?;
    println!("all were killed: one had planted its fence {took:?} after they were started again");
    house.is_whole("all were killed and came back").await
}
