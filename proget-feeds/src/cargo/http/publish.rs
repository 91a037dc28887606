//! `cargo publish`.
//!
//! The document comes before the crate, so what is wrong in it is said before the crate has come.

use crate::cargo::frame::Frame;
use crate::cargo::{CARGO, publish_document};
use crate::http::{FeedDoor, answer, intake};
use bytes::Bytes;
use futures::StreamExt as _;
use poem::http::StatusCode;
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::package::Offer;
use proget_core::registry::Admission;
use proget_core::{Artifact, FeedFormat as _, Problem, Refusal};
use serde_json::json;

/// <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish>
pub(super) async fn put(door: &FeedDoor, request: &mut Request) -> Result<Response, Problem> {
    // Before the body is touched, so that who may not is told at once.
    let admission = door.admit(Permission::Add)?;
    let (offer, artifact) = receive(door, &admission, request).await?;
    let version = offer.version.clone().unwrap_or_default();
    door.publish(admission, &CARGO, artifact, offer).await.map_err(|problem| match problem {
        // The words by which people and scripts know this.
        Problem::AlreadyExists(_) => {
            Problem::AlreadyExists(format!("crate version `{version}` is already uploaded"))
        }
        other => other,
    })?;
    let warnings = json!({"invalid_categories": [], "invalid_badges": [], "other": []});
    Ok(answer::json(StatusCode::OK, &json!({"warnings": warnings})))
}

/// Takes the body apart: the document into memory, the crate into staging.
async fn receive(
    door: &FeedDoor,
    admission: &Admission,
    request: &mut Request,
) -> Result<(Offer, Artifact), Problem> {
    let mut body = intake::body(request)?;
    let (mut frame, mut begun) = (Frame::default(), None);
    while let Some(chunk) = body.next().await {
        let content = frame.push(chunk?)?;
        if let (None, Some(document)) = (&begun, frame.document()) {
            let offer = offered(document)?;
            begun = Some((offer, door.intake(admission).begin(CARGO.digests()).await?));
        }
        if let (Some((_, spool)), false) = (&mut begun, content.is_empty()) {
            spool.write(content).await?;
        }
    }
    let document = frame.finish()?;
    let (offer, spool) = begun.ok_or_else(|| Refusal::new("body", "must hold a document and a crate"))?;
    let artifact = spool.finish().await?;
    Ok((Offer { document: Some(Bytes::from(document)), ..offer }, artifact))
}

fn offered(document: &[u8]) -> Result<Offer, Refusal> {
    let sent = publish_document::parse(document)?;
    Ok(Offer { name: Some(sent.name), version: Some(sent.version), ..Offer::default() })
}
