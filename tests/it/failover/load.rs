//! Clients that publish and read without a pause, round robin over all nodes that say they are ready,
//! and try the next node when one fails them: what a balancer does, told apart by node.
//!
//! What is kept: the ledger of everything acknowledged, every attempt that failed (a matter of course
//! when a node dies, a defect when one leaves in order), and every answer that is wrong whatever
//! happens, such as a refusal, or an index without what was acknowledged before it was asked for.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures::future::{join_all, try_join_all};
use proget_core::digest::Sha256;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cluster, Outcome, Package, SOON, eventually};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::history::{History, Publishing, Reading};

/// Each has one request in flight at a time.
pub(super) const WORKERS: usize = 3;

/// Between two packages of one worker: the rest of the machine is for the nodes.
const PACE: Duration = Duration::from_millis(60);

/// How often nodes are asked whether they want requests.
const PROBE: Duration = Duration::from_millis(100);

/// A node that does not answer for so long is given up: it may be frozen.
const ATTEMPT: Duration = Duration::from_secs(6);

/// Nothing is worth waiting longer for, even while all nodes are gone and come back.
const PATIENCE: Duration = Duration::from_secs(90);

/// So many packages get a version before workers turn to new ones, so that indexes stay small.
const VERSIONS: usize = 20;

/// How often a job is ordered.
const ORDERS: Duration = Duration::from_secs(3);

/// An attempt that failed, in words: which node, how long it took, what it said.
pub(super) type Trouble = String;

/// A node as clients know it.
#[derive(Debug)]
struct Target {
    name: String,
    url: String,
    ready: AtomicBool,
}

/// What was acknowledged.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    version: String,
    digest: Sha256,
}

#[derive(Debug)]
struct Shared {
    begun: Instant,
    asked: AtomicUsize,
    targets: Mutex<Vec<Arc<Target>>>,
    turn: AtomicUsize,
    over: AtomicBool,
    done: AtomicUsize,
    ledger: Mutex<Vec<Entry>>,
    troubles: Mutex<Vec<Trouble>>,
    wrongs: Mutex<Vec<String>>,
    history: Mutex<History>,
    pace: Mutex<Duration>,
}

/// Clients at work until they are dropped.
#[derive(Debug)]
pub(super) struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    checked: AtomicUsize,
}

impl Load {
    /// Starts the clients.
    pub(super) fn start(cluster: &Cluster) -> Outcome<Self> {
        let mut load =
            Self { shared: Arc::new(Shared::new()), tasks: Vec::new(), checked: AtomicUsize::new(0) };
        load.know(cluster);
        let http = reqwest::Client::builder().timeout(ATTEMPT).build()?;
        for worker in 0..WORKERS {
            let (shared, http) = (load.shared.clone(), http.clone());
            load.tasks.push(tokio::spawn(async move { shared.work(worker, &http).await }));
        }
        let (shared, client) = (load.shared.clone(), http.clone());
        load.tasks.push(tokio::spawn(async move { shared.order_jobs(&client).await }));
        let shared = load.shared.clone();
        load.tasks.push(tokio::spawn(async move { shared.probe(&http).await }));
        Ok(load)
    }

    /// Takes in nodes that are new.
    pub(super) fn know(&self, cluster: &Cluster) {
        let mut targets = held(&self.shared.targets);
        for (name, url) in cluster.addresses() {
            if targets.iter().all(|target| target.name != name) {
                targets.push(Arc::new(Target { name, url, ready: AtomicBool::new(false) }));
            }
        }
    }

    /// The attempts that failed since the last time.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        std::mem::take(&mut *held(&self.shared.troubles))
    }

    /// Waits until every worker had time for several more packages.
    pub(super) async fn goes_on(&self) -> Outcome {
        let goal = self.shared.done.load(Ordering::Relaxed) + WORKERS * 5;
        eventually("clients get on", SOON * 2, || async {
            let done = self.shared.done.load(Ordering::Relaxed);
            let last = held(&self.shared.troubles).last().cloned();
            ensure!(done >= goal, "{done} of {goal} packages are published and read; last trouble: {last:?}");
            Ok(())
        })
        .await
    }

    /// Demands that nothing was answered wrongly, and that everything acknowledged since the last time
    /// can be downloaded with its bytes through each of these nodes. Returns how much that was.
    pub(super) async fn ledger_holds(&self, cluster: &Cluster, nodes: &[String]) -> Outcome<usize> {
        let wrongs = held(&self.shared.wrongs).clone();
        ensure!(wrongs.is_empty(), "answered wrongly: {wrongs:#?}");
        let ledger = held(&self.shared.ledger).clone();
        let from = self.checked.swap(ledger.len(), Ordering::Relaxed);
        let news = &ledger[from..];
        ensure!(!nodes.is_empty(), "nobody is there to be asked");
        for node in nodes {
            for few in news.chunks(8) {
                try_join_all(few.iter().map(|entry| downloads(cluster, node, entry))).await?;
            }
        }
        Ok(news.len())
    }

    /// Asks a node for a package that was acknowledged; the status of its answer.
    pub(super) async fn any_download(&self, cluster: &Cluster, node: &str) -> Outcome<u16> {
        let entry = held(&self.shared.ledger).last().cloned().context("nothing was published")?;
        let process = cluster.node(node)?;
        let url = address(&process.url(), &entry);
        let get = || async {
            let answer = process.http().get(&url).bearer_auth(ADMIN_KEY).timeout(ATTEMPT).send().await?;
            Ok(answer.status().as_u16())
        };
        eventually("a download is answered", SOON, get).await
    }

    /// Leaves more of the machine to others from now on.
    pub(super) fn slow_down(&self, pace: Duration) {
        *held(&self.shared.pace) = pace;
    }

    /// Ends the clients and demands that everything ever acknowledged is there, through these nodes.
    /// Returns what they did.
    pub(super) async fn finish(mut self, cluster: &Cluster, nodes: &[String]) -> Outcome<History> {
        self.shared.over.store(true, Ordering::Relaxed);
        for task in join_all(self.tasks.drain(..)).await {
            task?;
        }
        self.checked.store(0, Ordering::Relaxed);
        let entries = self.ledger_holds(cluster, nodes).await?;
        ensure!(entries > 0, "nothing was ever published");
        let asked = self.shared.asked.load(Ordering::Relaxed);
        println!("{entries} publishes were acknowledged in {asked} attempts of all kinds, and all are there");
        Ok(std::mem::take(&mut *held(&self.shared.history)))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A worker that panicked has failed the test already.
fn held<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address(base: &str, entry: &Entry) -> String {
    format!("{base}/npm/internal/{0}/-/{0}-{1}.tgz", entry.name, entry.version)
}

/// The bytes of a package through one node.
async fn downloads(cluster: &Cluster, node: &str, entry: &Entry) -> Outcome {
    let process = cluster.node(node)?;
    let url = address(&process.url(), entry);
    let get = || async {
        let answer = process.http().get(&url).bearer_auth(ADMIN_KEY).timeout(ATTEMPT).send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        Ok::<_, anyhow::Error>((status, bytes))
    };
    let begun = Instant::now();
    loop {
        match get().await {
            Ok((200, bytes)) => {
                ensure!(Sha256::of(&bytes) == entry.digest, "{entry:?} has other bytes through {node}");
                return Ok(());
            }
            // Busy is no loss; anything else is.
            Ok((503, _)) | Err(_) if begun.elapsed() < SOON => tokio::time::sleep(PROBE).await,
            Ok((status, bytes)) => {
                bail!(
                    "{entry:?} was acknowledged; {node} answers {status}: {}",
                    String::from_utf8_lossy(&bytes)
                )
            }
            Err(error) => return Err(error.context(format!("reading {entry:?} through {node}"))),
        }
    }
}

impl Shared {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            asked: AtomicUsize::default(),
            targets: Mutex::default(),
            turn: AtomicUsize::default(),
            over: AtomicBool::default(),
            done: AtomicUsize::default(),
            ledger: Mutex::default(),
            troubles: Mutex::default(),
            wrongs: Mutex::default(),
            history: Mutex::default(),
            pace: Mutex::new(PACE),
        }
    }

    /// Wants work done in the background, again and again.
    async fn order_jobs(&self, http: &reqwest::Client) {
        while !self.over.load(Ordering::Relaxed) {
            let order = |base: &str| {
                Ok(http.post(format!("{base}/api/cluster/jobs/verify")).header("X-ApiKey", ADMIN_KEY))
            };
            let answer = self.ask("ordering a job", order).await.and_then(|(_, text)| {
                let answer: Value = serde_json::from_str(&text)?;
                answer["id"].as_i64().context("an order without a number")
            });
            match answer {
                Ok(job) => held(&self.history).ordered.extend([job]),
                Err(wrong) => held(&self.wrongs).push(format!("{wrong:#}")),
            }
            let rested = Instant::now() + ORDERS;
            while Instant::now() < rested && !self.over.load(Ordering::Relaxed) {
                tokio::time::sleep(PROBE).await;
            }
        }
    }

    async fn probe(&self, http: &reqwest::Client) {
        while !self.over.load(Ordering::Relaxed) {
            let targets = held(&self.targets).clone();
            join_all(targets.iter().map(|target| async move {
                let get = http.get(format!("{}/health/ready", target.url)).timeout(PROBE * 10);
                let ready = get.send().await.is_ok_and(|answer| answer.status().is_success());
                target.ready.store(ready, Ordering::Relaxed);
            }))
            .await;
            tokio::time::sleep(PROBE).await;
        }
    }

    async fn work(&self, worker: usize, http: &reqwest::Client) {
        for round in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("load-{worker}-{}", round / VERSIONS);
            let package =
                Package::new(&name, &format!("1.{round}.0")).file("index.js", format!("// {round}"));
            if let Err(wrong) = self.publish_and_read(&package, http).await {
                held(&self.wrongs).push(format!("{name} 1.{round}.0: {wrong:#}"));
            }
            self.done.fetch_add(1, Ordering::Relaxed);
            let pace = *held(&self.pace);
            tokio::time::sleep(pace).await;
        }
    }

    /// Publishes, and demands of the next node an index with the new version in it.
    async fn publish_and_read(&self, package: &Package, http: &reqwest::Client) -> Outcome {
        let (name, version) = (package.name(), package.version());
        let bytes = package.tarball()?;
        let what = (name.to_owned(), version.to_owned());
        let number = {
            let publishes = &mut held(&self.history).publishes;
            publishes.push(Publishing { what, began: self.begun.elapsed(), acknowledged: None });
            publishes.len() - 1
        };
        self.ask("publishing", |base| {
            let registry = format!("{base}/npm/internal/");
            let document = package.publish_document(&registry)?;
            Ok(http.put(format!("{registry}{name}")).bearer_auth(ADMIN_KEY).json(&document))
        })
        .await?;
        held(&self.history).publishes[number].acknowledged = Some(self.begun.elapsed());
        let (name, version) = (name.to_owned(), version.to_owned());
        let entry = Entry { name: name.clone(), version: version.clone(), digest: Sha256::of(&bytes) };
        held(&self.ledger).push(entry);
        let read = |base: &str| Ok(http.get(format!("{base}/npm/internal/{name}")).bearer_auth(ADMIN_KEY));
        let began = self.begun.elapsed();
        let (node, text) = self.ask("reading", read).await?;
        let ended = self.begun.elapsed();
        let index: Value = serde_json::from_str(&text)?;
        let listed = index["versions"].as_object().context("no versions")?;
        let seen = listed.keys().cloned().collect::<BTreeSet<_>>();
        held(&self.history).readings.push(Reading { name, began, ended, listed: seen });
        ensure!(listed.contains_key(&version), "acknowledged, but not listed by {node} afterwards");
        Ok(())
    }

    /// Asks one ready node after the other until one answers; a refusal is an error.
    async fn ask(
        &self,
        what: &str,
        request: impl Fn(&str) -> Outcome<reqwest::RequestBuilder>,
    ) -> Outcome<(String, String)> {
        let begun = Instant::now();
        loop {
            ensure!(begun.elapsed() < PATIENCE, "{what}: no answer within {PATIENCE:?}, whatever was tried");
            let Some(target) = self.next() else {
                tokio::time::sleep(PROBE).await;
                continue;
            };
            let began = Instant::now();
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = async {
                let answer = request(&target.url)?.send().await?;
                let status = answer.status();
                Ok::<_, anyhow::Error>((status.as_u16(), answer.text().await?))
            };
            let trouble = match answer.await {
                Ok((200..=299, text)) => return Ok((target.name.clone(), text)),
                Ok((status @ (502..=504), text)) => format!("{status}: {text}"),
                Ok((status, text)) => bail!("{what}: {} answered {status}: {text}", target.name),
                Err(error) => format!("{error:#}"),
            };
            let said = format!("{what} through {}, after {:?}: {trouble}", target.name, began.elapsed());
            held(&self.troubles).push(said);
            tokio::time::sleep(PROBE / 4).await;
        }
    }

    fn next(&self) -> Option<Arc<Target>> {
        let targets = held(&self.targets);
        let ready: Vec<_> = targets.iter().filter(|target| target.ready.load(Ordering::Relaxed)).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (!ready.is_empty()).then(|| ready[turn % ready.len()].clone())
    }
}
