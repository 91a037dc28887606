//! `PUT /{package}`: a publish, or a packument sent back with something changed.
//!
//! Which of the two it is shows only in the body, so the body is split while it arrives: the
//! tarball goes to staging as it comes, the rest into a bounded buffer.

use super::{done, editor, update};
use crate::http::{FeedDoor, intake};
use crate::npm::document::{PublishDocument, PutDocument};
use crate::npm::{NPM, Splitter};
use bytes::Bytes;
use futures::StreamExt as _;
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::package::NameKey;
use proget_core::registry::Admission;
use proget_core::{Artifact, FeedFormat, Problem, Refusal};

/// <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md>; what clients send is in
/// <https://github.com/npm/cli/blob/latest/workspaces/libnpmpublish/lib/publish.js>.
pub(super) async fn put(
    door: &FeedDoor,
    name: &NameKey,
    rev: Option<&str>,
    request: &mut Request,
) -> Result<Response, Problem> {
    // Before the body is touched, so that who may not is told at once.
    let admission = editor(door)?;
    // Who may remove too is let in even while publishes are held, and is told so once it is one.
    let adding = door.admit(Permission::Add);
    let (metadata, artifact) = receive(door, &admission, request).await?;
    match (PutDocument::parse(&metadata, name.as_str(), artifact.is_some())?, artifact) {
        (PutDocument::Publish(document), Some(artifact)) => publish(door, adding?, document, artifact).await,
        (PutDocument::Update(document), _) => update::apply(door, &admission, name, rev, document).await,
        (PutDocument::Publish(_), None) => Err(Refusal::new("_attachments", "must hold the tarball").into()),
    }
}

/// Splits the body: metadata into memory, the tarball into staging.
async fn receive(
    door: &FeedDoor,
    admission: &Admission,
    request: &mut Request,
) -> Result<(Vec<u8>, Option<Artifact>), Problem> {
    let mut body = intake::body(request)?;
    let (mut splitter, mut spool, mut decoded) = (Splitter::default(), None, Vec::new());
    while let Some(chunk) = body.next().await {
        splitter.push(&chunk?, &mut decoded)?;
        if splitter.attachment_begun() && spool.is_none() {
            spool = Some(door.intake(admission).begin(NPM.digests()).await?);
        }
        if let (Some(spool), false) = (&mut spool, decoded.is_empty()) {
            spool.write(Bytes::from(std::mem::take(&mut decoded))).await?;
        }
    }
    let split = splitter.finish()?;
    let artifact = match spool {
        Some(spool) => Some(spool.finish().await?),
        None => None,
    };
    Ok((split.metadata, artifact))
}

async fn publish(
    door: &FeedDoor,
    admission: Admission,
    document: PublishDocument,
    artifact: Artifact,
) -> Result<Response, Problem> {
    document.check_length(artifact.size())?;
    let version = document.offer.version.clone().unwrap_or_default();
    let outcome = door.publish(admission, &NPM, artifact, document.offer).await;
    outcome.map(|_| done(StatusCode::CREATED)).map_err(|problem| match problem {
        // The words by which people and scripts know this.
        Problem::AlreadyExists(_) => Problem::AlreadyExists(format!(
            "You cannot publish over the previously published versions: {version}."
        )),
        other => other,
    })
}
