//! How fast one node of three answers beside a server that is alone with SQLite, and how evenly the
//! balancer spreads requests.

use std::time::Duration;

use anyhow::ensure;
use proget_core::conformance::Dice;
use proget_tests::{Outcome, Postgres};

use super::page::Page;
use super::street::{Hints, NODES, nodes};
use crate::compare::median;
use crate::formats::Kind;
use crate::node::{self, Node};
use crate::wrk;

const CONNECTIONS: usize = 32;
const LENGTH: Duration = Duration::from_secs(3);
/// Through the balancer, to be counted.
const REQUESTS: usize = 3000;

pub(super) async fn measure(rounds: usize, page: &mut Page) -> Outcome {
    let postgres = Postgres::start().await?;
    let (cluster, balancer) = nodes(&postgres.database().await?, Hints::Given).await?;
    let (one, alone) = (cluster.node("a")?, Node::alone().await?);
    let (here, there) = (node::feed(one, Kind::Npm, "read").await?, alone.feed(Kind::Npm, "read").await?);
    let mut dice = Dice::seeded(0x5eed);
    let uploads: Vec<_> = (0..6)
        .map(|version| Kind::Npm.upload("small", &format!("1.{version}.0"), 1024, &mut dice))
        .collect::<Outcome<_>>()?;
    node::publish(&here.publish, &uploads).await?;
    node::publish(&there.publish, &uploads).await?;
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let embedded = wrk::run(&there.read.get("small")?, CONNECTIONS, LENGTH).await?.requests;
        let of_three = wrk::run(&here.read.get("small")?, CONNECTIONS, LENGTH).await?.requests;
        println!("loaded {round}: one of three {of_three:.0}/s, embedded {embedded:.0}/s");
        ratios.push(of_three / embedded);
    }
    let ratio = median(ratios.into_iter());
    page.figure("index documents: one loaded node of three × an embedded one", ratio, Some(0.6), "≥");

    let from = balancer.log().len();
    let http = reqwest::Client::new();
    for _ in 0..REQUESTS {
        let get = http.get(format!("{}/health/live", balancer.url()));
        ensure!(get.send().await?.status().is_success(), "the balancer refuses");
    }
    let log = balancer.log().split_off(from);
    let share = |number: usize| {
        let mark = format!(" nodes/node{number} ");
        log.lines().filter(|line| line.contains(&mark)).count() as f64
    };
    let shares: Vec<f64> = (1..=NODES.len()).map(share).collect();
    let (even, all) = (REQUESTS as f64 / NODES.len() as f64, shares.iter().sum::<f64>());
    ensure!(all >= REQUESTS as f64 * 0.99, "the balancer's log has {all} of {REQUESTS} requests");
    let off = shares.iter().map(|share| (share / even - 1.0).abs() * 100.0).fold(0.0, f64::max);
    page.figure(
        "round robin: a node's share is off the even one by at most, in per cent",
        off,
        Some(20.0),
        "≤",
    );
    Ok(())
}
