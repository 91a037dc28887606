//! Finding out what became of a COMMIT whose answer was lost.
//!
//! Looking for the set's journal row is not enough: the old session may still be at work on the
//! server, and its row appears a moment after one has looked. So the same id is *inserted* in a new
//! transaction, which is then rolled back. The unique index makes that insert wait for the old
//! session, and then there are two answers: the id is taken, so the set was committed; or it is
//! not, so the old session is gone without having committed and never will.

use super::super::SqlCatalog;
use super::super::fault::{Fault, Meaning};
use super::super::session::values;
use super::jitter;
use proget_core::catalog::ChangeSet;
use tokio::time::Instant;

/// What became of a commit.
pub(super) enum Outcome {
    Committed,
    NotCommitted,
    Unknown,
}

impl SqlCatalog {
    /// Asks until there is an answer or patience ends.
    pub(super) async fn settle(&self, set: &ChangeSet, patience: Instant) -> Outcome {
        if set.entry.is_none() {
            // Nothing to look for; such sets may safely be repeated, but by the caller.
            return Outcome::Unknown;
        }
        let mut tries = 0;
        loop {
            match self.bounded(self.ask(set)).await {
                Ok(true) => return Outcome::Committed,
                Ok(false) => return Outcome::NotCommitted,
                Err(fault) if fault.meaning() == Meaning::Strange => return Outcome::Unknown,
                Err(_) if Instant::now() >= patience => return Outcome::Unknown,
                Err(_) => {
                    tries += 1;
                    tokio::time::sleep(jitter(tries)).await;
                }
            }
        }
    }

    async fn ask(&self, set: &ChangeSet) -> Result<bool, Fault> {
        let session = self.pools().begin().await?;
        let sql =
            "INSERT INTO journal (change_id, since, actor, action, subject) VALUES (?, {now}, '', '', '')";
        match session.exec(sql, values![set.id.0]).await.map_err(Fault::from) {
            Err(fault) if fault.meaning() == Meaning::Taken => Ok(true),
            Err(fault) => Err(fault),
            Ok(_) => {
                session.roll_back().await?;
                Ok(false)
            }
        }
    }
}
