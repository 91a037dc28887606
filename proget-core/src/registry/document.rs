//! Index documents: rendered once per state of a package, from one snapshot that carries its
//! stamp, and kept under that stamp. A publish drops one document, not a feed's cache.

use super::runtime::offloaded;
use super::{Admission, Registry};
use crate::access::Permission;
use crate::catalog::PackageRows;
use crate::digest::Sha256;
use crate::ids::{FeedId, Stamp};
use crate::package::NameKey;
use crate::problem::Problem;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;

/// What a format rendered.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The document.
    pub body: Bytes,
    /// The same, compressed with gzip, if that is worth having.
    pub gzip: Option<Bytes>,
    /// Its media type.
    pub content_type: Cow<'static, str>,
}

/// An index document, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub struct Document {
    /// What was rendered.
    pub rendered: Rendered,
    plain: Box<str>,
    packed: Box<str>,
}

impl Document {
    /// What was rendered, with its validators worked out once for all who will ask.
    #[must_use]
    pub fn new(rendered: Rendered) -> Self {
        let tag = Sha256::of(&rendered.body);
        let (plain, packed) = (format!("\"{tag}\"").into(), format!("\"{tag}-gzip\"").into());
        Self { rendered, plain, packed }
    }

    /// The strong entity tag of the body as it is: its SHA-256 in quotation marks.
    /// See <https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3>.
    #[must_use]
    pub fn plain_tag(&self) -> &str {
        &self.plain
    }

    /// The strong entity tag of the compressed body.
    #[must_use]
    pub fn packed_tag(&self) -> &str {
        &self.packed
    }
}

/// Which document of which package, at which moment. The moment is part of the key, so an old
/// document is never found again and leaves the cache by not being used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DocumentKey {
    feed: FeedId,
    package: NameKey,
    which: String,
    stamp: Stamp,
}

#[derive(Debug, Clone)]
pub(super) struct BySize;

impl quick_cache::Weighter<DocumentKey, Arc<Document>> for BySize {
    fn weight(&self, key: &DocumentKey, document: &Arc<Document>) -> u64 {
        let gzip = document.rendered.gzip.as_ref().map_or(0, Bytes::len);
        (document.rendered.body.len() + gzip + key.which.len() + key.package.as_str().len() + 256) as u64
    }
}

/// Rendering that reads more than this many bytes of fragments is done away from the runtime.
const LARGE: usize = 256 << 10;

impl Registry {
    /// An index document about one package.
    ///
    /// `which` names everything beside the package's rows that `render` depends on: the kind of
    /// document and the base URL it contains.
    ///
    /// # Errors
    /// `NotFound` if there is no such package, or `render` says there is nothing to show; `Busy`.
    pub async fn document<F>(
        &self,
        admission: &Admission,
        package: &NameKey,
        which: impl Into<String>,
        render: F,
    ) -> Result<Arc<Document>, Problem>
    where
        F: FnOnce(&PackageRows) -> Option<Rendered> + Send + 'static,
    {
        admission.demand(Permission::View)?;
        let feed = admission.feed().id;
        let unknown = || Problem::NotFound(format!("there is no package {package} in this feed"));
        let now = admission.stamp(&self.fresh, package).await?;
        let stamp = now.ok_or_else(unknown)?;
        let key = DocumentKey { feed, package: package.clone(), which: which.into(), stamp };
        // Of many who miss at once, one renders and the others wait for it.
        let place = match self.documents.get_value_or_guard_async(&key).await {
            Ok(document) => return Ok(document),
            Err(place) => place,
        };
        let rows = self.fresh.read().rows(feed, package).await?.ok_or_else(unknown)?;
        let shown = rows.package.stamp;
        let document = self.rendered(rows, render).await?.ok_or_else(unknown)?;
        // The snapshot may be newer than the stamp; it answers this request, but is remembered only under its own.
        if shown == stamp {
            // Fails only if the entry was removed meanwhile: then it is not remembered.
            let _ = place.insert(document.clone());
        }
        Ok(document)
    }

    /// A whole package, straight from one snapshot; for answers that are asked for too seldom to keep.
    ///
    /// # Errors
    /// `NotFound`, `Busy`.
    pub async fn package(&self, admission: &Admission, package: &NameKey) -> Result<PackageRows, Problem> {
        let rows = self.fresh.read().rows(admission.feed().id, package).await?;
        rows.ok_or_else(|| Problem::NotFound(format!("there is no package {package} in this feed")))
    }

    async fn rendered<F>(&self, rows: PackageRows, render: F) -> Result<Option<Arc<Document>>, Problem>
    where
        F: FnOnce(&PackageRows) -> Option<Rendered> + Send + 'static,
    {
        let weight: usize = rows.versions.iter().map(|version| version.fragment.0.len() + 512).sum();
        let work = move || render(&rows).map(|rendered| Arc::new(Document::new(rendered)));
        if weight < LARGE {
            return Ok(work());
        }
        let done = offloaded(&*self.runtime, work).await;
        done.ok_or_else(|| Problem::internal("rendering an index", &std::io::Error::other("it did not end")))
    }
}
