//! `cargo yank` and `cargo yank --undo`.
//!
//! A yanked version is an unlisted one: searches pass over it, resolvers too, and who has it in a
//! lock file still gets it. Whatever else was decided about the version stays.

use crate::http::{FeedDoor, answer};
use poem::Response;
use poem::http::StatusCode;
use proget_core::Problem;
use proget_core::access::Permission;
use proget_core::package::{NameKey, VersionKey, VersionStatus};
use proget_core::registry::Annotation;
use serde_json::json;

/// So often is a decision made again on a package that somebody else is changing.
const ATTEMPTS: usize = 5;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// Resolvers pass over it.
    Yanked,
    /// It is as any other.
    Listed,
}

/// <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#yank>
pub(super) async fn set(
    door: &FeedDoor,
    name: &NameKey,
    version: &VersionKey,
    listing: Listing,
) -> Result<Response, Problem> {
    for attempt in 1.. {
        match try_set(door, name, version, listing).await {
            // Another version was published meanwhile, most likely: cargo would not try again.
            Err(Problem::Changed(_)) if attempt < ATTEMPTS => {}
            outcome => return outcome,
        }
    }
    Err(Problem::busy("this crate, which many are changing at this moment"))
}

async fn try_set(
    door: &FeedDoor,
    name: &NameKey,
    version: &VersionKey,
    listing: Listing,
) -> Result<Response, Problem> {
    let admission = door.admit(Permission::Delete)?;
    let rows = door.package(name).await?;
    let absent =
        || Problem::NotFound(format!("crate `{name}` does not have a version `{version}` in this feed"));
    let row = rows.versions.iter().find(|row| row.version.key() == version).ok_or_else(absent)?;
    let status = VersionStatus { listed: listing == Listing::Listed, ..row.status.clone() };
    if status != row.status {
        let change = Annotation::Status(version.clone(), status);
        door.annotate(&admission, name, Some(rows.package.stamp), vec![change]).await?;
    }
    Ok(answer::json(StatusCode::OK, &json!({"ok": true})))
}
