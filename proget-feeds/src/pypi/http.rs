//! PyPI over HTTP: which request is which, and how problems are said to Python's clients.
//!
//! One file a theme: `index` (the simple index), `download`, `upload`, `project` (JSON), `xmlrpc`;
//! `route` turns the raw path into a validated value, `contract` lists what is served.
//!
//! What surprised us: twine repeats an upload five times after any 5xx, so what is not supported
//! is a 405 here; it knows that a file was uploaded before by the words `already exist` in a 400; and
//! unless asked to, it shows nothing of an answer but the words behind the status. So problems are
//! said there too.

mod contract;
mod download;
mod index;
mod project;
mod route;
mod upload;
mod xmlrpc;

pub use route::Route;

use super::PYPI;
use crate::http::{Endpoint, FeedDoor, FeedProtocol, RawTail, dialect};
use async_trait::async_trait;
use hyper::ext::ReasonPhrase;
use poem::http::{Method, StatusCode};
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::package::NameKey;
use proget_core::{FeedFormat, Problem};

/// Longest text behind a status, in characters.
const LONGEST_REASON: usize = 300;

/// PyPI's protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct PypiProtocol;

#[async_trait]
impl FeedProtocol for PypiProtocol {
    fn format(&self) -> &'static dyn FeedFormat {
        &PYPI
    }

    fn mount(&self) -> &'static str {
        "pypi"
    }

    fn package(&self, tail: &RawTail) -> Option<NameKey> {
        match Route::parse(tail) {
            Ok(Route::Project(name) | Route::File(name, _)) => Some(name),
            _ => None,
        }
    }

    async fn call(&self, door: FeedDoor, tail: RawTail, mut request: Request) -> Result<Response, Problem> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let route = match Route::parse(&tail) {
            Ok(route) => route,
            // A name that no project can have is one that no project has.
            Err(_) if reads => return Err(unknown(&door, &tail)),
            Err(refusal) => {
                door.admit(Permission::Add)?;
                return Err(refusal.into());
            }
        };
        if reads {
            return read(&door, &tail, route, &request).await;
        }
        // Boxed, so that reads, which are many, do not carry the room that an upload needs.
        match (request.method().clone(), route) {
            (Method::POST, Route::Upload) => Box::pin(upload::upload(&door, &mut request)).await,
            (Method::POST, Route::Root | Route::XmlRpc) => Box::pin(xmlrpc::call(&door, &mut request)).await,
            _ => {
                door.admit(Permission::Add)?;
                Err(Problem::Unsupported("this cannot be done at this address".to_owned()))
            }
        }
    }

    fn refuse(&self, problem: &Problem) -> Response {
        let status = match problem {
            // With the words of the upload's answer, this is how clients know it.
            Problem::AlreadyExists(_) => StatusCode::BAD_REQUEST,
            Problem::Unsupported(_) => StatusCode::METHOD_NOT_ALLOWED,
            other => dialect::status(other),
        };
        let text = dialect::sentence(problem);
        let body = format!("{text}\n");
        let mut response = dialect::response(problem, status, "text/plain; charset=utf-8", body);
        if let Some(reason) = reason(&text) {
            response.extensions_mut().insert(reason);
        }
        response
    }

    fn contract(&self) -> &'static [Endpoint] {
        contract::ENDPOINTS
    }
}

async fn read(door: &FeedDoor, tail: &RawTail, route: Route, request: &Request) -> Result<Response, Problem> {
    let slash = tail.as_str().ends_with('/');
    match route {
        Route::Projects if slash => index::projects(door, request).await,
        Route::Projects => index::redirect(door, "simple/"),
        Route::Project(name) if slash && tail.as_str() == format!("simple/{name}/") => {
            index::project(door, &name, request).await
        }
        Route::Project(name) => index::redirect(door, &format!("simple/{name}/")),
        Route::File(name, file) => download::file(door, &name, file, request).await,
        Route::FileMetadata(name, file) => download::metadata(door, &name, file, request).await,
        Route::ProjectJson(name) => project::document(door, &name, None, request).await,
        Route::VersionJson(name, version) => project::document(door, &name, Some(version), request).await,
        Route::Root | Route::Upload | Route::XmlRpc | Route::Unknown => Err(unknown(door, tail)),
    }
}

/// Whoever may not look is told so, and not what is or is not there.
fn unknown(door: &FeedDoor, tail: &RawTail) -> Problem {
    let not_found = |_| Problem::NotFound(format!("there is nothing at '{}' in this feed", tail.as_str()));
    door.admit(Permission::View).map_or_else(|problem| problem, not_found)
}

/// The words behind the status; only HTTP/1 has them, and only for texts on one line.
fn reason(text: &str) -> Option<ReasonPhrase> {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let line: String = text.chars().take(LONGEST_REASON).map(plain).collect();
    ReasonPhrase::try_from(line.into_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_said_behind_the_status_on_one_line() {
        let problem = Problem::AlreadyExists("File already exists\r\nX-Evil: é".to_owned());
        let response = PypiProtocol.refuse(&problem);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let reason = response.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"File already exists??X-Evil: ?");
        assert!(super::reason(&"x".repeat(1000)).unwrap().as_bytes().len() == LONGEST_REASON);
    }
}
