//! What is known about a crate and about one version of it, for scripts and people.
//!
//! No specification covers these; their shape is that of the public registry's API, and cargo
//! itself asks for none of them.

use crate::cargo::declaration::About;
use crate::cargo::{index, manifest};
use crate::http::{FeedDoor, answer};
use poem::Response;
use poem::http::{StatusCode, header};
use proget_core::Problem;
use proget_core::catalog::{PackageRows, VersionRow};
use proget_core::package::{FileRef, NameKey, VersionKey};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// No page shows more versions; the index has them all.
const MOST_VERSIONS: usize = 1000;

/// `GET /api/v1/crates/{crate}`: the crate, and its newest versions, newest first.
pub(super) async fn krate(door: &FeedDoor, name: &NameKey) -> Result<Response, Problem> {
    let rows = door.package(name).await?;
    let newest = newest(&rows).ok_or_else(|| absent(name))?;
    let about = about(door, name, newest.version.key()).await?;
    let stable = index::shown(&rows).rev().find(|row| row.status.listed && !row.version.is_prerelease());
    let package = &rows.package;
    let shown = index::shown(&rows).rev().take(MOST_VERSIONS);
    let versions: Vec<Value> = shown.map(|row| version_value(&rows, row)).collect();
    let document = json!({
        "crate": {
            "id": package.name.as_str(),
            "name": package.name.as_str(),
            "description": about.description,
            "homepage": about.homepage,
            "documentation": about.documentation,
            "repository": about.repository,
            "keywords": about.keywords,
            "categories": about.categories,
            "max_version": newest.version.as_str(),
            "max_stable_version": stable.map(|row| row.version.as_str()),
            "newest_version": newest.version.as_str(),
            "created_at": package.created.to_string(),
            "updated_at": package.modified.to_string(),
        },
        "versions": versions,
    });
    Ok(answer::json(StatusCode::OK, &document))
}

/// `GET /api/v1/crates/{crate}/{version}`
pub(super) async fn version(
    door: &FeedDoor,
    name: &NameKey,
    version: &VersionKey,
) -> Result<Response, Problem> {
    let rows = door.package(name).await?;
    let row = index::shown(&rows).find(|row| row.version.key() == version).ok_or_else(|| absent(name))?;
    let about = about(door, name, version).await?;
    let mut shown = version_value(&rows, row);
    shown["license"] = about.license.into();
    shown["description"] = about.description.into();
    shown["authors"] = about.authors.into();
    Ok(answer::json(StatusCode::OK, &json!({"version": shown})))
}

/// `GET /api/v1/crates/{crate}/{version}/readme`: as it was written, not rendered.
pub(super) async fn readme(
    door: &FeedDoor,
    name: &NameKey,
    version: &VersionKey,
) -> Result<Response, Problem> {
    // Through the file, so that a blocked version has none.
    door.item(&file(name, version)?).await.map_err(|problem| not_there(problem, name))?;
    let readme = door.detail(name, version).await?.0;
    if readme.is_empty() {
        return Err(Problem::NotFound(format!("version `{version}` of crate `{name}` has no README")));
    }
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "text/markdown; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(readme))
}

/// `GET /me`, to which `cargo login` sends people. Answered for everybody.
pub(super) fn me(door: &FeedDoor) -> Response {
    let text = format!(
        "A token for this registry is an API key of this server that may use the feed '{}'.\n\
         Ask whoever runs the server for one, and give it to `cargo login --registry <name>`.\n",
        door.feed().name
    );
    Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(text)
}

/// What is shown of a line of the index; the rest is passed over.
#[derive(Default, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    cksum: Option<Cow<'a, str>>,
    #[serde(borrow)]
    rust_version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    links: Option<Cow<'a, str>>,
}

/// The newest version that is not yanked, or else the newest at all.
fn newest(rows: &PackageRows) -> Option<&VersionRow> {
    let listed = index::shown(rows).rev().find(|row| row.status.listed);
    listed.or_else(|| index::shown(rows).next_back())
}

fn version_value(rows: &PackageRows, row: &VersionRow) -> Value {
    let (name, number) = (rows.package.name.as_str(), row.version.as_str());
    // Damaged: what is only shown is not worth an error.
    let line: Line<'_> = serde_json::from_slice(&row.fragment.0).unwrap_or_default();
    let base = format!("/api/v1/crates/{name}/{number}");
    json!({
        "crate": name,
        "num": number,
        "dl_path": format!("{base}/download"),
        "readme_path": format!("{base}/readme"),
        "created_at": row.published.to_string(),
        "updated_at": row.published.to_string(),
        "yanked": !row.status.listed,
        "published_by": {"login": row.published_by, "name": row.published_by},
        "crate_size": row.files.first().map(|file| file.size),
        "checksum": line.cksum,
        "rust_version": line.rust_version,
        "links": line.links,
    })
}

async fn about(door: &FeedDoor, name: &NameKey, version: &VersionKey) -> Result<About, Problem> {
    let stored = door.file_detail(&file(name, version)?).await.map_err(|problem| not_there(problem, name))?;
    // Damaged or empty: what is only shown is not worth an error.
    Ok(serde_json::from_slice(&stored.0).unwrap_or_default())
}

fn file(name: &NameKey, version: &VersionKey) -> Result<FileRef, Problem> {
    Ok(FileRef { package: name.clone(), file: manifest::file_name(name, version)? })
}

fn not_there(problem: Problem, name: &NameKey) -> Problem {
    match problem {
        Problem::NotFound(_) => absent(name),
        other => other,
    }
}

fn absent(name: &NameKey) -> Problem {
    Problem::NotFound(format!("there is no such version of crate `{name}` in this feed"))
}
