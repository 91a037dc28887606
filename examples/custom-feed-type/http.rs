//! The HTTP half: three addresses, and problems in a dialect of its own (one line of text).

use crate::format::NOTE;
use async_trait::async_trait;
use poem::http::{Method, StatusCode};
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::package::{FileName, FileRef, NameKey, Offer};
use proget_core::registry::Published;
use proget_core::{FeedFormat, Problem};
use proget_feeds::http::{Endpoint, FeedDoor, FeedProtocol, RawTail, Support, answer, dialect, intake};

#[derive(Debug)]
pub(crate) struct NoteProtocol;

#[async_trait]
impl FeedProtocol for NoteProtocol {
    fn format(&self) -> &'static dyn FeedFormat {
        &NOTE
    }

    fn mount(&self) -> &'static str {
        "notes"
    }

    async fn call(&self, door: FeedDoor, tail: RawTail, mut request: Request) -> Result<Response, Problem> {
        // Decoded once, segment by segment; what could escape has been refused.
        let segments = tail.segments()?;
        match (request.method().clone(), segments.as_slice()) {
            (Method::GET | Method::HEAD, [name]) => index(&door, name, &request).await,
            (Method::GET | Method::HEAD, [name, version]) => note(&door, name, version, &request).await,
            (Method::PUT, [name, version]) => publish(&door, name, version, &mut request).await,
            _ => Err(door.admit(Permission::View).map_or_else(
                |problem| problem,
                |_| Problem::NotFound(format!("there is nothing at '{}'", tail.as_str())),
            )),
        }
    }

    fn refuse(&self, problem: &Problem) -> Response {
        dialect::response(problem, dialect::status(problem), "text/plain", dialect::sentence(problem))
    }

    fn contract(&self) -> &'static [Endpoint] {
        const HERE: &str = "https://example.org/notes";
        const fn row(method: &'static str, path: &'static str) -> Endpoint {
            Endpoint { method, path, support: Support::Full, specification: HERE }
        }
        const ENDPOINTS: [Endpoint; 3] =
            [row("GET", "/{name}"), row("GET", "/{name}/{version}"), row("PUT", "/{name}/{version}")];
        &ENDPOINTS
    }
}

/// <https://example.org/notes#index>
async fn index(door: &FeedDoor, name: &str, request: &Request) -> Result<Response, Problem> {
    let render = |rows: &proget_core::catalog::PackageRows| {
        let lines: Vec<&[u8]> = rows.versions.iter().map(|row| &row.fragment.0[..]).collect();
        Some(answer::rendered(lines.concat(), "text/plain"))
    };
    let document = door.document(&key(door, name)?, "index", render).await?;
    Ok(answer::document(door.feed(), &document, request))
}

/// <https://example.org/notes#note>
async fn note(door: &FeedDoor, name: &str, version: &str, request: &Request) -> Result<Response, Problem> {
    let file = FileName::new(format!("{name}-{version}.txt"))?;
    let item = door.item(&FileRef { package: key(door, name)?, file }).await?;
    answer::file(door, &item, "text/plain", request).await
}

/// <https://example.org/notes#publish>
async fn publish(
    door: &FeedDoor,
    name: &str,
    version: &str,
    request: &mut Request,
) -> Result<Response, Problem> {
    // First whether, then what: nothing of the body is read for a caller who may not.
    let admission = door.admit(Permission::Add)?;
    let artifact = door.intake(&admission).receive(intake::body(request)?, NOTE.digests()).await?;
    let offer = Offer { name: Some(name.into()), version: Some(version.into()), ..Offer::default() };
    let (published, _) = door.publish(admission, &NOTE, artifact, offer).await?;
    let status = if published == Published::Same { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Response::builder().status(status).finish())
}

/// A name as it is compared; one that cannot be is one that is not there.
fn key(door: &FeedDoor, name: &str) -> Result<NameKey, Problem> {
    door.admit(Permission::View)?;
    let name = NOTE.name(name).map_err(|refusal| Problem::NotFound(refusal.to_string()))?;
    Ok(name.key().clone())
}
