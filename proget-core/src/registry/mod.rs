//! The use-cases, one verb a file, over whatever stands behind the seams.
//!
//! A [`Registry`] is all that HTTP handlers, the command line and chores hold. It never hands out
//! the catalogue's door or a store: what it permits, it does itself.

mod accounts;
mod admit;
mod annotate;
mod document;
mod downloads;
mod feeds;
mod fetch;
mod foresight;
mod fresh;
mod inspect;
mod instance;
mod keys;
mod policy;
mod publication;
mod publish;
mod remove;
mod runtime;
mod schedules;
mod search;
mod spelling;
mod stale;
mod sweep;
mod verify;
mod witness;

pub use admit::Admission;
pub use annotate::Annotation;
pub use document::{Document, Rendered};
pub use fetch::Item;
pub use foresight::Foreseen;
pub use fresh::FreshCatalog;
pub use policy::{Candidate, Observer, PublishPolicy};
pub use publish::Published;
pub use remove::Removal;
pub use runtime::{Inline, Runtime, Work};
pub use search::LARGEST_PAGE;
pub use stale::StaleView;
pub use sweep::{SweepOptions, SweepReport};
pub use verify::{Damage, VerifyReport};

use crate::access::Actor;
use crate::blob::PackageStore;
use crate::feed::FormatId;
use crate::format::FeedFormat;
use crate::ids::{FeedId, Incarnation};
use crate::package::FileRef;
use document::{BySize, DocumentKey};
use quick_cache::sync::Cache;
use std::sync::{Arc, RwLock};

/// Memory for rendered index documents, in bytes.
const DOCUMENT_BYTES: u64 = 64 << 20;

/// So many files are remembered.
const ITEMS: usize = 50_000;

/// The use-cases over their parts.
#[derive(Debug)]
pub struct Registry {
    fresh: Arc<FreshCatalog>,
    packages: PackageStore,
    formats: Vec<&'static dyn FeedFormat>,
    runtime: Arc<dyn Runtime>,
    policies: Vec<Arc<dyn PublishPolicy>>,
    observers: Vec<Arc<dyn Observer>>,
    incarnation: Incarnation,
    /// Why no publishes are taken, if so.
    held: RwLock<Option<&'static str>>,
    downloads: Arc<downloads::Downloads>,
    items: Arc<Cache<(FeedId, FileRef), fetch::Remembered>>,
    documents: Arc<Cache<DocumentKey, Arc<Document>, BySize>>,
}

impl Registry {
    /// A registry over a catalogue and a package store, knowing these formats.
    #[must_use]
    pub fn new(
        fresh: Arc<FreshCatalog>,
        packages: PackageStore,
        formats: Vec<&'static dyn FeedFormat>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        Self {
            fresh,
            packages,
            formats,
            runtime,
            policies: Vec::new(),
            observers: Vec::new(),
            incarnation: Incarnation::random(),
            held: RwLock::new(None),
            downloads: Arc::default(),
            items: Arc::new(Cache::new(ITEMS)),
            documents: Arc::new(Cache::with_weighter(4096, DOCUMENT_BYTES, BySize)),
        }
    }

    /// Is known by this incarnation, which the cluster's roster knows too; by default by one of its own.
    #[must_use]
    pub fn known_as(mut self, incarnation: Incarnation) -> Self {
        self.incarnation = incarnation;
        self
    }

    /// Adds somebody who may veto a publish.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn PublishPolicy>) -> Self {
        self.policies.push(policy);
        self
    }

    /// Adds somebody who is told what was published.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// The catalogue as this process knows it.
    #[must_use]
    pub fn fresh(&self) -> &Arc<FreshCatalog> {
        &self.fresh
    }

    /// Where bytes arrive and rest.
    #[must_use]
    pub fn packages(&self) -> &PackageStore {
        &self.packages
    }

    /// The formats this registry knows.
    #[must_use]
    pub fn formats(&self) -> &[&'static dyn FeedFormat] {
        &self.formats
    }

    /// The format with that identifier.
    #[must_use]
    pub fn format(&self, id: &FormatId) -> Option<&'static dyn FeedFormat> {
        self.formats.iter().copied().find(|format| format.id() == *id)
    }

    /// This process, as fences know it.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
}

/// Changes that nobody in particular asked for.
fn system_actor() -> Actor {
    Actor("SYSTEM".into())
}
