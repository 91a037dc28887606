//! Clients through the balancer at a steady rate: whoever is slow or fails keeps nobody else from asking.
//! Nothing is tried again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use proget_tests::{Outcome, Package};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use super::street::KEY;

/// Requests a second.
pub(super) const RATE: usize = 50;

/// Every so many requests a package is published; the others read documents of packages that were.
const PUBLISH_EVERY: usize = 10;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What clients have met so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) asked: usize,
    pub(super) failed: usize,
}

impl std::ops::Sub for Met {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { asked: self.asked - earlier.asked, failed: self.failed - earlier.failed }
    }
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    base: String,
    asked: AtomicUsize,
    answered: AtomicUsize,
    failures: Mutex<Vec<String>>,
    published: Mutex<Vec<String>>,
}

/// Clients at work. Dropped, they stop.
#[derive(Debug)]
pub(super) struct Clients {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Clients {
    pub(super) fn start(balancer: &str) -> Outcome<Self> {
        let shared = Arc::new(Shared {
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            base: format!("{balancer}/npm/internal/"),
            asked: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            failures: Mutex::default(),
            published: Mutex::default(),
        });
        let task = tokio::spawn(work(shared.clone()));
        Ok(Self { shared, task })
    }

    /// What they met so far, once those are answered that are under way now.
    pub(super) async fn met(&self) -> Outcome<Met> {
        let (asked, until) = (self.shared.asked.load(Ordering::Acquire), Instant::now() + PATIENCE);
        while self.shared.answered.load(Ordering::Acquire) < asked && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let failed = held(&self.shared.failures).len();
        Ok(Met { asked, failed })
    }

    /// What failed since there were `after` failures.
    pub(super) fn failures(&self, after: usize) -> Vec<String> {
        held(&self.shared.failures).iter().skip(after).cloned().collect()
    }

    /// Stops them, and demands everything that was acknowledged.
    pub(super) async fn end(self) -> Outcome {
        self.met().await?;
        self.task.abort();
        let published = std::mem::take(&mut *held(&self.shared.published));
        println!("{} packages were acknowledged; all of them are read", published.len());
        for name in &published {
            let url = format!("{}{name}", self.shared.base);
            let answer = self.shared.http.get(&url).send().await?.error_for_status();
            answer.with_context(|| format!("{name} was acknowledged and is lost"))?;
        }
        Ok(())
    }
}

async fn work(shared: Arc<Shared>) {
    let mut tick = interval(Duration::from_secs(1) / RATE as u32);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asking = JoinSet::new();
    for number in 0.. {
        tick.tick().await;
        while asking.try_join_next().is_some() {}
        asking.spawn(ask(shared.clone(), number));
    }
}

async fn ask(shared: Arc<Shared>, number: usize) {
    shared.asked.fetch_add(1, Ordering::AcqRel);
    let begun = Instant::now();
    let outcome = if number.is_multiple_of(PUBLISH_EVERY) {
        publish(&shared, number).await
    } else {
        read(&shared, number).await
    };
    if let Err(error) = outcome {
        held(&shared.failures).push(format!("request {number}, after {:?}: {error:#}", begun.elapsed()));
    }
    shared.answered.fetch_add(1, Ordering::AcqRel);
}

async fn publish(shared: &Shared, number: usize) -> Outcome {
    let name = format!("measured-{number}");
    let document =
        Package::new(&name, "1.0.0").file("index.js", name.as_str()).publish_document(&shared.base)?;
    let put = shared.http.put(format!("{}{name}", shared.base)).bearer_auth(KEY).json(&document);
    put.send().await?.error_for_status()?;
    held(&shared.published).push(name);
    Ok(())
}

async fn read(shared: &Shared, number: usize) -> Outcome {
    let name = {
        let published = held(&shared.published);
        match published.len() {
            0 => return Ok(()),
            many => published[number % many].clone(),
        }
    };
    shared.http.get(format!("{}{name}", shared.base)).send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

fn held<T>(kept: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
