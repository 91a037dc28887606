//! All nodes are restarted one after the other, as for an upgrade, while clients ask.

use proget_tests::Outcome;
use serde_json::json;

use super::page::Page;
use super::street::{NODES, Street};

pub(super) async fn restarts(street: &mut Street, rounds: usize, page: &mut Page) -> Outcome {
    street.cluster.configure("a", json!({ "preset": "default" })).await?;
    street.all_is_well().await?;
    let before = street.clients.met().await?;
    for round in 0..rounds {
        for name in NODES {
            street.cluster.node_mut(name)?.restart().await?;
            street.all_is_well().await?;
            println!("rolling restart {round}: {name} is back");
        }
    }
    let met = street.clients.met().await? - before;
    for failure in street.clients.failures(before.failed).iter().take(5) {
        println!("    {failure}");
    }
    page.errors("rolling restart of all three (SIGTERM, grace of 3 s)", rounds, met, Some(0));
    Ok(())
}
