//! The JSON document about a project or a version.

use crate::http::{FeedDoor, answer};
use crate::pypi::project::{self, Scope};
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::package::{NameKey, VersionKey};
use proget_core::registry::Document;

/// <https://github.com/pypi/warehouse/blob/main/docs/user/api/json.md>. Made for each request: it holds the description, which is
/// too large to be kept for the few who ask.
pub(super) async fn document(
    door: &FeedDoor,
    name: &NameKey,
    version: Option<VersionKey>,
    request: &Request,
) -> Result<Response, Problem> {
    let rows = door.package(name).await?;
    let scope = if version.is_some() { Scope::Version } else { Scope::Project };
    let subject = project::subject(&rows, version.as_ref()).ok_or_else(|| {
        Problem::NotFound(match &version {
            Some(version) => format!("there is no version {version} of {name} in this feed"),
            None => format!("there is no package {name} in this feed"),
        })
    })?;
    let detail = door.detail(name, subject.version.key()).await?;
    let description = String::from_utf8_lossy(&detail.0);
    let body = project::document(&rows, subject, scope, door.root(), &description).to_string().into_bytes();
    let rendered = answer::rendered(body, "application/json");
    Ok(answer::document(door.feed(), &Document::new(rendered), request))
}
