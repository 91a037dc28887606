//! Files, and the metadata of wheels beside them.

use crate::http::{FeedDoor, answer};
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::package::{FileName, FileRef, NameKey};
use proget_core::registry::Document;

/// A file, at the address that index pages name: <https://peps.python.org/pep-0503/>
pub(super) async fn file(
    door: &FeedDoor,
    name: &NameKey,
    file: FileName,
    request: &Request,
) -> Result<Response, Problem> {
    let item = door.item(&FileRef { package: name.clone(), file }).await?;
    answer::file(door, &item, "application/octet-stream", request).await
}

/// A wheel's `METADATA`: <https://peps.python.org/pep-0658/>
pub(super) async fn metadata(
    door: &FeedDoor,
    name: &NameKey,
    file: FileName,
    request: &Request,
) -> Result<Response, Problem> {
    let none = Problem::NotFound(format!("there is no metadata beside {file} of {name} in this feed"));
    let found = door.file_detail(&FileRef { package: name.clone(), file }).await?;
    if found.0.is_empty() {
        return Err(none);
    }
    let rendered = answer::rendered(found.0.to_vec(), "text/plain; charset=utf-8");
    Ok(answer::document(door.feed(), &Document::new(rendered), request))
}
