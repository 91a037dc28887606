//! The use-cases while the catalogue cannot be reached: reading what this process remembers.
//!
//! Whoever may ask for it decides when: as long as the catalogue can be reached every read is fresh, and
//! this is not it. What comes of it was true within a bound; everything that is not remembered is
//! `Busy`, never "not there", because a client that hears "not there" goes and looks elsewhere.

use super::{FreshCatalog, Registry};
use crate::ids::Incarnation;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// A registry that answers from memory alone, for one request.
#[derive(Debug)]
pub struct StaleView {
    registry: Arc<Registry>,
    oldest: Arc<AtomicU64>,
}

impl StaleView {
    /// The use-cases. It publishes nothing, and reads only what is remembered.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How long ago the oldest of what was used so far was certain.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.oldest.load(Ordering::Relaxed))
    }
}

impl Registry {
    /// A view of what this process remembers and was certain of within `bound`; `None` if its catalogue
    /// [remembers](FreshCatalog::remembering) nothing.
    #[must_use]
    pub fn stale(&self, bound: Duration) -> Option<StaleView> {
        let oldest = Arc::new(AtomicU64::new(0));
        let fresh: Arc<FreshCatalog> = self.fresh.stale(bound, &oldest)?;
        let registry = Self {
            fresh,
            packages: self.packages.clone(),
            formats: self.formats.clone(),
            runtime: self.runtime.clone(),
            policies: Vec::new(),
            observers: Vec::new(),
            // Of nobody: it writes nothing.
            incarnation: Incarnation::random(),
            held: RwLock::new(Some("the database")),
            downloads: self.downloads.clone(),
            items: self.items.clone(),
            documents: self.documents.clone(),
        };
        Some(StaleView { registry: Arc::new(registry), oldest })
    }
}
