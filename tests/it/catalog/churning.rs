//! A sweep that deletes the very digests that others push, on every database and a real directory.
//!
//! Reservations are made to run out, doomed bytes are deleted at once, and the next sweep follows the last: far
//! worse than any operation, so that each step of a blob's death is met by pushes within seconds. What must
//! hold all the while: no push is refused, and what was pushed can be read. The run counts what it met, and
//! fails if that is too little to mean something.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use proget_core::access::{Permission, Principal};
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::blob::{BlobKey, IntakeLimits, PackageStore};
use proget_core::catalog::Blobs as _;
use proget_core::conformance::{Dice, sample};
use proget_core::digest::{DigestSet, Sha256};
use proget_core::feed::{Feed, FeedSettings, FormatId};
use proget_core::format::{FeedFormat, Samples};
use proget_core::package::{FileRef, Fragment, Manifest, Offer, PackageName, Version};
use proget_core::registry::{FreshCatalog, Published, Registry, Removal, SweepOptions, SweepReport};
use proget_core::{Problem, Refusal};
use proget_storage::sql::SqlCatalog;
use proget_storage::{LocalStore, Scratch, TokioRuntime};
use proget_tests::Outcome;

use super::place::{Kind, Place, on_every_database};

on_every_database!(pushes_of_what_a_sweep_deletes_are_never_refused_and_lose_nothing);

const NODES: usize = 2;
const PUSHERS: usize = 6;
/// So few digests that each is pushed by several at once, and left by all now and then.
const CONTENTS: u64 = 8;
/// A reservation lasts this long here, at most.
const HOLD: Duration = Duration::from_millis(50);
/// By then there must be enough of everything. In seconds, or as `PROGET_TEST_CHURN` says.
const LONGEST: u64 = 60;

/// As few of each event as still mean something.
const ENOUGH: u64 = 50;

/// What was met.
#[derive(Debug, Default)]
struct Met {
    pushed: AtomicU64,
    /// Pushes that found another key for a digest than this pusher had before.
    renewed: AtomicU64,
    condemned: AtomicU64,
    doomed: AtomicU64,
    abandoned: AtomicU64,
    deleted: AtomicU64,
}

impl Met {
    fn add(&self, report: &SweepReport) {
        self.condemned.fetch_add(report.condemned, Ordering::Relaxed);
        self.doomed.fetch_add(report.doomed, Ordering::Relaxed);
        self.abandoned.fetch_add(report.abandoned, Ordering::Relaxed);
        self.deleted.fetch_add(report.deleted, Ordering::Relaxed);
    }

    /// Condemned and not doomed: some push came in time. `CONTENTS` may still be condemned.
    fn revived(&self) -> u64 {
        let given_up = self.doomed.load(Ordering::Relaxed) + CONTENTS;
        self.condemned.load(Ordering::Relaxed).saturating_sub(given_up)
    }

    fn enough(&self) -> bool {
        let all = [&self.renewed, &self.doomed, &self.deleted].map(|count| count.load(Ordering::Relaxed));
        all.into_iter().chain([self.revived()]).all(|count| count >= ENOUGH)
    }
}

async fn pushes_of_what_a_sweep_deletes_are_never_refused_and_lose_nothing(kind: Kind) -> Outcome {
    let longest = match std::env::var("PROGET_TEST_CHURN") {
        Ok(seconds) => seconds.parse().context("PROGET_TEST_CHURN must be seconds")?,
        Err(_) => LONGEST,
    };
    let patient = longest > LONGEST;
    let mut dice = Dice::new();
    let place = Place::fresh(kind).await?;
    let folder = tempfile::tempdir()?;
    let mut nodes = Vec::new();
    for catalog in place.open_many(NODES).await? {
        nodes.push(Node::over(catalog, folder.path()).await?);
    }
    let (met, stop) = (Met::default(), AtomicBool::new(false));
    let mut pushers = Vec::new();
    for number in 0..PUSHERS {
        pushers.push(Pusher::new(&nodes, number, Dice::seeded(dice.roll())).await?);
    }
    let end = Instant::now() + Duration::from_secs(longest);
    let watch = async {
        while Instant::now() < end && (patient || !met.enough()) && !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(HOLD).await;
        }
        stop.store(true, Ordering::Relaxed);
        Ok(())
    };
    let pushing = try_join_all(pushers.iter_mut().map(|pusher| async {
        let outcome = pusher.churn(&met, &stop).await;
        // Whoever fails ends the run for all.
        stop.store(stop.load(Ordering::Relaxed) || outcome.is_err(), Ordering::Relaxed);
        outcome
    }));
    let outcome =
        tokio::try_join!(pushing, watch, expire(&place, &stop), sweep_all_the_while(&nodes, &met, &stop));
    println!("{met:?}, revived at least {}", met.revived());
    outcome?;
    ensure!(met.enough(), "too little happened to mean something: {met:?}, revived {}", met.revived());

    // What stays is all there, whatever the last sweeps were about.
    for pusher in &mut pushers {
        for content in 0..CONTENTS {
            pusher.push(content, &met).await?;
        }
    }
    for _ in 0..3 {
        nodes[0].sweep().await?;
    }
    for pusher in &pushers {
        for content in 0..CONTENTS {
            pusher.read(content).await?;
        }
    }
    let report = nodes[0].registry.verify(|_| ()).await.map_err(failed)?;
    ensure!(report.damage.is_empty(), "{:?}", report.damage);
    ensure!(report.blobs == CONTENTS, "{} blobs for {CONTENTS} contents", report.blobs);
    Ok(())
}

/// Takes all reservations away, again and again: what a process that stood still too long would find.
async fn expire(place: &Place, stop: &AtomicBool) -> Outcome {
    use sea_orm::ConnectionTrait as _;
    let raw = place.raw().await?;
    while !stop.load(Ordering::Relaxed) {
        // A deadlock with a commit may end this statement instead; the next one comes soon.
        if let Err(error) = raw.execute_unprepared("UPDATE blobs SET reserved_until = 0").await {
            println!("reservations stay: {error}");
        }
        tokio::time::sleep(HOLD).await;
    }
    Ok(())
}

/// One sweep after the other, the duty moving from node to node.
async fn sweep_all_the_while(nodes: &[Node], met: &Met, stop: &AtomicBool) -> Outcome {
    while !stop.load(Ordering::Relaxed) {
        for node in nodes {
            for _ in 0..5 {
                met.add(&node.sweep().await?);
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(())
}

/// One process of a cluster, as far as packages are concerned.
struct Node {
    registry: Arc<Registry>,
    catalog: Arc<SqlCatalog>,
}

impl Node {
    async fn over(catalog: Arc<SqlCatalog>, folder: &std::path::Path) -> Outcome<Self> {
        let store = Arc::new(LocalStore::open(folder).await?);
        let staging = Arc::new(Scratch::open(folder).await?);
        let packages = PackageStore::new(store, staging, IntakeLimits::default());
        let runtime = Arc::new(TokioRuntime);
        let fresh = FreshCatalog::new(catalog.clone(), runtime.clone());
        Ok(Self { registry: Arc::new(Registry::new(fresh, packages, vec![&Numbered], runtime)), catalog })
    }

    async fn sweep(&self) -> Outcome<SweepReport> {
        let at_once = SweepOptions { delete_delay: Duration::ZERO, witness_wait: Duration::ZERO };
        let report = self.registry.sweep(at_once).await.map_err(failed)?;
        ensure!(report.deletes_stopped.is_none(), "{report:?}");
        Ok(report)
    }
}

/// Pushes, reads and removes in a feed of its own what the others push into theirs.
struct Pusher {
    registry: Arc<Registry>,
    catalog: Arc<SqlCatalog>,
    feed: Arc<Feed>,
    dice: Dice,
    seen: HashMap<u64, BlobKey>,
}

impl Pusher {
    async fn new(nodes: &[Node], number: usize, dice: Dice) -> Outcome<Self> {
        let node = &nodes[number % nodes.len()];
        let name = sample::feed_name(&format!("feed-{number}"));
        let system = Principal::system();
        let feed = node
            .registry
            .create_feed(&system, name, Numbered.id(), FeedSettings::default())
            .await
            .map_err(failed)?;
        Ok(Self {
            registry: node.registry.clone(),
            catalog: node.catalog.clone(),
            feed: Arc::new(feed),
            dice,
            seen: HashMap::new(),
        })
    }

    async fn churn(&mut self, met: &Met, stop: &AtomicBool) -> Outcome {
        while !stop.load(Ordering::Relaxed) {
            let content = self.dice.roll() % CONTENTS;
            self.push(content, met).await?;
            self.read(content).await?;
            self.remove(content).await?;
        }
        Ok(())
    }

    async fn push(&mut self, content: u64, met: &Met) -> Outcome {
        let admission =
            self.registry.admit(&Principal::system(), &self.feed, Permission::Add).map_err(failed)?;
        let body = futures::stream::iter([Ok(bytes_of(content))]).boxed();
        let artifact = self.registry.packages().receive(body, DigestSet::default()).await?;
        let published = self.registry.publish(admission, &Numbered, artifact, Offer::default()).await;
        let (published, _) = published
            .map_err(|problem| failed(problem).context(format!("a push of {content} was refused")))?;
        ensure!(published == Published::New, "content {content} was {published:?}");
        met.pushed.fetch_add(1, Ordering::Relaxed);
        let row = self.catalog.blob(&sample::store(), &Sha256::of(&bytes_of(content))).await?;
        let key = row.context("what was pushed has no blob")?.key;
        if self.seen.insert(content, key).is_some_and(|before| before != key) {
            met.renewed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn read(&self, content: u64) -> Outcome {
        let admission =
            self.registry.admit(&Principal::system(), &self.feed, Permission::View).map_err(failed)?;
        let file = FileRef { package: named(content).key().clone(), file: sample::file_name("1.txt") };
        let item = self.registry.item(&admission, &file).await.map_err(failed)?;
        let blob = self.registry.open(&item, None).await.map_err(failed)?;
        let chunks: Vec<Bytes> = blob.body.try_collect().await?;
        ensure!(chunks.concat() == bytes_of(content), "content {content} is not what was pushed");
        Ok(())
    }

    async fn remove(&self, content: u64) -> Outcome {
        let admission =
            self.registry.admit(&Principal::system(), &self.feed, Permission::Delete).map_err(failed)?;
        let name = named(content);
        self.registry.remove(&admission, name.key(), None, Removal::Package).await.map_err(failed)
    }
}

fn failed(problem: Problem) -> anyhow::Error {
    anyhow!("{problem:?}")
}

/// Too large for the memory of small blobs, so that reading reads the store.
fn bytes_of(content: u64) -> Bytes {
    let mut bytes = content.to_string().into_bytes();
    bytes.resize(200 << 10, b' ');
    bytes.into()
}

fn named(content: u64) -> PackageName {
    sample::package(&format!("p{content}"))
}

/// A format whose packages are a number and spaces.
#[derive(Debug)]
struct Numbered;

impl FeedFormat for Numbered {
    fn id(&self) -> FormatId {
        sample::format_id()
    }

    fn purl_type(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "numbered"
    }

    fn name(&self, raw: &str) -> Result<PackageName, Refusal> {
        Ok(sample::package(raw))
    }

    fn version(&self, raw: &str) -> Result<Version, Refusal> {
        Ok(sample::version(raw))
    }

    fn compare(&self, left: &str, right: &str) -> Result<std::cmp::Ordering, Refusal> {
        Ok(left.cmp(right))
    }

    fn inspect(&self, bytes: &mut dyn ReadSeek, _: &Artifact, _: &Offer) -> Result<Manifest, Refusal> {
        let mut text = String::new();
        bytes.read_to_string(&mut text).map_err(|_| Refusal::new("package", "must be text"))?;
        let number = text.trim().parse().map_err(|_| Refusal::new("package", "must be a number"))?;
        Ok(Manifest {
            name: named(number),
            version: sample::version("1"),
            file: sample::file_name("1.txt"),
            version_fragment: Fragment::default(),
            file_fragment: Fragment::default(),
            detail: Fragment::default(),
            file_detail: Fragment::default(),
            summary: String::new(),
            keywords: Vec::new(),
            tags: Vec::new(),
        })
    }

    fn samples(&self) -> Samples {
        Samples { names: &[], bad_names: &[], same_names: &[], versions: &[], bad_versions: &[] }
    }
}
