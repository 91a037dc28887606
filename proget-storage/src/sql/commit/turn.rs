//! A turn for the few changes to rows that every publish or claim looks at under a shared lock.
//!
//! What surprised us: PostgreSQL lets newcomers join a shared row lock past somebody who waits to
//! change the row. A key in constant use could then not be revoked, nor a busy feed changed, before
//! the time-out. Locks on tables are queued in the order of arrival, so such a change asks for its
//! tables first: publishes that have begun end, those that come later wait behind it, and plain
//! reads notice nothing. MariaDB queues row locks fairly, and SQLite has one writer.

use super::super::fault::Fault;
use super::super::session::Session;
use proget_core::catalog::{AccountChange, Change, FeedChange, InstanceChange};

/// Before any expectation is judged, in the order of the locks: the row about the cluster, feeds, keys, users.
pub(super) async fn take(session: &Session, changes: &[Change]) -> Result<(), Fault> {
    if session.dialect != super::super::Dialect::Postgres {
        return Ok(());
    }
    // Not for a deletion: it may take long, and publishes into all other feeds would wait for it.
    // Who must delete a feed in constant use makes it inactive first, which is an update.
    let feeds = changes.iter().any(|change| matches!(change, Change::Feed(FeedChange::Update { .. })));
    let accounts = changes.iter().any(|change| {
        let Change::Account(change) = change else { return false };
        match change {
            AccountChange::SetPassword(..)
            | AccountChange::SetUserRights(..)
            | AccountChange::DeleteUser(_)
            | AccountChange::RevokeKey(_) => true,
            AccountChange::CreateUser(_)
            | AccountChange::CreateFirstUser(_)
            | AccountChange::CreateKey(_) => false,
        }
    });
    let mode = changes.iter().any(|change| {
        let Change::Instance(change) = change else { return false };
        match change {
            InstanceChange::Mode { .. } | InstanceChange::Settle(_) | InstanceChange::Set { .. } => true,
            InstanceChange::Witness { .. }
            | InstanceChange::StopDeletes(_)
            | InstanceChange::ConfirmDeletes => false,
        }
    });
    if mode {
        session.exec_plain("LOCK TABLE cluster_mode IN EXCLUSIVE MODE").await?;
    }
    if feeds {
        session.exec_plain("LOCK TABLE feeds IN EXCLUSIVE MODE").await?;
    }
    if accounts {
        session.exec_plain("LOCK TABLE api_keys, users IN EXCLUSIVE MODE").await?;
    }
    Ok(())
}
