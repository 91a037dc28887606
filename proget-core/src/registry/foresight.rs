//! Asking about a package in the same shared read as about the caller and the feed.
//!
//! A request would wait for two reads, one after the other: the package's stamp can be asked for
//! only when its feed is known. But the path names the package from the start, and the feed of that
//! name is nearly always the one that is remembered; so the third question joins the first two. If
//! the feed turns out to be another, nobody uses the answer. Fresh it is either way: the read began
//! after the request arrived.

use super::Registry;
use crate::catalog::StampOf;
use crate::feed::FeedName;
use crate::ids::{FeedId, Stamp};
use crate::package::NameKey;

/// What a package looked like when a request arrived, asked before its feed was certain.
#[derive(Debug, Clone)]
pub struct Foreseen {
    feed: FeedId,
    package: NameKey,
    stamp: Option<Stamp>,
}

impl Foreseen {
    /// The stamp, if this is about that package; `None` inside if there is no such package.
    pub(super) fn of(&self, feed: FeedId, package: &NameKey) -> Option<Option<Stamp>> {
        (self.feed == feed && self.package == *package).then_some(self.stamp)
    }
}

impl Registry {
    /// Asks about a package of the feed that is remembered under this name. To be awaited beside
    /// the questions about the caller and the feed, so that all join one read, and given to the
    /// [`Admission`](super::Admission) for reading.
    ///
    /// `None` if no such feed is remembered, if no read is needed because this process is alone
    /// with its database, or if the catalogue cannot be asked, which whoever asks next is told.
    pub async fn foresee(
        &self,
        feed: &str,
        package: impl FnOnce() -> Option<NameKey> + Send,
    ) -> Option<Foreseen> {
        if self.fresh.is_alone() {
            return None;
        }
        let feed = self.fresh.remembered_feed(&FeedName::new(feed).ok()?)?;
        let package = package()?;
        let stamp = self.fresh.stamp(StampOf::Package(feed, package.clone())).await.ok()?;
        Some(Foreseen { feed, package, stamp })
    }
}
