//! Changes to feeds and to what they hold.

use crate::blob::BlobKey;
use crate::digest::Digests;
use crate::feed::{FeedName, FeedSettings, FormatId};
use crate::ids::{BlobId, FeedId, FileId};
use crate::package::{
    FileName, Fragment, NameKey, PackageName, TagChange, TagName, Version, VersionKey, VersionStatus,
};

/// A change to feeds.
#[derive(Debug, Clone)]
pub enum FeedChange {
    /// Creates a feed; `NameTaken` if any feed has this name or one of its alternate names, as its
    /// name or as an alternate one.
    Create {
        /// Its name.
        name: FeedName,
        /// Its format, for ever.
        format: FormatId,
        /// Its settings.
        settings: FeedSettings,
    },
    /// Replaces a feed's name and settings and its revision; `Absent`, `NameTaken`.
    Update {
        /// Which.
        id: FeedId,
        /// Its name from now on.
        name: FeedName,
        /// Its settings from now on.
        settings: FeedSettings,
    },
    /// Deletes a feed with its packages, versions, files, tags and counts; blobs stay for the sweep. `Absent`.
    Delete(FeedId),
}

/// Which version of which package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRef {
    /// The feed.
    pub feed: FeedId,
    /// The package.
    pub package: NameKey,
    /// The version.
    pub version: VersionKey,
}

/// A change to packages. Each writes a new stamp to the package and, last, to one slot of its feed.
#[derive(Debug, Clone)]
pub enum PackageChange {
    /// Publishes a file; creates package and version if they are not there.
    AddFile(Box<NewFile>),
    /// Points a tag at a version; `VersionAbsent` if there is no such version.
    SetTag(VersionRef, TagName),
    /// Removes a tag; nothing happens if there is none.
    RemoveTag(FeedId, NameKey, TagName),
    /// Sets what has been decided about a version; `VersionAbsent`.
    SetStatus(VersionRef, VersionStatus),
    /// Removes a version with its files and the tags that point at it, and the package if it was the last; `VersionAbsent`.
    RemoveVersion(VersionRef),
    /// Removes one file; its version stays, if only for the `AddFile` that follows in the same set
    /// (which then replaces the version's fragment, detail, summary, keywords, date and publisher). `Absent`.
    RemoveFile(FeedId, NameKey, FileName),
    /// Removes a package with all it has; `Absent`.
    RemovePackage(FeedId, NameKey),
    /// Adds to download counts; files that are gone are passed over. Changes no stamp.
    CountDownloads(Vec<(FileId, u64)>),
}

/// A file to be published.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The feed; `FeedChanged` if there is none.
    pub feed: FeedId,
    /// The package; its spelling is kept from its first file.
    pub package: PackageName,
    /// The version; its spelling is kept from its first file.
    pub version: Version,
    /// The file's name; `FileExists` if the package has one of that name, in whichever version.
    pub file: FileName,
    /// The blob's row; it becomes live in the same transaction if it still has this key, else `BlobGone`.
    pub blob: BlobId,
    /// The key the bytes were put under.
    pub key: BlobKey,
    /// How many bytes.
    pub size: u64,
    /// What they are.
    pub digests: Digests,
    /// What the version contributes to index documents; taken if the version has no other file.
    pub version_fragment: Fragment,
    /// What the file contributes.
    pub file_fragment: Fragment,
    /// More about the version than indexes need; taken if the version has no other file.
    pub detail: Fragment,
    /// More about the file than indexes need.
    pub file_detail: Fragment,
    /// One line for lists and searches; taken if the version has no other file.
    pub summary: String,
    /// Words by which a search may find it; taken if the version has no other file.
    pub keywords: Vec<String>,
    /// Tags to set on the version.
    pub tags: Vec<TagChange>,
}
