//! Reading role: packages, versions and files.

use super::{CatalogError, Page, PageRequest};
use crate::blob::BlobKey;
use crate::clock::Timestamp;
use crate::digest::Digests;
use crate::feed::StoreName;
use crate::ids::{BlobId, FeedId, FileId, PackageId, Stamp};
use crate::package::{
    FileName, FileRef, Fragment, NameKey, PackageName, TagName, Version, VersionKey, VersionStatus,
};
use async_trait::async_trait;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRow {
    /// Its row.
    pub id: PackageId,
    /// Its feed.
    pub feed: FeedId,
    /// Its name.
    pub name: PackageName,
    /// Changes with each commit that touches it.
    pub stamp: Stamp,
    /// When its first version was published.
    pub created: Timestamp,
    /// When it was last touched.
    pub modified: Timestamp,
}

/// A version of a package, with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// The version.
    pub version: Version,
    /// When its first file was published.
    pub published: Timestamp,
    /// Who published it, by the name the caller had then.
    pub published_by: String,
    /// What has been decided about it since.
    pub status: VersionStatus,
    /// One line for lists.
    pub summary: String,
    /// What it contributes to index documents.
    pub fragment: Fragment,
    /// Its files, by name.
    pub files: Vec<FileRow>,
}

/// A file of a version, with where its bytes lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its row.
    pub id: FileId,
    /// Its name, unique within the package.
    pub name: FileName,
    /// The blob's row.
    pub blob: BlobId,
    /// The store in which the bytes lie, whatever the feed's present setting.
    pub store: StoreName,
    /// The key under which they lie.
    pub key: BlobKey,
    /// How many there are.
    pub size: u64,
    /// What they are.
    pub digests: Digests,
    /// What the file contributes to index documents.
    pub fragment: Fragment,
    /// When it was published.
    pub published: Timestamp,
}

/// A whole package as its index documents need it, from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRows {
    /// The package; its stamp is that of the same snapshot.
    pub package: PackageRow,
    /// Its tags, by name.
    pub tags: Vec<(TagName, VersionKey)>,
    /// Its versions, oldest first in the format's order, then by key.
    pub versions: Vec<VersionRow>,
}

/// Which versions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Only listed ones.
    #[default]
    Listed,
    /// Unlisted ones too.
    All,
}

/// Which packages are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Only those whose name, summary or keywords contain each of these words, as they stand (no
    /// character is a wild card), without regard to the case of ASCII letters. Summary and keywords
    /// are those of the version that the search gives.
    pub text: Vec<String>,
    /// Only the package of this name.
    pub name: Option<NameKey>,
    /// Only packages whose name key begins with this, byte by byte (a scope: `@acme/`).
    pub prefix: Option<String>,
    /// Only versions that are not prereleases.
    pub stable_only: bool,
    /// Count unlisted versions?
    pub visibility: Visibility,
}

/// Which versions are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionFilter {
    /// Only of this package.
    pub name: Option<NameKey>,
    /// Only this version.
    pub version: Option<VersionKey>,
}

/// A package and one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The package.
    pub package: PackageRow,
    /// The version: in a search the newest that counts.
    pub version: VersionRow,
}

/// One file as a download needs it, from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// The stamp of its package in the same snapshot.
    pub stamp: Stamp,
    /// Its version.
    pub version: Version,
    /// What has been decided about that version.
    pub status: VersionStatus,
    /// The file.
    pub file: FileRow,
}

/// How much a feed holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedTotals {
    /// Packages.
    pub packages: u64,
    /// Versions.
    pub versions: u64,
    /// Bytes of all files, a blob counted as often as it is referred to.
    pub bytes: u64,
}

/// What packages exist.
#[async_trait]
pub trait Packages: Send + Sync {
    /// A whole package from one snapshot that begins after the call does; `None` if there is none.
    async fn rows(&self, feed: FeedId, name: &NameKey) -> Result<Option<PackageRows>, CatalogError>;

    /// One file by its name, from one snapshot that begins after the call does; one indexed look-up,
    /// however many versions the package has.
    async fn file(&self, feed: FeedId, file: &FileRef) -> Result<Option<FoundFile>, CatalogError>;

    /// Packages that match, each with the newest version that counts, by name key.
    /// A package none of whose versions count is left out.
    async fn search(
        &self,
        feed: FeedId,
        search: &Search,
        page: &PageRequest,
    ) -> Result<Page<Found>, CatalogError>;

    /// Versions that match, unlisted ones too, by name key, then oldest first; versions that the
    /// format's order does not tell apart are ordered by their keys.
    async fn versions(
        &self,
        feed: FeedId,
        filter: &VersionFilter,
        page: &PageRequest,
    ) -> Result<Page<Found>, CatalogError>;

    /// The detail that a format stored about one version (a README), empty if it stored none;
    /// `None` if there is no such version.
    async fn detail(
        &self,
        feed: FeedId,
        name: &NameKey,
        version: &VersionKey,
    ) -> Result<Option<Fragment>, CatalogError>;

    /// The detail that a format stored about one file, empty if it stored none; `None` if there is
    /// no such file. Says nothing about whether the file may be downloaded.
    async fn file_detail(&self, feed: FeedId, file: &FileRef) -> Result<Option<Fragment>, CatalogError>;

    /// How often each of these files was downloaded, in their order; 0 for unknown ones.
    async fn downloads(&self, files: &[FileId]) -> Result<Vec<u64>, CatalogError>;

    /// How much a feed holds.
    async fn totals(&self, feed: FeedId) -> Result<FeedTotals, CatalogError>;
}
