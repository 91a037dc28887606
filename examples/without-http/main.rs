//! No server at all: the use-cases as a library. Publishing, reading back and sweeping, on parts in memory.

use futures::TryStreamExt;
use proget_core::access::Permission;
use proget_core::blob::{IntakeLimits, PackageStore};
use proget_core::feed::{FeedName, FeedSettings, FormatId};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::package::{FileRef, Offer};
use proget_core::registry::{FreshCatalog, Published, Registry, SweepOptions};
use proget_core::{FeedFormat, Principal, Problem, SystemClock};
use proget_feeds::npm::NPM;
use proget_storage::TokioRuntime;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let runtime = Arc::new(TokioRuntime);
    let catalog = FreshCatalog::new(Arc::new(MemoryCatalog::new(Arc::new(SystemClock))), runtime.clone());
    let store = PackageStore::new(
        Arc::new(MemoryStore::new()),
        Arc::new(MemoryStaging::new()),
        IntakeLimits::default(),
    );
    let registry = Registry::new(catalog, store, vec![&NPM], runtime);

    let me = Principal::system();
    let (name, format) = (FeedName::new("internal")?, FormatId::new("npm")?);
    let feed = Arc::new(registry.create_feed(&me, name, format, FeedSettings::default()).await?);

    let package = proget_examples::npm_package("left-pad", "1.3.0");
    let bytes = package.map_err(|error| Problem::internal("making a package", &error))?;
    let body = futures::stream::iter([Ok(bytes.clone().into())]);
    let artifact = registry.packages().receive(Box::pin(body), NPM.digests()).await?;
    let may_add = registry.admit(&me, &feed, Permission::Add)?;
    let (outcome, manifest) =
        registry.publish(may_add.clone(), &NPM, artifact.clone(), Offer::default()).await?;
    assert_eq!(outcome, Published::New);
    let (outcome, _) = registry.publish(may_add, &NPM, artifact, Offer::default()).await?;
    assert_eq!(outcome, Published::Same, "the same bytes again are success");

    let may_view = registry.admit(&me, &feed, Permission::View)?;
    let file = FileRef { package: manifest.name.key().clone(), file: manifest.file };
    let item = registry.item(&may_view, &file).await?;
    let blob = registry.open(&item, None).await?;
    let read: Vec<bytes::Bytes> = blob.body.try_collect().await?;
    assert_eq!(read.concat(), bytes);

    let options = SweepOptions { witness_wait: std::time::Duration::ZERO, ..SweepOptions::default() };
    let swept = registry.sweep(options).await?;
    assert_eq!(swept.condemned + swept.doomed + swept.deleted, 0, "everything is in use");
    assert_eq!(registry.verify(|_| {}).await?.damage, []);
    Ok(())
}
