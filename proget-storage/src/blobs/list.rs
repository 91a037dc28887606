//! Listing: walks the two levels of folders and names what is a blob by its path.
//!
//! Folders that cannot hold blobs are not entered, names that are not keys are not looked at, and
//! each blob is looked at once, for its length. Half-written files have no such names: they lie in
//! `arriving` or in scratch. `object_store` has a listing too; it looks at each file three times.

use super::error::failed;
use super::layout::folder_names;
use super::local::LocalStore;
use futures::stream::{self, BoxStream, StreamExt as _};
use proget_core::blob::{BlobHead, BlobKey, StoreError};
use std::collections::VecDeque;
use std::fs::{self, DirEntry, ReadDir};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Blobs that are looked up in one visit to a blocking thread.
const BATCH: usize = 512;
const DOING: &str = "listing blobs";

impl LocalStore {
    pub(super) fn heads(&self) -> BoxStream<'static, Result<BlobHead, StoreError>> {
        let start = (Some(Walk { store: self.clone(), open: Vec::new(), begun: false }), VecDeque::new());
        stream::try_unfold(start, |(walk, mut ready): (Option<Walk>, VecDeque<BlobHead>)| async move {
            if let Some(head) = ready.pop_front() {
                return Ok(Some((head, (walk, ready))));
            }
            let Some(walk) = walk else { return Ok(None) };
            let lane = walk.store.lane().clone();
            let (walk, mut ready) = lane.run(DOING, move || walk.batch()).await?;
            Ok(ready.pop_front().map(|head| (head, (walk, ready))))
        })
        .boxed()
    }
}

/// A walk under way: the folders it is in, outermost first.
struct Walk {
    store: LocalStore,
    open: Vec<ReadDir>,
    begun: bool,
}

impl Walk {
    /// The next blobs, and the walk if it has not come to its end.
    fn batch(mut self) -> Result<(Option<Self>, VecDeque<BlobHead>), StoreError> {
        let failed = |error| failed(DOING, error);
        if !self.begun {
            self.begun = true;
            self.open.push(fs::read_dir(self.store.layout().blobs()).map_err(failed)?);
        }
        let mut ready = VecDeque::with_capacity(BATCH);
        while ready.len() < BATCH {
            let Some(folder) = self.open.last_mut() else { return Ok((None, ready)) };
            match folder.next() {
                None => drop(self.open.pop()),
                Some(entry) => ready.extend(self.visit(&entry.map_err(failed)?).map_err(failed)?),
            }
        }
        Ok((Some(self), ready))
    }

    /// Enters a folder, or tells the blob that the entry is.
    fn visit(&mut self, entry: &DirEntry) -> io::Result<Option<BlobHead>> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return Ok(None) };
        if self.open.len() <= 2 {
            if is_folder_name(name) {
                self.open.extend(unless_foreign(fs::read_dir(entry.path()))?);
            }
            return Ok(None);
        }
        let Some(key) = key_of(name, &entry.path()) else { return Ok(None) };
        // Deleted since the folder was opened: it need not be named.
        let found = unless_foreign(entry.metadata())?.filter(fs::Metadata::is_file);
        Ok(found.map(|found| BlobHead { key, size: found.len() }))
    }
}

fn is_folder_name(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// The key, if the name is exactly how we write one and lies in the folders where we put it.
fn key_of(name: &str, path: &Path) -> Option<BlobKey> {
    let key: BlobKey = name.parse().ok()?;
    let [outer, inner] = folder_names(&key);
    let mut above = path.ancestors().skip(1).filter_map(Path::file_name);
    let at_home = above.next()? == inner.as_str() && above.next()? == outer.as_str();
    (at_home && key.to_string() == name).then_some(key)
}

/// What has gone, or is no folder although it is called like one, is not ours to complain about.
fn unless_foreign<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
