//! npm, twine, pip and cargo at work through HAProxy, request by request to another node, while the
//! primary is killed, another node is killed, the primary is drained, and all are restarted.
//!
//! The balancer's log is the witness of every single request; clients hide some failures by trying again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::future::{join_all, try_join_all};
use proget_tests::client::Answer;
use proget_tests::{
    Cargo, Cluster, Crate, HaProxy, Npm, Outcome, Package, Pip, PythonPackage, Registry, SOON, Twine,
    eventually, free_port,
};
use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::house::{House, Kind};
use super::orderly::readiness;

/// As the balancer's file wants it.
const GRACE: &str = "3s";

/// How long after a node's death a request may still be sent to it.
const NOTICED: Duration = Duration::from_secs(2);

/// Between two packages of one of the house's own clients: here others are at work.
const UNHURRIED: Duration = Duration::from_millis(500);

/// The same for cargo, which is that much faster than npm and pip.
const PAUSE: Duration = Duration::from_millis(500);

/// The addresses of the nodes in the shipped file.
const SHIPPED: [&str; 3] = ["10.0.0.11:8624", "10.0.0.12:8624", "10.0.0.13:8624"];

/// A kind of client: how it publishes and installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Npm,
    Python,
    Cargo,
}

const CLIENTS: [Client; 3] = [Client::Npm, Client::Python, Client::Cargo];

impl Client {
    /// The type of its feed, which is the feed's name too; HTTP clients of the house have another feed.
    fn feed(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Python => "pypi",
            Self::Cargo => "cargo",
        }
    }

    fn at(self, base: &str, feed: &Registry) -> Registry {
        feed.at(format!("{base}/{0}/clients-{0}/", self.feed()))
    }

    async fn publish(self, feed: &Registry, name: &str) -> Outcome<Answer> {
        match self {
            Self::Npm => Npm::new(feed)?.publish(&Package::new(name, "1.0.0").file("index.js", name)).await,
            Self::Python => {
                let words = format!("WORDS = {name:?}");
                let wheel = PythonPackage::new(name, "1.0.0").module(name, &words).wheel()?;
                Twine::new(feed)?.upload(&[&wheel]).await
            }
            Self::Cargo => Cargo::new(feed)?.publish(&Crate::new(name, "1.0.0").source("")).await,
        }
    }

    /// A fresh client, with nothing kept from earlier, installs all of these.
    async fn install(self, feed: &Registry, names: &[String]) -> Outcome<Answer> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match self {
            Self::Npm => Npm::new(feed)?.try_install("app", &names).await,
            Self::Python => Pip::new(feed)?.try_install("app", &names).await,
            Self::Cargo => {
                let cargo = Cargo::new(feed)?;
                let wanted = |name: &&str| format!("{name} = {{ version = \"1\", registry = \"local\" }}\n");
                let table = format!("[dependencies]\n{}", names.iter().map(wanted).collect::<String>());
                let app = Crate::new("app", "0.0.0").table(&table).file("src/main.rs", "fn main() {}\n");
                cargo.run(&cargo.project(&app)?, &["fetch"]).await
            }
        }
    }
}

#[derive(Debug, Default)]
struct Work {
    over: AtomicBool,
    attempts: AtomicUsize,
    rounds: [AtomicUsize; 3],
    acknowledged: Mutex<Vec<(Client, String)>>,
    failures: Mutex<Vec<String>>,
}

impl Work {
    fn acknowledged(&self, client: Client) -> Vec<String> {
        let all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(by, _)| *by == client).map(|(_, name)| name.clone()).collect()
    }

    fn acknowledge(&self, client: Client, name: &str) {
        let mut all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((client, name.to_owned()));
    }

    fn failures(&self) -> Vec<String> {
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Publishes one package after the other, and has each installed by a client that never heard of it.
    async fn work(&self, client: Client, feed: Registry) -> Outcome {
        let mine = &self.rounds[client as usize];
        for round in 0.. {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("chaos{round}");
            if self.does(client.publish(&feed, &name).await?) {
                self.acknowledge(client, &name);
                self.does(client.install(&feed, &[name]).await?);
            }
            mine.fetch_add(1, Ordering::Relaxed);
            if client == Client::Cargo {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    fn does(&self, answer: Answer) -> bool {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let done = answer.status.success();
        if !done {
            let said = format!("{}: {}", answer.command, answer.text());
            self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(said);
        }
        done
    }

    fn rounds(&self) -> [usize; 3] {
        [0, 1, 2].map(|at: usize| self.rounds[at].load(Ordering::Relaxed))
    }

    /// Waits until each client has got a package published and installed.
    async fn goes_on(&self) -> Outcome {
        let before = self.rounds();
        eventually("npm, pip and cargo get on", SOON * 4, || async {
            let rounds = self.rounds();
            let all = before.iter().zip(&rounds).all(|(before, now)| now > before);
            ensure!(all, "of {CLIENTS:?} {rounds:?} packages are published and installed, after {before:?}");
            Ok(())
        })
        .await
    }
}

/// The house with a balancer in front and the clients before that.
struct Street {
    house: House,
    haproxy: HaProxy,
    work: Arc<Work>,
    tasks: Vec<JoinHandle<Outcome>>,
    feeds: Vec<(Client, Registry)>,
    /// So much of the balancer's log has been judged, and so many of each client's packages.
    read: usize,
    installed: [usize; 3],
}

pub(super) async fn npm_pip_and_cargo_work_through_haproxy_all_the_while(kind: Kind) -> Outcome {
    let database = kind.database().await?;
    let house = House::built(&database, Cluster::new(&database, GRACE)?).await?;
    house.load.slow_down(UNHURRIED);
    let mut street = Street::open(house).await?;
    let result = street.live_through_it().await;
    result.with_context(|| format!("the balancer said:\n{}", last_lines(&street.haproxy.log())))?;
    street.work.over.store(true, Ordering::Relaxed);
    for task in join_all(street.tasks.drain(..)).await {
        task??;
    }
    let (attempts, rounds) = (street.work.attempts.load(Ordering::Relaxed), street.work.rounds());
    println!("{attempts} commands of real clients, {rounds:?} packages of {CLIENTS:?}");
    street.house.close().await
}

impl Street {
    async fn open(house: House) -> Outcome<Self> {
        let haproxy = balancer(&house.cluster).await?;
        let (work, mut feeds, mut tasks) = (Arc::<Work>::default(), Vec::new(), Vec::new());
        for client in CLIENTS {
            let kind = client.feed();
            let feed = house.cluster.node("a")?.create_feed(kind, &format!("clients-{kind}")).await?;
            let through = client.at(&haproxy.url(), &feed);
            let work = work.clone();
            tasks.push(tokio::spawn(async move { work.work(client, through).await }));
            feeds.push((client, feed));
        }
        Ok(Self { house, haproxy, work, tasks, feeds, read: 0, installed: [0; 3] })
    }

    async fn live_through_it(&mut self) -> Outcome {
        self.work.goes_on().await?;
        self.nobody_noticed("all was well").await?;

        let before = self.house.fence().await?;
        let primary = self.house.primary("a").await?;
        let killed = Instant::now();
        self.house.cluster.kill(&[&primary]).await?;
        self.house.succession(before, killed).await?;
        self.only_the_dead_failed(&primary, killed).await?;

        let any = self.house.cluster.other_than(&[])?;
        let primary = self.house.primary(&any).await?;
        let other = self.house.cluster.other_than(&[&primary])?;
        let killed = Instant::now();
        self.house.cluster.kill(&[&other]).await?;
        self.only_the_dead_failed(&other, killed).await?;

        let primary = self.house.primary("a").await?;
        let other = self.house.cluster.other_than(&[&primary])?;
        for (what, ready) in [("drain", 503), ("resume", 200)] {
            let path = format!("nodes/{primary}/{what}");
            self.house.cluster.order(&other, Method::POST, &path, Value::Null).await?.done()?;
            readiness(&self.house, &primary, ready).await?;
            self.work.goes_on().await?;
        }
        self.nobody_noticed("the primary was drained and resumed").await?;

        for node in self.house.cluster.running() {
            self.house.cluster.node_mut(&node)?.restart().await?;
            self.balanced().await?;
        }
        self.work.goes_on().await?;
        self.nobody_noticed("all were restarted one by one").await
    }

    /// Not one request failed since the last time, whether a client tried again or not.
    async fn nobody_noticed(&mut self, after: &str) -> Outcome {
        let mut failures = self.failed_lines();
        failures.extend(self.work.failures());
        self.house.without(&failures, after)?;
        self.everything_is_there(after).await
    }

    /// What failed was on its way to this node, or was sent there before that could be noticed.
    async fn only_the_dead_failed(&mut self, node: &str, killed: Instant) -> Outcome {
        eventually("the balancer has had time to notice", SOON, || async {
            ensure!(killed.elapsed() > NOTICED, "not yet");
            Ok(())
        })
        .await?;
        let failed = self.failed_lines();
        let dead = format!("nodes/node{}", number(node)?);
        let (its_own, others): (Vec<String>, Vec<String>) =
            failed.into_iter().partition(|line| line.contains(&dead));
        // Each client has some connections; npm and cargo open several at once.
        ensure!(its_own.len() <= 6 * CLIENTS.len(), "more failed than was on its way: {its_own:#?}");
        println!("{node} was killed: {} requests failed that were sent there", its_own.len());
        // Only now has every command come to its end that was under way then: some try again for a while,
        // and all are as slow as the machine.
        self.work.goes_on().await?;
        let commands = self.work.failures();
        let more = commands.len().saturating_sub(its_own.len());
        let late = self.failed_lines();
        let wrong: Vec<String> =
            others.into_iter().chain(late).chain(commands.into_iter().take(more)).collect();
        self.house.without(&wrong, &format!("{node} was killed, besides what was sent to it"))?;
        self.everything_is_there("a node was killed").await?;
        self.house.cluster.bring_back(&[node]).await?;
        self.balanced().await
    }

    /// Every package that was acknowledged since the last time is installed by a fresh client, through each
    /// node that runs.
    async fn everything_is_there(&mut self, after: &str) -> Outcome {
        let running = self.house.cluster.running();
        let mut installing = Vec::new();
        for (client, feed) in &self.feeds {
            let all = self.work.acknowledged(*client);
            let known = std::mem::replace(&mut self.installed[*client as usize], all.len());
            let mut ways = Vec::new();
            for node in &running {
                ways.push((node, client.at(&self.house.cluster.node(node)?.url(), feed)));
            }
            installing.push(async move {
                let news = &all[known..];
                for (node, direct) in ways {
                    if !news.is_empty() {
                        let answer = client.install(&direct, news).await?.succeeded();
                        answer.with_context(|| format!("after {after}, {client:?} through {node}"))?;
                    }
                }
                println!("after {after}: {} more packages of {client:?} are there", news.len());
                Ok::<_, anyhow::Error>(())
            });
        }
        try_join_all(installing).await?;
        Ok(())
    }

    /// The requests that the balancer saw fail since the last time.
    fn failed_lines(&mut self) -> Vec<String> {
        let log = self.haproxy.log();
        let news = &log[self.read..];
        let whole = news.rfind('\n').map_or("", |end| &news[..=end]);
        self.read += whole.len();
        whole.lines().filter(|line| has_failed(line)).map(str::to_owned).collect()
    }

    /// Waits until the balancer sends requests to every node again.
    async fn balanced(&self) -> Outcome {
        let running = self.house.cluster.running().len();
        eventually("the balancer knows all nodes", SOON, || async {
            let log = self.haproxy.log();
            let mut up = [true; 3];
            for line in log.lines().filter(|line| line.contains("Server nodes/node")) {
                for (at, up) in up.iter_mut().enumerate() {
                    if line.contains(&format!("Server nodes/node{} is ", at + 1)) {
                        *up = line.contains(" is UP");
                    }
                }
            }
            let count = up.iter().filter(|up| **up).count();
            ensure!(count == running, "{count} of {running} nodes are up");
            Ok(())
        })
        .await
    }
}

/// A request that was not answered, or was answered with a fault of the server: of the log's fields the
/// status, and the state in which the connection ended (S: by the server).
///
/// See <https://docs.haproxy.org/2.6/configuration.html#8.2.3>.
fn has_failed(line: &str) -> bool {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, _, "proget", _, _, status, _, _, _, state, ..] = fields[..] else { return false };
    let status: i32 = status.parse().unwrap_or(-1);
    !(200..500).contains(&status) || state.starts_with('S')
}

#[test]
fn a_failed_request_is_told_from_the_balancers_line_about_it() -> Outcome {
    let line = |status: &str, state: &str| {
        format!(
            "127.0.0.1:4242 [23/Nov/2026:09:00:00.000] proget nodes/node1 0/0/0/5/5 {status} 312 - - {state} \
             1/1/0/0/0 0/0 \"PUT /npm/left HTTP/1.1\""
        )
    };
    ensure!(!has_failed(&line("200", "----")) && !has_failed(&line("404", "----")), "good ones");
    for (status, state) in [("503", "SC--"), ("-1", "SH--"), ("200", "SD--"), ("503", "----")] {
        ensure!(has_failed(&line(status, state)), "{status} {state}");
    }
    ensure!(!has_failed("[WARNING] (1) : Server nodes/node1 is DOWN"), "no request");
    Ok(())
}

/// The nodes' numbers in the balancer's file, in the order of their names.
fn number(node: &str) -> Outcome<usize> {
    let at = ["a", "b", "c"].iter().position(|name| *name == node);
    Ok(at.with_context(|| format!("{node} has no number"))? + 1)
}

/// The shipped file, with nothing but addresses replaced.
async fn balancer(cluster: &Cluster) -> Outcome<HaProxy> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haproxy/http.cfg");
    let mut text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let port = free_port()?;
    let nodes = cluster.addresses().into_iter().map(|(_, url)| url.replace("http://", ""));
    let pairs = SHIPPED.into_iter().map(str::to_owned).zip(nodes);
    for (shipped, ours) in pairs.chain([("bind *:80\n".into(), format!("bind 127.0.0.1:{port}\n"))]) {
        ensure!(text.contains(&shipped), "the file does not say {shipped:?}");
        text = text.replace(&shipped, &ours);
    }
    HaProxy::start(port, &text).await
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| has_failed(line) || line.contains("Server ")).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
