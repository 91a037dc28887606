//! Names, versions and files to work with, made without any format.

use crate::access::Actor;
use crate::blob::BlobKey;
use crate::catalog::{BlobRow, ChangeSet, NewFile};
use crate::digest::{DigestSet, Digests, Sha256};
use crate::feed::{FeedName, FormatId, StoreName};
use crate::ids::FeedId;
use crate::package::{
    FileName, Fragment, NameKey, OrderKey, PackageName, Stability, TagName, Version, VersionKey,
};
use bytes::Bytes;

/// A feed's name.
#[must_use]
pub fn feed_name(text: &str) -> FeedName {
    FeedName::new(text).expect("samples use good feed names")
}

/// The one format that samples pretend to be of.
#[must_use]
pub fn format_id() -> FormatId {
    FormatId::new("sample").expect("samples use a good format")
}

/// A package's name, compared in lower case.
#[must_use]
pub fn package(text: &str) -> PackageName {
    PackageName::new(text, text.to_ascii_lowercase())
}

/// The key of a package's name.
#[must_use]
pub fn name(text: &str) -> NameKey {
    package(text).key().clone()
}

/// A version such as `1.2.3` or `1.2.3-beta`: numbers in order, a prerelease before its release.
#[must_use]
pub fn version(text: &str) -> Version {
    let (numbers, suffix) =
        text.split_once('-').map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
    let numbers = numbers.split('.').map(|number| number.parse::<u32>().expect("samples use numbers"));
    let mut order: Vec<u8> = numbers.flat_map(u32::to_be_bytes).collect();
    match suffix {
        Some(suffix) => order.extend([&[0], suffix.as_bytes()].concat()),
        None => order.push(1),
    }
    let stability = if suffix.is_some() { Stability::Prerelease } else { Stability::Stable };
    Version::new(text, text, OrderKey(order), stability)
}

/// The key of a version.
#[must_use]
pub fn version_key(text: &str) -> VersionKey {
    VersionKey::stored(text.into())
}

/// A file's name.
#[must_use]
pub fn file_name(text: &str) -> FileName {
    FileName::new(text).expect("samples use good file names")
}

/// A tag.
#[must_use]
pub fn tag(text: &str) -> TagName {
    TagName::new(text).expect("samples use good tags")
}

/// The instance-wide store.
#[must_use]
pub fn store() -> StoreName {
    StoreName::default()
}

/// A key never used before, for these bytes.
#[must_use]
pub fn blob_key(bytes: &str) -> BlobKey {
    BlobKey::fresh(Sha256::of(bytes.as_bytes()))
}

/// What a format might keep.
#[must_use]
pub fn fragment(text: &str) -> Fragment {
    Fragment(Bytes::copy_from_slice(text.as_bytes()))
}

/// The name of the only file of a sample version.
#[must_use]
pub fn file_of(package: &str, version: &str) -> FileName {
    file_name(&format!("{}-{version}.tgz", package.replace('/', "-")))
}

/// An empty change set by the suite.
#[must_use]
pub fn set() -> ChangeSet {
    ChangeSet::by(Actor("suite".into()))
}

/// The file of a version whose bytes are `bytes`, for which `blob` was reserved.
#[must_use]
pub fn new_file(feed: FeedId, name: &str, number: &str, bytes: &str, blob: &BlobRow) -> NewFile {
    let all = DigestSet { sha1: true, sha512: true, md5: true, blake2b: true };
    NewFile {
        feed,
        package: package(name),
        version: version(number),
        file: file_of(name, number),
        blob: blob.id,
        key: blob.key,
        size: bytes.len() as u64,
        digests: Digests::of(bytes.as_bytes(), all),
        version_fragment: fragment(&format!("version fragment of {name} {number}")),
        file_fragment: fragment(&format!("file fragment of {name} {number}")),
        detail: fragment(&format!("detail of {name} {number}")),
        file_detail: fragment(&format!("detail of the file of {name} {number}")),
        summary: format!("what {name} is"),
        keywords: vec!["sample".into()],
        tags: Vec::new(),
    }
}
