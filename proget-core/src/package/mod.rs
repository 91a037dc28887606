//! Names, versions, manifests and files of packages, the same for all formats.

mod file;
mod manifest;
mod name;
mod status;
mod version;

pub use file::{FileName, FileRef};
pub use manifest::{Fragment, Manifest, Offer, TagChange, TagMode, TagName};
pub use name::{NameKey, PackageName};
pub use status::{Download, VersionStatus};
pub use version::{OrderKey, Stability, Version, VersionKey};
