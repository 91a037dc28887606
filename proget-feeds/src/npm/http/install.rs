//! What `npm install`, `npm view` and their kin read.

use crate::http::{FeedDoor, answer};
use crate::npm::index::{Form, Index};
use poem::http::header;
use poem::{Request, Response};
use proget_core::Problem;
use proget_core::package::{FileName, FileRef, NameKey};

/// <https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md>
pub(super) async fn packument(
    door: &FeedDoor,
    name: &NameKey,
    request: &Request,
) -> Result<Response, Problem> {
    let (form, root) = (wanted(request), door.root().clone());
    let render = move |rows: &_| {
        let body = Index::new(rows, &base(&root)).packument(form)?;
        Some(answer::rendered(body, form.content_type()))
    };
    let document = door.document(name, form.content_type(), render).await?;
    Ok(answer::document(door.feed(), &document, request))
}

/// <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#getpackageversion>
pub(super) async fn manifest(
    door: &FeedDoor,
    name: &NameKey,
    version: String,
    request: &Request,
) -> Result<Response, Problem> {
    let (kind, root) = (format!("version {version}"), door.root().clone());
    let absent = Problem::NotFound(format!("there is no version or tag {version} of {name} in this feed"));
    let render = move |rows: &_| {
        let body = Index::new(rows, &base(&root)).manifest(&version)?;
        Some(answer::rendered(body, "application/json"))
    };
    let document = door.document(name, &kind, render).await.map_err(|problem| match problem {
        Problem::NotFound(_) => absent,
        other => other,
    })?;
    Ok(answer::document(door.feed(), &document, request))
}

/// The address that `dist.tarball` names:
/// <https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md#dist>
pub(super) async fn tarball(
    door: &FeedDoor,
    name: &NameKey,
    file: FileName,
    request: &Request,
) -> Result<Response, Problem> {
    let item = door.item(&FileRef { package: name.clone(), file }).await?;
    answer::file(door, &item, "application/octet-stream", request).await
}

/// Which packument: the short one only for who asks for it by name.
fn wanted(request: &Request) -> Form {
    let accept = request.headers().get_all(header::ACCEPT);
    let short = accept
        .into_iter()
        .any(|line| line.to_str().is_ok_and(|line| line.contains(Form::Abbreviated.content_type())));
    if short { Form::Abbreviated } else { Form::Full }
}

/// The address that tarballs' addresses begin with.
fn base(root: &str) -> String {
    format!("{root}/")
}
