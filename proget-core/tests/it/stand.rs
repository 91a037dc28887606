//! The stand that these tests play on: a registry on memory parts, a clock that is turned by
//! hand, and the plainest format there is.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use proget_core::access::{FeedScope, Permission, Permissions, Principal, Rights};
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::blob::{BlobStore, IntakeLimits, PackageStore};
use proget_core::catalog::Catalog;
use proget_core::clock::{Clock, ManualClock};
use proget_core::digest::DigestSet;
use proget_core::feed::{Feed, FeedName, FeedSettings, FormatId};
use proget_core::format::{FeedFormat, Samples};
use proget_core::memory::faulty::{FaultyCatalog, FaultyStore};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::package::{
    FileName, FileRef, Fragment, Manifest, Offer, OrderKey, PackageName, Stability, TagChange, TagMode,
    TagName, Version,
};
use proget_core::registry::{FreshCatalog, Inline, Published, Registry, Runtime, SweepOptions};
use proget_core::{Problem, Refusal};
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// A format whose packages are text: `name version`, then anything.
#[derive(Debug)]
pub(crate) struct Plain;

impl FeedFormat for Plain {
    fn id(&self) -> FormatId {
        FormatId::new("plain").unwrap()
    }

    fn purl_type(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "plain"
    }

    fn name(&self, raw: &str) -> Result<PackageName, Refusal> {
        if raw.is_empty() || raw.len() > 100 || raw.contains(['/', ' ', '\0']) {
            return Err(Refusal::new("name", "must be a word"));
        }
        Ok(PackageName::new(raw, raw.to_lowercase()))
    }

    fn version(&self, raw: &str) -> Result<Version, Refusal> {
        let number: u32 = raw.parse().map_err(|_| Refusal::new("version", "must be a number"))?;
        let order = OrderKey(number.to_be_bytes().to_vec());
        Ok(Version::new(raw, number.to_string(), order, Stability::Stable))
    }

    fn compare(&self, left: &str, right: &str) -> Result<Ordering, Refusal> {
        Ok(self.version(left)?.order().cmp(self.version(right)?.order()))
    }

    fn inspect(&self, bytes: &mut dyn ReadSeek, _: &Artifact, _: &Offer) -> Result<Manifest, Refusal> {
        let mut text = String::new();
        bytes.read_to_string(&mut text).map_err(|_| Refusal::new("package", "must be text"))?;
        let mut words = text.split_whitespace();
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            return Err(Refusal::new("package", "must begin with name and version"));
        };
        Ok(Manifest {
            name: self.name(name)?,
            version: self.version(version)?,
            file: FileName::new(format!("{name}-{version}.txt"))?,
            version_fragment: Fragment(Bytes::from(text.clone())),
            file_fragment: Fragment::default(),
            detail: Fragment::default(),
            file_detail: Fragment::default(),
            summary: format!("the package {name}"),
            keywords: Vec::new(),
            tags: vec![TagChange { tag: TagName::new("latest")?, mode: TagMode::Move }],
        })
    }

    fn samples(&self) -> Samples {
        Samples {
            names: &["a"],
            bad_names: &["", "a b"],
            same_names: &[&["a", "A"]],
            versions: &["1", "2"],
            bad_versions: &["x"],
        }
    }
}

/// A runtime whose sleepers wake at once: time is the manual clock's business here.
#[derive(Debug)]
pub(crate) struct Impatient;

#[async_trait]
impl Runtime for Impatient {
    async fn offload(&self, work: proget_core::registry::Work) -> bool {
        Inline.offload(work).await
    }

    async fn complete(&self, work: futures::future::BoxFuture<'static, ()>) {
        work.await;
    }

    fn sleep(&self, _: Duration) -> futures::future::BoxFuture<'static, ()> {
        // The witness waits; a publish races this against a put that is ready at once.
        Box::pin(futures::future::ready(()))
    }
}

/// All parts, within reach.
pub(crate) struct Stand {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) memory: Arc<MemoryCatalog>,
    pub(crate) catalog: Arc<FaultyCatalog>,
    pub(crate) disk: Arc<MemoryStore>,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) staging: Arc<MemoryStaging>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) feed: Arc<Feed>,
}

impl Stand {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(MemoryCatalog::new(clock.clone() as Arc<dyn Clock>));
        let disk = Arc::new(MemoryStore::new());
        Self::over(clock, memory, disk).await
    }

    /// Another node over the same catalogue and store, with the feed that is there.
    pub(crate) async fn over(
        clock: Arc<ManualClock>,
        memory: Arc<MemoryCatalog>,
        disk: Arc<MemoryStore>,
    ) -> Self {
        Self::on(clock, memory, disk.clone(), disk).await
    }

    /// A node over a store that leads to `disk`.
    pub(crate) async fn on(
        clock: Arc<ManualClock>,
        memory: Arc<MemoryCatalog>,
        disk: Arc<MemoryStore>,
        store: Arc<dyn BlobStore>,
    ) -> Self {
        let catalog = Arc::new(FaultyCatalog::new(memory.clone() as Arc<dyn Catalog>));
        let store = Arc::new(FaultyStore::new(store));
        let staging = Arc::new(MemoryStaging::new());
        let packages = PackageStore::new(store.clone(), staging.clone(), IntakeLimits::default());
        let fresh = FreshCatalog::remembering(catalog.clone(), Arc::new(Impatient), clock.clone());
        let registry = Arc::new(Registry::new(fresh, packages, vec![&Plain], Arc::new(Impatient)));
        let name = FeedName::new("internal").unwrap();
        let feed = match registry.feed("internal").await {
            Ok(feed) => feed,
            Err(_) => {
                let system = Principal::system();
                let made = registry.create_feed(&system, name, Plain.id(), FeedSettings::default());
                Arc::new(made.await.expect("a feed can be created"))
            }
        };
        Self { clock, memory, catalog, disk, store, staging, registry, feed }
    }

    /// Publishes text as somebody who may do everything.
    pub(crate) async fn publish(&self, text: &str) -> Result<Published, Problem> {
        self.publish_as(&Principal::system(), text).await
    }

    pub(crate) async fn publish_as(&self, caller: &Principal, text: &str) -> Result<Published, Problem> {
        let admission = self.registry.admit(caller, &self.feed, Permission::Add)?;
        let body = futures::stream::iter([Ok(Bytes::copy_from_slice(text.as_bytes()))]).boxed();
        let artifact = self.registry.packages().receive(body, DigestSet::default()).await?;
        let outcome = self.registry.publish(admission, &Plain, artifact, Offer::default()).await;
        outcome.map(|(published, _)| published)
    }

    /// Downloads a file whole.
    pub(crate) async fn download(&self, package: &str, version: u32) -> Result<Vec<u8>, Problem> {
        let admission = self.registry.admit(&Principal::system(), &self.feed, Permission::View)?;
        let file = FileRef {
            package: Plain.name(package)?.key().clone(),
            file: FileName::new(format!("{package}-{version}.txt"))?,
        };
        let item = self.registry.item(&admission, &file).await?;
        let blob = self.registry.open(&item, None).await?;
        let chunks: Vec<_> = blob.body.map(|chunk| chunk.expect("memory can be read")).collect().await;
        Ok(chunks.concat())
    }

    /// Removes one version as somebody who may do everything.
    pub(crate) async fn remove(&self, package: &str, version: u32) -> Result<(), Problem> {
        let admission = self.registry.admit(&Principal::system(), &self.feed, Permission::Delete)?;
        let version = Plain.version(&version.to_string())?.key().clone();
        let what = proget_core::registry::Removal::Versions(vec![version]);
        self.registry.remove(&admission, Plain.name(package)?.key(), None, what).await
    }

    /// How many blobs lie in the store.
    pub(crate) async fn blobs(&self) -> usize {
        self.disk.list().count().await
    }
}

/// Sweeping without waiting for the witness.
pub(crate) fn sweep_now() -> SweepOptions {
    SweepOptions { witness_wait: Duration::ZERO, ..SweepOptions::default() }
}

/// Somebody who may do only this, in all feeds.
pub(crate) fn who_may(may: Permissions) -> Principal {
    Principal { rights: Arc::new(Rights::in_feeds(FeedScope::All, may)), ..Principal::system() }
}
