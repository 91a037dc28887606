//! Expectations: judged before anything is changed, under locks that last to the end.

use super::super::fault::Fault;
use super::super::session::{Columns, Session, values};
use super::instance::mode_number;
use super::jobs::held;
use proget_core::catalog::{Conflict, Expect};
use proget_core::cluster::ClusterMode;
use proget_core::ids::FeedId;
use proget_core::package::NameKey;
use std::collections::BTreeSet;

/// What was expected and has to be remembered while the changes are applied.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Packages that must not be there. A row that is not there cannot be locked, so whoever
    /// creates one of these has to be the one who inserts it.
    absent: BTreeSet<(FeedId, NameKey)>,
    /// Feeds that are known to be there, and locked.
    feeds: BTreeSet<FeedId>,
}

impl Expected {
    pub(super) async fn judge(session: &Session, expect: &[Expect]) -> Result<Self, Fault> {
        let mut expected = Self::default();
        let mut in_order: Vec<&Expect> = expect.iter().collect();
        in_order.sort_by_key(|expect| place(expect));
        for expect in in_order {
            match expect {
                Expect::Feed(id, revision) => {
                    let sql = "SELECT 1 FROM feeds WHERE id = ? AND revision = ? {share}";
                    require(session, sql, values![id.0, revision.0], Conflict::FeedChanged).await?;
                    expected.feeds.insert(*id);
                }
                Expect::User(id, revision) => {
                    let sql = "SELECT 1 FROM users WHERE id = ? AND revision = ? {share}";
                    require(session, sql, values![id.0, revision.0], Conflict::CredentialChanged).await?;
                }
                Expect::Key(id, revision) => {
                    let sql = "SELECT 1 FROM api_keys WHERE id = ? AND revision = ? {share}";
                    require(session, sql, values![id.0, revision.0], Conflict::CredentialChanged).await?;
                }
                Expect::Package(feed, name, Some(stamp)) => {
                    // Exclusive at once: the set is about to change the package.
                    let sql =
                        "SELECT 1 FROM packages WHERE feed_id = ? AND name_key = ? AND stamp = ? {lock}";
                    let values = values![feed.0, name.as_str(), stamp.0];
                    require(session, sql, values, Conflict::PackageChanged).await?;
                }
                Expect::Package(feed, name, None) => {
                    let sql = "SELECT 1 FROM packages WHERE feed_id = ? AND name_key = ? {lock}";
                    if session.any(sql, values![feed.0, name.as_str()]).await? {
                        return Err(Conflict::PackageChanged.into());
                    }
                    expected.absent.insert((*feed, name.clone()));
                }
                Expect::Serving(node) => {
                    let sql =
                        "SELECT 1 FROM cluster_mode WHERE id = 1 AND (mode = ? OR service_node = ?) {share}";
                    let values = values![mode_number(ClusterMode::HighAvailability), node.as_str()];
                    require(session, sql, values, Conflict::NotServing).await?;
                }
                Expect::ClaimHeld(job, token) => held(session, *job, *token).await.map(drop)?,
                Expect::Setting(name, value) => expect_setting(session, name, value.as_deref()).await?,
            }
        }
        Ok(expected)
    }

    /// Must this package be created by this set and nobody else? Asked once, by who creates it.
    pub(super) fn must_be_new(&mut self, feed: FeedId, name: &NameKey) -> bool {
        self.absent.remove(&(feed, name.clone()))
    }

    /// The feed exists, and goes on to exist until the commit.
    pub(super) async fn require_feed(&mut self, session: &Session, feed: FeedId) -> Result<(), Fault> {
        if self.feeds.contains(&feed) {
            return Ok(());
        }
        let sql = "SELECT 1 FROM feeds WHERE id = ? {share}";
        require(session, sql, values![feed.0], Conflict::FeedChanged).await?;
        self.feeds.insert(feed);
        Ok(())
    }
}

/// Everybody locks the row about the cluster first, then jobs, then the rest.
fn place(expect: &Expect) -> u8 {
    match expect {
        Expect::Serving(_) | Expect::Setting(..) => 0,
        Expect::ClaimHeld(..) => 1,
        Expect::Feed(..) | Expect::User(..) | Expect::Key(..) | Expect::Package(..) => 2,
    }
}

/// Settings change under the lock of the one row, so sharing it keeps them as they are.
async fn expect_setting(session: &Session, name: &str, value: Option<&str>) -> Result<(), Fault> {
    session.any("SELECT 1 FROM cluster_mode WHERE id = 1 {share}", values![]).await?;
    let row = session.one("SELECT value FROM settings WHERE name = ?", values![name]).await?;
    let found = row.map(|row| Columns::of(&row, session.dialect).text()).transpose()?;
    if found.as_deref() == value { Ok(()) } else { Err(Conflict::InstanceChanged.into()) }
}

async fn require(
    session: &Session,
    sql: &str,
    values: Vec<sea_orm::Value>,
    otherwise: Conflict,
) -> Result<(), Fault> {
    if session.any(sql, values).await? { Ok(()) } else { Err(otherwise.into()) }
}
