//! Stamps: the package's at once, its feed's at the very end.
//!
//! All publishes into a feed change what the feed holds, but they must not queue on one row. So
//! a feed has a few slots, a package always uses the same one, and the slot is locked last: it is
//! held for the length of the COMMIT and of nothing else.

use super::super::fault::Fault;
use super::super::session::{Session, values};
use proget_core::ids::{FeedId, PackageId, Stamp};
use std::collections::BTreeSet;

/// How many slots a feed has.
pub(in super::super) const SLOTS: i64 = 16;

/// Which slots of which feeds are to be stamped; sorted, so that everybody locks in one order.
#[derive(Debug, Default)]
pub(super) struct Touched {
    slots: BTreeSet<(FeedId, i64)>,
}

impl Touched {
    /// Something about this package changed.
    pub(super) fn package(&mut self, feed: FeedId, package: PackageId) {
        self.slots.insert((feed, package.0.rem_euclid(SLOTS)));
    }

    pub(super) async fn stamp_feeds(self, session: &Session) -> Result<(), Fault> {
        for (feed, slot) in self.slots {
            let sql = "UPDATE feed_stamps SET stamp = ? WHERE feed_id = ? AND slot = ?";
            session.exec(sql, values![Stamp::random().0, feed.0, slot]).await?;
        }
        Ok(())
    }
}
