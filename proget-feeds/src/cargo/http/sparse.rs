//! The sparse index: `config.json` and one document a crate.

use crate::cargo::index;
use crate::http::{FeedDoor, answer};
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::access::Permission;
use proget_core::package::NameKey;
use serde_json::json;

/// <https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration>. Refused to
/// who may not view the feed, because that is how cargo learns that it must send its token.
pub(super) fn config(door: &FeedDoor) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    let root = door.root();
    let mut config = json!({"dl": format!("{root}/api/v1/crates"), "api": root});
    if !door.feed().settings.anonymous_view {
        config["auth-required"] = true.into();
    }
    Ok(answer::json(StatusCode::OK, &config))
}

/// <https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol>
pub(super) async fn entry(
    door: &FeedDoor,
    name: &NameKey,
    asked: String,
    request: &Request,
) -> Result<Response, Problem> {
    let kind = format!("index {asked}");
    let render = move |rows: &_| Some(answer::rendered(index::document(rows, &asked)?, "text/plain"));
    let document = door.document(name, &kind, render).await?;
    Ok(answer::document(door.feed(), &document, request))
}
