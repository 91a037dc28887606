//! npm over HTTP: which request is which, and how problems are said to npm's clients.
//!
//! One file a theme: `install`, `publish`, `update`, `tags`, `account`, `search`, `audit`;
//! `route` turns the raw path into a validated value, `contract` lists what is served.
//!
//! What surprised us: clients retry 5xx answers for minutes, so what is not supported is a 405
//! here, and nothing but a missing dependency is a 503; and `npm unpublish` takes every 404 for
//! success.

mod account;
mod audit;
mod contract;
mod install;
mod publish;
pub mod route;
mod search;
mod tags;
mod update;

use super::NPM;
use crate::http::{Endpoint, FeedDoor, FeedProtocol, RawTail, answer, dialect};
use async_trait::async_trait;
use poem::http::{Method, StatusCode};
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::package::NameKey;
use proget_core::registry::Admission;
use proget_core::{FeedFormat, Problem};
use route::Route;
use serde_json::json;

/// npm's protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct NpmProtocol;

#[async_trait]
impl FeedProtocol for NpmProtocol {
    fn format(&self) -> &'static dyn FeedFormat {
        &NPM
    }

    fn mount(&self) -> &'static str {
        "npm"
    }

    fn package(&self, tail: &RawTail) -> Option<NameKey> {
        match Route::parse(tail) {
            Ok(Route::Package(name) | Route::Version(name, _) | Route::File(name, _)) => Some(name),
            _ => None,
        }
    }

    async fn call(&self, door: FeedDoor, tail: RawTail, mut request: Request) -> Result<Response, Problem> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let route = match Route::parse(&tail) {
            Ok(route) => route,
            // A name that no package can have is one that no package has.
            Err(_) if reads => return Err(unknown(&door, &tail)),
            Err(refusal) => {
                editor(&door)?;
                return Err(refusal.into());
            }
        };
        if reads {
            return read(&door, &tail, route, &request).await;
        }
        // Boxed, so that reads, which are many, do not carry the room that a publish needs.
        Box::pin(change(&door, route, &mut request)).await
    }

    fn refuse(&self, problem: &Problem) -> Response {
        let status = match problem {
            // What npm's own registry answers to a second publish of a version.
            Problem::AlreadyExists(_) => StatusCode::FORBIDDEN,
            Problem::Unsupported(_) => StatusCode::METHOD_NOT_ALLOWED,
            other => dialect::status(other),
        };
        // npm and pnpm show `error`, yarn classic `error` or `message`.
        let text = dialect::sentence(problem);
        let body = json!({"error": text, "message": text, "success": false}).to_string();
        dialect::response(problem, status, "application/json", body)
    }

    fn contract(&self) -> &'static [Endpoint] {
        contract::ENDPOINTS
    }
}

async fn read(door: &FeedDoor, tail: &RawTail, route: Route, request: &Request) -> Result<Response, Problem> {
    match route {
        Route::Package(name) => install::packument(door, &name, request).await,
        Route::Version(name, version) => install::manifest(door, &name, version, request).await,
        Route::File(name, file) => install::tarball(door, &name, file, request).await,
        Route::Tags(name) => tags::list(door, &name).await,
        Route::Collaborators(name) => account::collaborators(door, &name).await,
        Route::Visibility(name) => account::visibility(door, &name).await,
        Route::User(user) => account::user(door, &user),
        Route::Ping => account::ping(door),
        Route::WhoAmI => account::who_am_i(door),
        Route::Profile => account::profile(door),
        Route::Tokens => account::tokens(door),
        Route::PackagesOf => account::packages_of(door),
        Route::Stars => account::stars(door),
        Route::Search => search::search(door, request).await,
        _ => Err(unknown(door, tail)),
    }
}

async fn change(door: &FeedDoor, route: Route, request: &mut Request) -> Result<Response, Problem> {
    match (request.method().clone(), route) {
        (Method::PUT, Route::Package(name)) => publish::put(door, &name, None, request).await,
        (Method::PUT, Route::Revision(name, rev)) => publish::put(door, &name, Some(&rev), request).await,
        (Method::DELETE, Route::Revision(name, rev)) => update::remove_package(door, &name, &rev).await,
        (Method::DELETE, Route::FileRevision(name, file, rev)) => {
            update::remove_file(door, &name, &file, &rev).await
        }
        (Method::PUT | Method::POST, Route::Tag(name, tag)) => tags::set(door, &name, &tag, request).await,
        (Method::DELETE, Route::Tag(name, tag)) => tags::remove(door, &name, &tag).await,
        (Method::PUT, Route::User(user)) => account::sign_in(door, &user, request).await,
        (Method::DELETE, Route::UserToken(token)) => account::sign_out(door, &token).await,
        (Method::POST, Route::Advisories) => audit::advisories(door, request).await,
        (Method::POST, Route::Audits) => audit::report(door, request).await,
        (_, route) => Err(account::unsupported(door, &route)),
    }
}

/// Whoever may not look is told so, and not what is or is not there.
fn unknown(door: &FeedDoor, tail: &RawTail) -> Problem {
    let not_found = |_| Problem::NotFound(format!("there is nothing at '{}' in this feed", tail.as_str()));
    door.admit(Permission::View).map_or_else(|problem| problem, not_found)
}

/// An admission to change something: for who may publish or, failing that, remove.
fn editor(door: &FeedDoor) -> Result<Admission, Problem> {
    door.admit(Permission::Add).or_else(|problem| door.admit(Permission::Delete).map_err(|_| problem))
}

/// The answer to a change that was made.
fn done(status: StatusCode) -> Response {
    answer::json(status, &json!({"ok": true, "success": true}))
}
