//! `cargo owner`: who published a crate. Owners are not kept: permissions are given on the feed.

use super::editor;
use crate::cargo::index;
use crate::http::{FeedDoor, answer};
use poem::Response;
use poem::http::StatusCode;
use proget_core::Problem;
use proget_core::package::NameKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#owners-list>
pub(super) async fn list(door: &FeedDoor, name: &NameKey) -> Result<Response, Problem> {
    let rows = door.package(name).await?;
    let people: BTreeSet<&str> = index::shown(&rows).map(|row| row.published_by.as_str()).collect();
    let user = |(at, login): (usize, &str)| json!({"id": at + 1, "login": login, "name": login});
    let users: Vec<Value> = people.into_iter().enumerate().map(user).collect();
    Ok(answer::json(StatusCode::OK, &json!({"users": users})))
}

/// What is asked for and not done here, said so that people know what to do instead.
pub(super) fn refused(door: &FeedDoor) -> Problem {
    let instead = "owners are not kept per crate here: permissions are given on the feed";
    editor(door).map_or_else(|problem| problem, |()| Problem::Unsupported(instead.into()))
}
