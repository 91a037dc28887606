//! The throw-away cluster keeps what it promises; and what a cluster promises, on memory parts: whoever is
//! killed, frozen or cut off, nothing acknowledged is lost and nobody acts who may not.

use super::kit::{client, eventually, package};
use futures::future::join_all;
use proget_core::access::Actor;
use proget_core::catalog::{Action, CatalogError, ChangeSet, Fence, JournalEntry, Role};
use proget_server::TestCluster;
use proget_server::proget_cluster::election::Preset;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

async fn start(nodes: usize) -> TestCluster {
    TestCluster::nodes(nodes).with(|server| server.feed("internal", "npm")).start().await.unwrap()
}

/// Publishes through the server at an address; was it acknowledged?
async fn publish(url: &str, key: &str, version: &str) -> bool {
    let put = client().put(format!("{url}/api/packages/internal/upload")).header("x-apikey", key);
    let put = put.timeout(Duration::from_secs(5)).body(package("left-pad", version));
    put.send().await.is_ok_and(|answer| answer.status().is_success())
}

/// The versions that the server at an address serves, each of which it can also hand out.
async fn served(url: &str, key: &str) -> Vec<String> {
    let index = client().get(format!("{url}/npm/internal/left-pad")).bearer_auth(key).send().await.unwrap();
    let index: serde_json::Value = index.error_for_status().unwrap().json().await.unwrap();
    let mut versions: Vec<String> = index["versions"].as_object().unwrap().keys().cloned().collect();
    for version in &versions {
        let tarball = format!("{url}/npm/internal/left-pad/-/left-pad-{version}.tgz");
        let bytes = client().get(tarball).bearer_auth(key).send().await.unwrap().error_for_status().unwrap();
        assert_eq!(bytes.bytes().await.unwrap(), package("left-pad", version), "{version} at {url}");
    }
    versions.sort();
    versions
}

async fn readiness(url: &str) -> u16 {
    let answer = client().get(format!("{url}/health/ready")).timeout(Duration::from_secs(5)).send().await;
    answer.map_or(0, |answer| answer.status().as_u16())
}

/// A write that only whoever has this fence may make: was it taken?
async fn may_write(cluster: &TestCluster, fence: Fence) -> bool {
    let entry = JournalEntry { action: Action::ClusterEvent, feed: None, subject: "a late write".into() };
    let change = ChangeSet::by(Actor("test".into())).fenced(fence).record(entry);
    match cluster.catalog().commit(change).await {
        Ok(_) => true,
        Err(CatalogError::Fenced) => false,
        Err(error) => panic!("neither taken nor refused: {error:?}"),
    }
}

async fn fence(cluster: &TestCluster) -> Fence {
    let planted = cluster.fence().await.unwrap().unwrap();
    Fence { role: Role::PRIMARY, term: planted.term, holder: planted.holder }
}

#[tokio::test]
async fn a_killed_primary_is_replaced_and_the_others_serve_every_acknowledged_package() {
    let mut cluster = start(3).await;
    let key = cluster.admin_key().to_owned();
    let first = cluster.primary().await.unwrap().unwrap();
    let (url, before) = (cluster.url(first).unwrap().to_owned(), fence(&cluster).await);
    assert!(publish(&url, &key, "1.0.0").await);
    cluster.kill(first).await.unwrap();
    assert!(client().get(format!("{url}/health/live")).send().await.is_err(), "nothing is left of it");
    let next = cluster.wait_for_primary_other_than(first).await.unwrap();
    assert!(next != first && fence(&cluster).await.term > before.term);
    assert!(!may_write(&cluster, before).await, "the dead one's fence is worth nothing");
    assert_eq!(cluster.urls().len(), 2);
    for url in cluster.urls() {
        assert_eq!(served(&url, &key).await, ["1.0.0"]);
    }
    cluster.restart(first).await.unwrap();
    assert!(publish(cluster.url(first).unwrap(), &key, "1.0.1").await, "back again");
    assert_eq!(served(cluster.url(next).unwrap(), &key).await, ["1.0.0", "1.0.1"]);
}

#[tokio::test]
async fn a_frozen_primary_that_wakes_cannot_act() {
    let cluster = start(3).await;
    let key = cluster.admin_key().to_owned();
    let first = cluster.primary().await.unwrap().unwrap();
    let (url, before) = (cluster.url(first).unwrap().to_owned(), fence(&cluster).await);
    assert!(may_write(&cluster, before).await, "as long as it is primary it may");
    cluster.freeze(first).await.unwrap();
    let hangs = client().get(format!("{url}/health/live")).timeout(Duration::from_millis(300)).send().await;
    assert!(hangs.is_err_and(|error| error.is_timeout()), "its requests hang");
    cluster.wait_for_primary_other_than(first).await.unwrap();
    cluster.thaw(first).unwrap();
    assert!(!may_write(&cluster, before).await, "what it had begun is refused");
    cluster
        .wait_until("the woken one is back and holds nothing", |status| {
            let node = status.nodes.iter().find(|node| node.name.as_str() == format!("node{first}"));
            node.is_some_and(|node| node.standing == "fresh" && !node.roles.contains(&"primary".into()))
        })
        .await
        .unwrap();
    assert_ne!(cluster.primary().await.unwrap(), Some(first));
    assert!(publish(&url, &key, "1.0.0").await, "it serves again");
}

#[tokio::test]
async fn a_node_that_is_cut_off_is_unready_while_others_go_on_and_comes_back_when_healed() {
    let cluster = start(3).await;
    let key = cluster.admin_key().to_owned();
    let first = cluster.primary().await.unwrap().unwrap();
    let url = cluster.url(first).unwrap().to_owned();
    cluster.cut(first).unwrap();
    eventually("the cut one is unready", || async { readiness(&url).await == 503 }).await;
    assert!(!publish(&url, &key, "1.0.0").await, "it cannot acknowledge anything");
    let next = cluster.wait_for_primary_other_than(first).await.unwrap();
    assert!(publish(cluster.url(next).unwrap(), &key, "2.0.0").await);
    cluster.heal(first).unwrap();
    eventually("the healed one is ready", || async { readiness(&url).await == 200 }).await;
    assert_eq!(served(&url, &key).await, ["2.0.0"], "it shows nothing that it remembered");
}

/// With patient timings a lease lasts for fifteen seconds: who waited for its end would be seen.
#[tokio::test]
async fn draining_hands_over_at_once_and_the_node_takes_part_again_when_it_is_resumed() {
    let cluster = TestCluster::nodes(3).preset(Preset::Patient).start().await.unwrap();
    let first = cluster.primary().await.unwrap().unwrap();
    let begun = Instant::now();
    cluster.drain(first).await.unwrap();
    cluster.wait_for_primary_other_than(first).await.unwrap();
    assert!(begun.elapsed() < Preset::Patient.timing().lease, "it took {:?}", begun.elapsed());
    let url = cluster.url(first).unwrap();
    eventually("the drained one is unready", || async { readiness(url).await == 503 }).await;
    cluster.resume(first).await.unwrap();
    eventually("the resumed one is ready", || async { readiness(url).await == 200 }).await;
}

#[tokio::test]
async fn nine_nodes_lose_four_one_after_the_other_while_packages_are_published() {
    let mut cluster = start(9).await;
    let key = cluster.admin_key().to_owned();
    let (acknowledged, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = cluster
        .urls()
        .into_iter()
        .enumerate()
        .map(|(node, url)| {
            let (acknowledged, stop, key) = (acknowledged.clone(), stop.clone(), key.clone());
            tokio::spawn(async move {
                for patch in 0.. {
                    let version = format!("{node}.0.{patch}");
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    if publish(&url, &key, &version).await {
                        acknowledged.lock().await.push(version);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        })
        .collect();
    let goes_on = async || {
        let before = acknowledged.lock().await.len();
        eventually("publishing goes on", || async { acknowledged.lock().await.len() > before + 5 }).await;
    };
    goes_on().await;
    let mut terms = vec![fence(&cluster).await.term];
    for _ in 0..4 {
        let primary = cluster.wait_for_primary_other_than(usize::MAX).await.unwrap();
        cluster.kill(primary).await.unwrap();
        cluster.wait_for_primary_other_than(primary).await.unwrap();
        terms.push(fence(&cluster).await.term);
        goes_on().await;
    }
    stop.store(true, Ordering::SeqCst);
    for ended in join_all(writers).await {
        ended.unwrap();
    }
    assert!(terms.is_sorted_by(|one, next| one < next), "{terms:?}");
    assert_eq!(cluster.urls().len(), 5);
    let acknowledged = acknowledged.lock().await;
    for url in cluster.urls() {
        let served = served(&url, &key).await;
        let lost: Vec<_> = acknowledged.iter().filter(|version| !served.contains(version)).collect();
        assert!(lost.is_empty(), "{url} has lost {lost:?}");
    }
    println!("{} publishes were acknowledged, terms were {terms:?}", acknowledged.len());
}

#[tokio::test]
async fn dropping_a_cluster_ends_all_of_it_frozen_nodes_too() {
    let cluster = start(2).await;
    let urls = cluster.urls();
    cluster.freeze(0).await.unwrap();
    drop(cluster);
    for url in urls {
        assert!(client().get(format!("{url}/health/live")).send().await.is_err(), "{url} answers");
    }
}

#[tokio::test]
async fn what_is_asked_of_a_node_that_is_not_there_is_an_error_that_says_so() {
    let mut cluster = start(1).await;
    assert!(cluster.url(1).unwrap_err().to_string().contains("there is no node 1; there are 1, from 0"));
    cluster.kill(0).await.unwrap();
    assert!(cluster.kill(0).await.unwrap_err().to_string().contains("node 0 does not run"));
}
