//! The witness: a nonce that every sweep finds again in catalogue *and* store, or deletes nothing.
//!
//! A catalogue restored from a backup does not know the newest files; to a sweep their bytes look
//! like strays. A cloned database sweeps a store that is not its own. Both show because catalogue
//! and store no longer agree about the nonce of the last round, or because the database is another.
//! Then all deletes stop until an operator confirms that the two belong together.
//!
//! The note in the store is written twice per round, so that a kill between the writes is not
//! mistaken for a restore: first `{nonce, pending}`, then the commit, then `{pending}` as nonce.

use super::{Registry, system_actor};
use crate::blob::BlobStore;
use crate::catalog::{
    Action, CatalogError, ChangeSet, Conflict, Fence, InstanceChange, InstanceRow, JournalEntry,
};
use crate::feed::StoreName;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// What a store keeps about the installation it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    installation: Uuid,
    /// The store's own name: one directory under two names would be swept as one and as the other,
    /// and what belongs to the one is a stray to the other.
    store: String,
    nonce: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Uuid>,
}

const TWO_NAMES: &str = "it was last swept under another name (two names for one place?)";

impl Registry {
    /// Finds the last round's nonce in catalogue and every store, and leaves the next in all.
    /// Returns why deletes are stopped, if they are.
    pub(super) async fn check_witness(
        &self,
        fence: Fence,
        wait: Duration,
    ) -> Result<Option<String>, Problem> {
        let instance = self.fresh.read().instance().await?;
        if instance.deletes_stopped.is_some() {
            return Ok(instance.deletes_stopped);
        }
        for (name, store) in self.packages.stores() {
            if let Some(why) = mismatch(&instance, name, read_note(&**store).await?.as_ref()) {
                return self.stop_deletes(fence, format!("package store '{name}': {why}")).await;
            }
        }
        let next = Uuid::new_v4();
        let nonce = instance.witness.unwrap_or(next);
        self.write_notes(instance.installation, nonce, Some(next)).await?;
        let identity = instance.identity;
        let witness = InstanceChange::Witness { previous: instance.witness, next, identity };
        match self.fresh.commit(ChangeSet::by(system_actor()).fenced(fence).with(witness)).await {
            Err(CatalogError::Fenced | CatalogError::Conflict(Conflict::InstanceChanged)) => {
                // Our notes may have replaced those of the sweep that overtook us; left like that,
                // they would look like a store that was restored.
                let now = self.fresh.read().instance().await?;
                if let Some(nonce) = now.witness {
                    self.write_notes(now.installation, nonce, None).await?;
                }
                return Err(Problem::busy("sweeping, which another process has taken over"));
            }
            outcome => outcome?,
        };
        self.write_notes(instance.installation, next, None).await?;
        if !wait.is_zero() {
            self.runtime.sleep(wait).await;
        }
        let witness = self.fresh.read().instance().await?.witness;
        for (name, store) in self.packages.stores() {
            let (installation, store_name) = (instance.installation, name.to_string());
            let done = Note { installation, store: store_name, nonce: next, pending: None };
            let note = read_note(&**store).await?;
            if note != Some(Ok(done)) && witness == Some(next) {
                let why = match note {
                    Some(Ok(note)) if note.store != name.as_str() => TWO_NAMES,
                    _ => "somebody else is sweeping this store with another database",
                };
                return self.stop_deletes(fence, format!("package store '{name}': {why}")).await;
            }
        }
        if witness != Some(next) {
            return Err(Problem::busy("sweeping, which another process has taken over"));
        }
        Ok(None)
    }

    /// An operator confirms that catalogue and stores belong together, after a restore or a move.
    /// The stores' notes are rewritten to agree with the catalogue.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn confirm_deletes(&self) -> Result<(), Problem> {
        let instance = self.fresh.read().instance().await?;
        let entry = JournalEntry {
            action: Action::DeletesConfirmed,
            feed: None,
            subject: "catalogue and package stores belong together".into(),
        };
        let confirm = ChangeSet::by(system_actor()).with(InstanceChange::ConfirmDeletes).record(entry);
        self.fresh.commit(confirm).await?;
        // Killed here, the notes still disagree and the next sweep stops deletes again.
        let (nonce, pending) = match instance.witness {
            Some(nonce) => (nonce, None),
            None => {
                let nonce = Uuid::new_v4();
                (nonce, Some(nonce))
            }
        };
        self.write_notes(instance.installation, nonce, pending).await
    }

    async fn stop_deletes(&self, fence: Fence, why: String) -> Result<Option<String>, Problem> {
        tracing::error!(why, "deletes are stopped until an operator confirms");
        let entry = JournalEntry { action: Action::DeletesStopped, feed: None, subject: why.clone() };
        let stop = ChangeSet::by(system_actor())
            .fenced(fence)
            .with(InstanceChange::StopDeletes(why.clone()))
            .record(entry);
        self.fresh.commit(stop).await?;
        Ok(Some(why))
    }

    async fn write_notes(
        &self,
        installation: Uuid,
        nonce: Uuid,
        pending: Option<Uuid>,
    ) -> Result<(), Problem> {
        for (name, store) in self.packages.stores() {
            let note = Note { installation, store: name.to_string(), nonce, pending };
            let text = serde_json::to_vec(&note)
                .map_err(|error| Problem::internal("writing the witness", &error))?;
            store.set_note(text.into()).await?;
        }
        Ok(())
    }
}

async fn read_note(store: &dyn BlobStore) -> Result<Option<Result<Note, String>>, Problem> {
    let text = store.note().await?;
    Ok(text.map(|text| serde_json::from_slice(&text).map_err(|error| error.to_string())))
}

/// Why catalogue and store do not belong together, if they do not.
fn mismatch(instance: &InstanceRow, name: &StoreName, note: Option<&Result<Note, String>>) -> Option<String> {
    let other_database = instance.known_identity.as_ref().is_some_and(|known| *known != instance.identity);
    if other_database {
        return Some("the database is not the one that the last sweep ran on (restored or replaced?)".into());
    }
    let note = match note {
        None if instance.witness.is_none() => return None,
        None => return Some("its witness is gone (another or an emptied store?)".into()),
        Some(Err(error)) => return Some(format!("its witness cannot be read: {error}")),
        Some(Ok(note)) => note,
    };
    if note.installation != instance.installation {
        return Some("it belongs to another installation".into());
    }
    if note.store != name.as_str() {
        return Some(TWO_NAMES.into());
    }
    match instance.witness {
        Some(known) if note.nonce == known || note.pending == Some(known) => None,
        // The first round of all was killed between its writes.
        None if note.pending == Some(note.nonce) => None,
        _ => Some("catalogue and store do not agree about the last sweep (restored from a backup?)".into()),
    }
}
