//! Publishing and reading through a balancer without a pause, while a node is stopped and another
//! one is killed: which requests fail, and whether everything acknowledged is there.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::future::join_all;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Outcome, Package, SOON, eventually};
use serde_json::Value;

use super::{CLIENT, House};

/// Each has one request in flight at a time.
const WORKERS: usize = 6;

/// Requests before, between and after what is done to nodes.
const STRETCH: usize = 60;

/// How long after a node's death a request may still be sent to it.
const NOTICED: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Failure {
    began: Instant,
    ended: Instant,
    #[expect(dead_code, reason = "printed with the rest of it")]
    what: String,
}

/// What the workers share.
#[derive(Default)]
struct Load {
    url: String,
    done: AtomicUsize,
    over: AtomicBool,
    failures: Mutex<Vec<Failure>>,
    acknowledged: Mutex<Vec<(String, String)>>,
}

impl Load {
    fn failures(&self) -> Vec<Failure> {
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until so many more requests are answered.
    async fn go_on(&self) -> Outcome {
        let goal = self.done.load(Ordering::Relaxed) + STRETCH;
        eventually("the load goes on", SOON * 4, || async {
            let done = self.done.load(Ordering::Relaxed);
            ensure!(done >= goal, "{done} of {goal} requests are answered");
            Ok(())
        })
        .await
    }

    async fn work(&self, worker: usize) -> Outcome {
        let http = reqwest::Client::builder().local_address(CLIENT).timeout(SOON).build()?;
        let name = format!("load-{worker}");
        for round in 0.. {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let version = format!("1.{round}.0");
            let package = Package::new(&name, &version).file("index.js", "module.exports = 1");
            let document = package.publish_document(&self.url)?;
            let url = format!("{}{name}", self.url);
            let publish = http.put(&url).bearer_auth(ADMIN_KEY).json(&document);
            if self.ask("publishing", publish).await {
                self.acknowledged
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((name.clone(), version));
            }
            self.ask("reading", http.get(&url).bearer_auth(ADMIN_KEY)).await;
        }
        Ok(())
    }

    /// Sends one request, once; whether it succeeded.
    async fn ask(&self, what: &str, request: reqwest::RequestBuilder) -> bool {
        let began = Instant::now();
        let answer = async {
            let answer = request.send().await?;
            let status = answer.status();
            let text = answer.text().await?;
            Ok::<_, reqwest::Error>((status, text))
        };
        let wrong = match answer.await {
            Ok((status, _)) if status.is_success() => None,
            Ok((status, text)) => Some(format!("{status}: {}", text.chars().take(300).collect::<String>())),
            Err(error) => Some(format!("{:#}", anyhow::Error::from(error))),
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        let Some(wrong) = wrong else { return true };
        let failure = Failure { began, ended: Instant::now(), what: format!("{what}: {wrong}") };
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
        false
    }
}

/// The first node is stopped with SIGTERM: no request is lost. It comes back; the second is killed:
/// at most what was in flight there is lost, or was sent there before anybody could notice.
pub(super) async fn nodes_may_stop_and_die(house: &mut House) -> Outcome {
    let load = Arc::new(Load { url: format!("{}/npm/internal-npm/", house.url()), ..Load::default() });
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let load = Arc::clone(&load);
            tokio::spawn(async move { load.work(worker).await })
        })
        .collect();
    let result = disturb(house, &load).await;
    load.over.store(true, Ordering::Relaxed);
    for worker in join_all(workers).await {
        worker??;
    }
    result?;
    everything_acknowledged_is_there(house, &load).await
}

async fn disturb(house: &mut House, load: &Load) -> Outcome {
    load.go_on().await?;
    let failures = load.failures();
    ensure!(failures.is_empty(), "requests failed while all was well: {failures:#?}");

    house.nodes[0].stop().await?;
    load.go_on().await?;
    let failures = load.failures();
    ensure!(failures.is_empty(), "requests failed when a node was stopped: {failures:#?}");

    house.nodes[0].resume().await?;
    load.go_on().await?;
    let failures = load.failures();
    ensure!(failures.is_empty(), "requests failed when a node came back: {failures:#?}");

    let killed = Instant::now();
    house.nodes[1].kill().await?;
    eventually("the balancer has had time to notice", SOON, || async {
        ensure!(killed.elapsed() > NOTICED, "not yet");
        Ok(())
    })
    .await?;
    load.go_on().await?;
    let failures = load.failures();
    let late = failures.iter().find(|failure| failure.began > killed + NOTICED || failure.ended < killed);
    ensure!(late.is_none(), "this had nothing to do with the node that was killed: {late:#?}");
    // Each worker loses what it had in flight, and perhaps what it asked next, on a new connection: a
    // process that is being torn down is still connected to for some milliseconds.
    ensure!(failures.len() <= 2 * WORKERS, "more failed than were on their way: {failures:#?}");
    Ok(())
}

async fn everything_acknowledged_is_there(house: &House, load: &Load) -> Outcome {
    let node = &house.nodes[2];
    let acknowledged = load.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(acknowledged.len() >= STRETCH, "only {} publishes were acknowledged", acknowledged.len());
    for worker in 0..WORKERS {
        let name = format!("load-{worker}");
        let get = node.http().get(format!("{}/npm/internal-npm/{name}", node.url())).bearer_auth(ADMIN_KEY);
        let document: Value = get.send().await?.error_for_status()?.json().await?;
        let listed = document["versions"].as_object().context("no versions")?;
        for (_, version) in acknowledged.iter().filter(|(published, _)| *published == name) {
            ensure!(listed.contains_key(version), "{name} {version} was acknowledged and is gone");
        }
    }
    Ok(())
}
