//! Downloading a crate.

use crate::cargo::manifest;
use crate::http::{FeedDoor, answer};
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::access::Permission;
use proget_core::package::{FileRef, NameKey, VersionKey};

/// <https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration>, `dl`. Also
/// yanked versions, which are in people's lock files.
pub(super) async fn download(
    door: &FeedDoor,
    name: &NameKey,
    version: &VersionKey,
    request: &Request,
) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    let file = FileRef { package: name.clone(), file: manifest::file_name(name, version)? };
    let item = door.item(&file).await.map_err(|problem| match problem {
        Problem::NotFound(_) => {
            Problem::NotFound(format!("crate `{name}` does not have a version `{version}` in this feed"))
        }
        other => other,
    })?;
    answer::file(door, &item, "application/gzip", request).await
}
