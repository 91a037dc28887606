//! A package store of one's own: one flat directory, every promise of the seam kept in plain sight.
//!
//! The suite that every store of this project must pass is run on it first; then it stands in a
//! `PackageStore`, as a server would use it. See docs/ADDING-A-STORE.md.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use proget_core::blob::{
    Abilities, Blob, BlobHead, BlobKey, BlobStore, IntakeLimits, PackageStore, Put, StoreError,
    StoreErrorKind,
};
use proget_core::conformance;
use proget_core::digest::{DigestSet, Sha256};
use proget_core::feed::StoreName;
use proget_core::{Artifact, memory::MemoryStaging};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Clone)]
struct FlatStore {
    folder: PathBuf,
}

impl std::fmt::Display for FlatStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "flat directory {}", self.folder.display())
    }
}

impl FlatStore {
    /// Does blocking work apart from the threads that answer requests, and gives errors their kinds.
    async fn at<T: Send + 'static>(
        &self,
        doing: String,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&store);
            // "Not found" is for a store that has looked: under an unmounted disk all is missing.
            result.map_err(|error| (store.folder.is_dir(), error))
        });
        let (there, error) = match done.await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failed)) => failed,
            Err(broken) => return Err(StoreError::new(StoreErrorKind::Unavailable, doing).because(broken)),
        };
        let kind = match error.kind() {
            ErrorKind::NotFound if there => StoreErrorKind::NotFound,
            ErrorKind::NotFound => StoreErrorKind::Unavailable,
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => StoreErrorKind::Corrupt,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreErrorKind::Full,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Denied,
            _ => StoreErrorKind::Other,
        };
        Err(StoreError::new(kind, doing).because(error))
    }

    fn place(&self, key: &BlobKey) -> PathBuf {
        self.folder.join(key.to_string())
    }

    /// Fills a file of its own, syncs it, gives it its name, syncs the directory: in this order.
    fn publish(
        &self,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
        name: impl FnOnce(&Path) -> io::Result<Put>,
    ) -> io::Result<Put> {
        let half = self.folder.join(format!("half-{}", uuid::Uuid::new_v4()));
        let put = File::create_new(&half).and_then(|mut file| {
            fill(&mut file)?;
            file.sync_all()?;
            name(&half)
        });
        // Also after an error. A rename has taken it away already.
        let _ = fs::remove_file(&half);
        File::open(&self.folder)?.sync_all()?;
        put
    }
}

fn expect_length(found: u64, expected: u64) -> io::Result<()> {
    let differs = || io::Error::new(ErrorKind::InvalidData, format!("{found} bytes instead of {expected}"));
    if found == expected { Ok(()) } else { Err(differs()) }
}

#[async_trait]
impl BlobStore for FlatStore {
    fn abilities(&self) -> Abilities {
        Abilities { shared: false, durable: true }
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        let (key, artifact) = (*key, artifact.clone());
        let work = move |store: &Self| {
            let fill =
                |file: &mut File| expect_length(io::copy(&mut artifact.open()?, file)?, artifact.size());
            // A link never replaces: among many who put one key, exactly one stores.
            store.publish(fill, |half| match fs::hard_link(half, store.place(&key)) {
                Ok(()) => Ok(Put::Stored),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    expect_length(fs::metadata(store.place(&key))?.len(), artifact.size())?;
                    Ok(Put::AlreadyThere)
                }
                Err(error) => Err(error),
            })
        };
        self.at(format!("putting blob {key}"), work).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        let key = *key;
        let work = move |store: &Self| Ok(fs::metadata(store.place(&key))?.len());
        match self.at(format!("looking for blob {key}"), work).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        let key = *key;
        let open = move |store: &Self| {
            let file = File::open(store.place(&key))?;
            let size = file.metadata()?.len();
            Ok((Arc::new(file), size))
        };
        let (file, size) = self.at(format!("opening blob {key}"), open).await?;
        let range = range.unwrap_or(0..size);
        let (store, end) = (self.clone(), range.end);
        // Constant memory: a chunk at a time, and each exactly as long as it must be.
        let body = stream::iter(range.clone().step_by(CHUNK)).then(move |start| {
            let (store, file) = (store.clone(), Arc::clone(&file));
            let mut chunk = vec![0; CHUNK.min((end - start) as usize)];
            let read = move |_: &Self| file.read_exact_at(&mut chunk, start).map(|()| Bytes::from(chunk));
            async move { store.at(format!("reading blob {key}"), read).await }
        });
        Ok(Blob { size, range, body: body.boxed() })
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        let key = *key;
        match self.at(format!("deleting blob {key}"), move |store| fs::remove_file(store.place(&key))).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        // Small enough to be gathered; a large store would read on as the stream is asked.
        let gather = |store: &Self| {
            let mut heads = Vec::new();
            for entry in fs::read_dir(&store.folder)? {
                let entry = entry?;
                // What has no key for a name is half-written, the note, or foreign.
                let Some(key) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                match entry.metadata() {
                    Ok(found) => heads.push(Ok(BlobHead { key, size: found.len() })),
                    // Deleted meanwhile: it need not be named.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(stream::iter(heads))
        };
        stream::once(self.at("listing blobs".to_owned(), gather)).try_flatten().boxed()
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        match self.at("reading the note".to_owned(), |store| fs::read(store.folder.join("note"))).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            other => other.map(|note| Some(note.into())),
        }
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        let work = move |store: &Self| {
            let name = |half: &Path| fs::rename(half, store.folder.join("note")).map(|()| Put::Stored);
            store.publish(|file| file.write_all(&note), name).map(drop)
        };
        self.at("writing the note".to_owned(), work).await
    }
}

const CHUNK: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    every_line_of_the_page_is_in_this_file();
    let folder = tempfile::tempdir()?;
    let open = |name: String| FlatStore { folder: folder.path().join(name) };

    // 1. The promises, each tried on a fresh store; a broken one ends the program with its name.
    conformance::blobs(|| async {
        let store = open(uuid::Uuid::new_v4().to_string());
        fs::create_dir(&store.folder).ok(); // if that fails, every case will say so
        Arc::new(store) as Arc<dyn BlobStore>
    })
    .await;

    // 2. In its place: whoever holds a `PackageStore` does not know which store is behind it.
    let store = open("packages".to_owned());
    fs::create_dir(&store.folder)?;
    let packages =
        PackageStore::new(Arc::new(store), Arc::new(MemoryStaging::new()), IntakeLimits::default());
    let name = StoreName::default();
    let artifact = Artifact::in_memory("hello", DigestSet::default());
    let key = BlobKey::fresh(Sha256::of(b"hello"));
    assert_eq!(packages.put(&name, &key, &artifact).await?, Put::Stored);
    assert_eq!(packages.put(&name, &key, &artifact).await?, Put::AlreadyThere);
    let blob = packages.get(&name, &key, 5, Some(1..4)).await?;
    let chunks: Vec<Bytes> = blob.body.try_collect().await?;
    assert_eq!(chunks.concat(), b"ell");
    println!("the flat store keeps every promise of the suite, and a package store runs on it");
    Ok(())
}

/// docs/ADDING-A-STORE.md quotes this file; a quotation that is no longer true fails here.
fn every_line_of_the_page_is_in_this_file() {
    let (page, here) = (include_str!("../../docs/ADDING-A-STORE.md"), include_str!("main.rs"));
    let known: Vec<&str> = here.lines().map(str::trim).collect();
    let blocks: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the page quotes nothing");
    for line in blocks.iter().flat_map(|block| block.lines()).map(str::trim) {
        assert!(known.contains(&line), "docs/ADDING-A-STORE.md quotes a line that is not here: {line}");
    }
}
