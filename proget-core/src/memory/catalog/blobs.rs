//! Blobs and doomed keys; the rules of reserving, condemning and dooming.

use super::MemoryCatalog;
use super::state::{Moment, State, StoredBlob};
use crate::blob::BlobKey;
use crate::catalog::{BlobChange, BlobRow, BlobState, BlobWanted, Blobs, CatalogError, Conflict, DoomedRow};
use crate::clock::Timestamp;
use crate::digest::Sha256;
use crate::feed::StoreName;
use crate::ids::BlobId;
use async_trait::async_trait;
use std::time::Duration;

impl State {
    pub(super) fn change_blob(
        &mut self,
        change: BlobChange,
        moment: &Moment,
    ) -> Result<Option<BlobRow>, Conflict> {
        match change {
            BlobChange::Reserve { store, fresh, size, hold } => {
                let id = self.reserve(store, fresh, size, moment.at.plus(hold));
                return Ok(self.blobs.get(&id).map(|blob| self.blob_row(blob, moment.at)));
            }
            BlobChange::Condemn { id, touched } => {
                self.untouched(id, touched, &[BlobState::Live], moment.at)?.row.state = BlobState::Condemned;
            }
            BlobChange::Doom { id, touched } => {
                let dead = [BlobState::Arriving, BlobState::Condemned];
                let row = self.untouched(id, touched, &dead, moment.at)?.row.clone();
                if self.files().any(|file| file.blob == id) {
                    return Err(Conflict::BlobTouched);
                }
                self.blobs.remove(&id);
                self.doomed.insert((row.store, row.key), moment.at);
            }
            BlobChange::DoomStray { store, key } => {
                if self.blobs.values().any(|blob| blob.row.store == store && blob.row.key == key) {
                    return Err(Conflict::BlobTouched);
                }
                self.doomed.entry((store, key)).or_insert(moment.at);
            }
            BlobChange::Forget { store, key } => {
                self.doomed.remove(&(store, key));
            }
        }
        Ok(None)
    }

    fn reserve(&mut self, store: StoreName, fresh: BlobKey, size: u64, until: Timestamp) -> BlobId {
        let known = self
            .blobs
            .values_mut()
            .find(|blob| blob.row.store == store && blob.row.key.digest == fresh.digest);
        if let Some(blob) = known {
            blob.reserved_until = blob.reserved_until.max(until);
            blob.row.touched += 1;
            if blob.row.state == BlobState::Condemned {
                blob.row.state = BlobState::Live;
            }
            return blob.row.id;
        }
        let id = BlobId(self.next_id());
        let row = BlobRow {
            id,
            store,
            key: fresh,
            size,
            state: BlobState::Arriving,
            touched: 1,
            reserved: true,
            references: 0,
        };
        self.blobs.insert(id, StoredBlob { row, reserved_until: until });
        id
    }

    /// Makes a blob live for a file that is about to refer to it; says in which store it lies.
    pub(super) fn publish_blob(&mut self, id: BlobId, key: &BlobKey) -> Result<StoreName, Conflict> {
        let blob = self.blobs.get_mut(&id).filter(|blob| blob.row.key == *key).ok_or(Conflict::BlobGone)?;
        blob.row.state = BlobState::Live;
        blob.row.touched += 1;
        Ok(blob.row.store.clone())
    }

    /// The blob, if it is as the sweep saw it and nobody has reserved it.
    fn untouched(
        &mut self,
        id: BlobId,
        touched: i64,
        states: &[BlobState],
        now: Timestamp,
    ) -> Result<&mut StoredBlob, Conflict> {
        let as_seen = |blob: &&mut StoredBlob| {
            blob.row.touched == touched && states.contains(&blob.row.state) && blob.reserved_until <= now
        };
        self.blobs.get_mut(&id).filter(as_seen).ok_or(Conflict::BlobTouched)
    }

    fn blob_row(&self, blob: &StoredBlob, now: Timestamp) -> BlobRow {
        let references = self.files().filter(|file| file.blob == blob.row.id).count() as u64;
        BlobRow { reserved: blob.reserved_until > now, references, ..blob.row.clone() }
    }

    fn names_key(&self, store: &StoreName, key: &BlobKey) -> bool {
        self.doomed.contains_key(&(store.clone(), *key))
            || self.blobs.values().any(|blob| blob.row.store == *store && blob.row.key == *key)
    }
}

fn is_wanted(row: &BlobRow, wanted: BlobWanted) -> bool {
    match wanted {
        BlobWanted::All => true,
        BlobWanted::Abandoned => row.state == BlobState::Arriving && !row.reserved,
        BlobWanted::Unreferenced => row.state == BlobState::Live && row.references == 0 && !row.reserved,
        BlobWanted::Condemned => row.state == BlobState::Condemned && !row.reserved,
    }
}

#[async_trait]
impl Blobs for MemoryCatalog {
    async fn blob(&self, store: &StoreName, digest: &Sha256) -> Result<Option<BlobRow>, CatalogError> {
        let (now, state) = (self.now(), self.state());
        let mut blobs = state.blobs.values();
        let found = blobs.find(|blob| blob.row.store == *store && blob.row.key.digest == *digest);
        Ok(found.map(|blob| state.blob_row(blob, now)))
    }

    async fn blobs(
        &self,
        wanted: BlobWanted,
        after: Option<BlobId>,
        limit: u32,
    ) -> Result<Vec<BlobRow>, CatalogError> {
        let (now, state) = (self.now(), self.state());
        let blobs = state.blobs.values().filter(|blob| after.is_none_or(|after| blob.row.id > after));
        let rows = blobs.map(|blob| state.blob_row(blob, now)).filter(|row| is_wanted(row, wanted));
        Ok(rows.take(limit as usize).collect())
    }

    async fn users_of(&self, blob: BlobId, limit: u32) -> Result<Vec<String>, CatalogError> {
        let state = self.state();
        let mut users = Vec::new();
        for package in state.packages.values() {
            let Some(feed) = state.feeds.get(&package.row.feed) else { continue };
            let files = package.files().filter(|file| file.blob == blob);
            users.extend(files.map(|file| format!("{}/{}/{}", feed.name, package.row.name, file.name)));
        }
        users.truncate(limit as usize);
        Ok(users)
    }

    async fn doomed(
        &self,
        store: &StoreName,
        delay: Duration,
        limit: u32,
    ) -> Result<Vec<DoomedRow>, CatalogError> {
        let (now, state) = (self.now(), self.state());
        let of_store = state.doomed.iter().filter(|((of, _), _)| of == store);
        let mut rows: Vec<DoomedRow> = of_store
            .map(|((store, key), at)| DoomedRow {
                store: store.clone(),
                key: *key,
                at: *at,
                ripe: at.plus(delay) <= now,
            })
            .collect();
        rows.sort_by_key(|row| row.at);
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn is_ripe(&self, store: &StoreName, key: &BlobKey, delay: Duration) -> Result<bool, CatalogError> {
        let (now, state) = (self.now(), self.state());
        Ok(state.doomed.get(&(store.clone(), *key)).is_some_and(|at| at.plus(delay) <= now))
    }

    async fn strays(&self, store: &StoreName, keys: &[BlobKey]) -> Result<Vec<BlobKey>, CatalogError> {
        let state = self.state();
        Ok(keys.iter().filter(|key| !state.names_key(store, key)).copied().collect())
    }
}
