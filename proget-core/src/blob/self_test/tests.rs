//! Stores that lie about one thing each are found out.

use super::*;
use crate::artifact::Artifact;
use crate::blob::{Abilities, Blob, BlobHead, BlobKey, Put, StoreError};
use crate::clock::SystemClock;
use crate::memory::MemoryStore;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use std::fmt;
use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    /// A put is always the first.
    Rewrites,
    /// The beginning is read whatever part was asked for.
    ReadsTheBeginning,
    /// Nothing is in the list.
    ListsNothing,
    /// A delete does nothing.
    Keeps,
    /// It is gone with the power.
    Forgets,
    /// Nobody else sees it.
    Alone,
    /// Bytes that are not there are made up.
    Invents,
}

#[derive(Debug)]
struct Liar(MemoryStore, Lie);

impl fmt::Display for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a liar")
    }
}

#[async_trait]
impl BlobStore for Liar {
    fn abilities(&self) -> Abilities {
        Abilities { shared: self.1 != Lie::Alone, durable: self.1 != Lie::Forgets }
    }

    async fn put(&self, key: &BlobKey, artifact: &Artifact) -> Result<Put, StoreError> {
        let put = self.0.put(key, artifact).await?;
        Ok(if self.1 == Lie::Rewrites { Put::Stored } else { put })
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<u64>, StoreError> {
        Ok(if self.1 == Lie::Invents { Some(100_003) } else { self.0.head(key).await? })
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, StoreError> {
        match range {
            Some(range) if self.1 == Lie::ReadsTheBeginning => {
                self.0.get(key, Some(0..range.end - range.start)).await
            }
            range => self.0.get(key, range).await,
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), StoreError> {
        if self.1 == Lie::Keeps { Ok(()) } else { self.0.delete(key).await }
    }

    fn list(&self) -> BoxStream<'_, Result<BlobHead, StoreError>> {
        if self.1 == Lie::ListsNothing { futures::stream::empty().boxed() } else { self.0.list() }
    }

    async fn note(&self) -> Result<Option<Bytes>, StoreError> {
        self.0.note().await
    }

    async fn set_note(&self, note: Bytes) -> Result<(), StoreError> {
        self.0.set_note(note).await
    }
}

async fn tried(lie: Lie) -> SelfTest {
    let liar = Liar(MemoryStore::new(), lie);
    SelfTest::of(&liar, &liar, &SystemClock).await
}

#[tokio::test]
async fn a_good_store_is_safe_for_a_cluster_and_nothing_is_left_in_it() {
    let store = Liar(MemoryStore::new(), Lie::None);
    let told = SelfTest::of(&store, &store, &SystemClock).await;
    assert_eq!((told.verdict, told.why.as_str()), (Verdict::SafeForACluster, ""), "{told:#?}");
    assert!(told.findings.len() >= 13 && told.findings.iter().all(|one| one.judgement == Judgement::Holds));
    let left = store.list().collect::<Vec<_>>().await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn each_lie_is_found_out_and_named() {
    for (lie, property) in [
        (Lie::Rewrites, "writing it again"),
        (Lie::ReadsTheBeginning, "reading parts of it"),
        (Lie::ListsNothing, "listing"),
        (Lie::Keeps, "deleting"),
        (Lie::Forgets, "surviving a power cut"),
        (Lie::Invents, "saying what is not there"),
    ] {
        let told = tried(lie).await;
        assert_eq!(told.verdict, Verdict::DoNotUse, "{lie:?}: {told:#?}");
        assert!(told.why.starts_with(property), "{lie:?}: {}", told.why);
    }
}

#[tokio::test]
async fn a_disk_of_one_machine_is_safe_for_one_server() {
    let told = tried(Lie::Alone).await;
    assert_eq!(told.verdict, Verdict::SafeForOneServer);
    assert!(told.why.contains("a disk of this machine"), "{}", told.why);
}
