//! Memory does not grow with the size of what is moved.

use crate::child;
use crate::disk::folder;
use bytes::Bytes;
use futures::TryStreamExt as _;
use proget_core::artifact::{Artifact, ArtifactSource, ReadSeek};
use proget_core::blob::{BlobKey, BlobStore as _, Staging as _};
use proget_core::digest::{DigestSet, Sha256};
use proget_storage::{LocalStore, Scratch};
use std::path::PathBuf;
use std::sync::Arc;

const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 300 << 4;
/// At most two buffers of 512 KiB, two chunks and a copy buffer of 256 KiB are held at once; the rest
/// is what the allocator keeps for each blocking thread, 4 to 10 MiB as measured. One body held whole
/// would be 300.
const MOST_GROWTH: u64 = 32 << 20;

#[test]
fn three_hundred_mebibytes_in_and_out_take_a_few_mebibytes_of_memory() {
    let root = folder();
    let done = child::command("memory::child_moves_much", root.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

/// The most memory this process has ever had resident, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// The same file, without telling where it lies: forces the copying way.
#[derive(Debug)]
struct Unlinkable(Artifact);

impl ArtifactSource for Unlinkable {
    fn open(&self) -> std::io::Result<Box<dyn ReadSeek + Send>> {
        self.0.open()
    }
}

#[tokio::test]
#[ignore = "a part of the test above, which starts it"]
async fn child_moves_much() {
    let root: PathBuf = child::place();
    let store = LocalStore::open(&root).await.unwrap();
    let scratch = Scratch::open(&root).await.unwrap();
    let chunk = Bytes::from(vec![7; CHUNK]);
    let before = peak();

    let mut spool = scratch.begin(DigestSet::default()).await.unwrap();
    for _ in 0..CHUNKS {
        spool.write(chunk.clone()).await.unwrap();
    }
    let artifact = spool.finish().await.unwrap();
    assert_eq!(artifact.size(), (CHUNK * CHUNKS) as u64);
    let key = BlobKey::fresh(Sha256::of(b"the digest does not matter here"));
    store.put(&key, &artifact).await.unwrap();
    let copied = Artifact::new(artifact.digests().clone(), artifact.size(), Arc::new(Unlinkable(artifact)));
    store.put(&BlobKey::fresh(key.digest), &copied).await.unwrap();
    let body = store.get(&key, None).await.unwrap().body;
    let read = body.try_fold(0, |sum, chunk| async move { Ok(sum + chunk.len()) }).await.unwrap();
    assert_eq!(read, CHUNK * CHUNKS);

    let growth = peak() - before;
    println!("peak resident memory grew by {} KiB", growth >> 10);
    assert!(growth < MOST_GROWTH, "grew by {growth} bytes");
}
