//! Dist-tags: list, set, remove.

use super::{done, editor};
use crate::http::{FeedDoor, answer, intake};
use crate::npm::index::Index;
use crate::npm::{NPM, tag};
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::package::{NameKey, TagName};
use proget_core::registry::Annotation;
use proget_core::{FeedFormat, Problem, Refusal};
use serde_json::json;

/// <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md>;
/// the client is <https://github.com/npm/cli/blob/latest/lib/commands/dist-tag.js>.
pub(super) async fn list(door: &FeedDoor, name: &NameKey) -> Result<Response, Problem> {
    let rows = door.package(name).await?;
    let tags = Index::new(&rows, "").tags();
    if tags.is_empty() {
        return Err(Problem::NotFound(format!("there is no package {name} in this feed")));
    }
    Ok(answer::json(StatusCode::OK, &json!(tags)))
}

/// The body is the version as a JSON text.
pub(super) async fn set(
    door: &FeedDoor,
    name: &NameKey,
    tag: &TagName,
    request: &mut Request,
) -> Result<Response, Problem> {
    let admission = editor(door)?;
    let body = intake::small(request, 4096).await?;
    let text: String = serde_json::from_slice(&body)
        .map_err(|error| Refusal::new("version", format!("must be sent as a JSON text: {error}")))?;
    let version = NPM.version(&text)?;
    let change = Annotation::Tag(tag.clone(), version.key().clone());
    door.annotate(&admission, name, None, vec![change]).await.map_err(|problem| match problem {
        Problem::NotFound(_) => {
            Problem::NotFound(format!("there is no version {version} of {name} in this feed"))
        }
        other => other,
    })?;
    Ok(done(StatusCode::CREATED))
}

/// Every tag but `latest` can be removed.
pub(super) async fn remove(door: &FeedDoor, name: &NameKey, tag: &TagName) -> Result<Response, Problem> {
    let admission = editor(door)?;
    if tag.as_str() == tag::LATEST {
        return Err(
            Refusal::new("dist-tags", "'latest' can be moved to another version but not removed").into()
        );
    }
    door.annotate(&admission, name, None, vec![Annotation::Untag(tag.clone())]).await?;
    Ok(done(StatusCode::OK))
}
