//! The suite of [`Staging`].

use super::case::{self, Broken, Case, cases, eventually};
use super::dice::Dice;
use crate::artifact::Artifact;
use crate::blob::Staging;
use crate::digest::{DigestSet, Digests};
use bytes::Bytes;
use futures::future::join_all;
use std::fmt;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

const CASES: &[Case<StagingArea>] = cases![
    what_arrives_is_measured_and_hashed,
    only_the_wanted_digests_are_computed,
    an_empty_upload_is_an_artifact,
    an_artifact_opens_at_its_beginning_each_time,
    an_upload_counts_what_it_has_taken,
    an_unfinished_upload_leaves_nothing,
    an_artifact_leaves_nothing_after_its_last_owner,
    uploads_do_not_mix,
    a_sweep_spares_the_living,
    a_staging_area_names_itself,
];

/// A staging area and a way to see what it holds.
#[derive(Clone)]
pub struct StagingArea {
    /// The area.
    pub staging: Arc<dyn Staging>,
    /// How many uploads and artifacts take up space in it at this moment (files, usually).
    pub waiting: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// How long it may take until the space of a dropped upload is given back. Default 10 seconds,
    /// because it is removed elsewhere and machines are busy.
    pub patience: Duration,
}

impl StagingArea {
    /// An area, and how its contents are counted.
    pub fn new(staging: Arc<dyn Staging>, waiting: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { staging, waiting: Arc::new(waiting), patience: Duration::from_secs(10) }
    }

    async fn receive(&self, bytes: &[u8], chunk: usize, wanted: DigestSet) -> Artifact {
        let mut spool = self.staging.begin(wanted).await.unwrap();
        for chunk in bytes.chunks(chunk) {
            spool.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        spool.finish().await.unwrap()
    }

    async fn is_empty(&self, when: &str) {
        eventually(&format!("nothing is left behind {when}"), self.patience, || (self.waiting)() == 0).await;
    }
}

impl fmt::Debug for StagingArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagingArea").field("staging", &self.staging).finish_non_exhaustive()
    }
}

/// Tries every promise of a staging area, each on a fresh and empty one.
///
/// # Panics
/// With the names of all broken promises.
pub async fn staging<F: Future<Output = StagingArea>>(fresh: impl Fn() -> F) {
    case::must_be_empty("staging", &staging_broken(fresh).await);
}

/// The promises that a staging area breaks.
pub async fn staging_broken<F: Future<Output = StagingArea>>(fresh: impl Fn() -> F) -> Vec<Broken> {
    case::run(&[CASES], fresh).await
}

const ALL: DigestSet = DigestSet { sha1: true, sha512: true, md5: true, blake2b: true };

fn noise(length: usize) -> Vec<u8> {
    let mut dice = Dice::seeded(length as u64);
    (0..length).map(|_| dice.roll() as u8).collect()
}

fn bytes_of(artifact: &Artifact) -> Vec<u8> {
    let mut bytes = Vec::new();
    artifact.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

async fn what_arrives_is_measured_and_hashed(area: StagingArea) {
    for (length, chunk) in
        [(1, 1), (10_000, 7), (262_144, 65_536), (262_145, 262_144), (3_000_001, 1_000_000)]
    {
        let bytes = noise(length);
        let artifact = area.receive(&bytes, chunk, ALL).await;
        assert_eq!(artifact.size(), length as u64);
        assert_eq!(*artifact.digests(), Digests::of(&bytes, ALL), "{length} bytes in pieces of {chunk}");
        assert!(bytes_of(&artifact) == bytes, "{length} bytes in pieces of {chunk} are not what was sent");
        if let Some(path) = artifact.path() {
            assert!(std::fs::read(path).unwrap() == bytes, "the file is not what was sent");
        }
    }
}

async fn only_the_wanted_digests_are_computed(area: StagingArea) {
    let wanted = DigestSet { sha512: true, ..DigestSet::default() };
    let artifact = area.receive(b"bytes", 2, wanted).await;
    let digests = artifact.digests();
    assert_eq!(*digests, Digests::of(b"bytes", wanted));
    assert!(digests.sha512.is_some() && digests.sha1.is_none() && digests.md5.is_none());
}

async fn an_empty_upload_is_an_artifact(area: StagingArea) {
    let nothing = area.receive(b"", 1, ALL).await;
    assert_eq!((nothing.size(), bytes_of(&nothing)), (0, Vec::new()));
    assert_eq!(*nothing.digests(), Digests::of(b"", ALL));
    let mut spool = area.staging.begin(DigestSet::default()).await.unwrap();
    spool.write(Bytes::new()).await.unwrap();
    spool.write(Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(spool.finish().await.unwrap().size(), 1, "an empty piece changes nothing");
}

async fn an_artifact_opens_at_its_beginning_each_time(area: StagingArea) {
    let bytes = noise(100_000);
    let artifact = area.receive(&bytes, 30_000, DigestSet::default()).await;
    let (mut one, mut other) = (artifact.open().unwrap(), artifact.open().unwrap());
    let mut part = [0; 1000];
    one.seek(SeekFrom::Start(90_000)).unwrap();
    one.read_exact(&mut part).unwrap();
    assert!(part == bytes[90_000..91_000], "seeking finds its place");
    other.read_exact(&mut part).unwrap();
    assert!(part == bytes[..1000], "one reader does not move another");
    assert!(bytes_of(&artifact) == bytes);
}

async fn an_upload_counts_what_it_has_taken(area: StagingArea) {
    let mut spool = area.staging.begin(DigestSet::default()).await.unwrap();
    assert_eq!(spool.size(), 0);
    for number in 1..=10 {
        spool.write(Bytes::from(noise(70_000))).await.unwrap();
        assert_eq!(spool.size(), number * 70_000);
    }
}

async fn an_unfinished_upload_leaves_nothing(area: StagingArea) {
    for pieces in [0, 1, 20] {
        let mut spool = area.staging.begin(DigestSet::default()).await.unwrap();
        for _ in 0..pieces {
            spool.write(Bytes::from(noise(100_000))).await.unwrap();
        }
        drop(spool);
        area.is_empty("by an upload that broke off").await;
    }
}

async fn an_artifact_leaves_nothing_after_its_last_owner(area: StagingArea) {
    let bytes = noise(200_000);
    let artifact = area.receive(&bytes, 50_000, DigestSet::default()).await;
    assert!((area.waiting)() > 0, "an artifact takes up space: otherwise this case sees nothing");
    let clone = artifact.clone();
    drop(artifact);
    assert!(bytes_of(&clone) == bytes, "the bytes stay as long as anybody owns them");
    drop(clone);
    area.is_empty("by an artifact").await;
}

async fn uploads_do_not_mix(area: StagingArea) {
    let uploads = (0..16_usize).map(|number| {
        let area = area.clone();
        async move {
            let bytes = noise(100_000 + number);
            (area.receive(&bytes, 9_999, DigestSet::default()).await, bytes)
        }
    });
    let artifacts = join_all(uploads).await;
    for (artifact, bytes) in &artifacts {
        assert!(bytes_of(artifact) == *bytes, "uploads at the same time do not mix");
    }
    drop(artifacts);
    area.is_empty("by many uploads at once").await;
}

async fn a_sweep_spares_the_living(area: StagingArea) {
    let bytes = noise(150_000);
    let artifact = area.receive(&bytes, 50_000, DigestSet::default()).await;
    let mut spool = area.staging.begin(DigestSet::default()).await.unwrap();
    spool.write(Bytes::from(bytes.clone())).await.unwrap();
    let swept = area.staging.sweep().await.unwrap();
    assert_eq!((swept.removed, swept.bytes), (0, 0), "nothing here belongs to a dead process");
    spool.write(Bytes::from(bytes.clone())).await.unwrap();
    assert_eq!(spool.finish().await.unwrap().size(), 300_000, "an upload under way goes on");
    assert!(bytes_of(&artifact) == bytes);
}

async fn a_staging_area_names_itself(area: StagingArea) {
    assert!(!area.staging.to_string().is_empty(), "operators know it by a name");
}
