//! Cargo over HTTP: which request is which, and how problems are said to cargo.
//!
//! One file a theme: `sparse` (the index), `publish`, `download`, `yank`, `owners`, `search`,
//! `pages` (what is known about a crate); `route` turns the raw path into a validated value,
//! `contract` lists what is served.
//!
//! What surprised us: whether a registry wants credentials, cargo learns from a 401 on
//! `config.json` alone; it sends its token to the index only after that, and to the API always
//! when it changes something. The token comes without a scheme.

mod contract;
mod download;
mod owners;
mod pages;
mod publish;
pub mod route;
mod search;
mod sparse;
mod yank;

use super::{CARGO, name};
use crate::http::{Endpoint, FeedDoor, FeedProtocol, RawTail, dialect};
use async_trait::async_trait;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use proget_core::access::Permission;
use proget_core::package::NameKey;
use proget_core::{FeedFormat, Problem};
use route::Route;
use serde_json::json;

/// Cargo's protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct CargoProtocol;

#[async_trait]
impl FeedProtocol for CargoProtocol {
    fn format(&self) -> &'static dyn FeedFormat {
        &CARGO
    }

    fn mount(&self) -> &'static str {
        "cargo"
    }

    fn package(&self, tail: &RawTail) -> Option<NameKey> {
        match Route::parse(tail) {
            Ok(Route::Index(name, _) | Route::Download(name, _)) => Some(name),
            _ => None,
        }
    }

    async fn call(&self, door: FeedDoor, tail: RawTail, mut request: Request) -> Result<Response, Problem> {
        match answer(&door, &tail, &mut request).await {
            Err(problem @ Problem::Unauthenticated(_)) => Ok(self.challenge(&door, &problem)),
            outcome => outcome,
        }
    }

    fn refuse(&self, problem: &Problem) -> Response {
        let status = match problem {
            // It is not a defect of the server, for which clients would come again.
            Problem::Unsupported(_) => StatusCode::METHOD_NOT_ALLOWED,
            other => dialect::status(other),
        };
        let body = json!({"errors": [{"detail": dialect::sentence(problem)}]}).to_string();
        dialect::response(problem, status, "application/json", body)
    }

    fn contract(&self) -> &'static [Endpoint] {
        contract::ENDPOINTS
    }
}

impl CargoProtocol {
    /// The refusal, and where a token is to be had:
    /// <https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-authentication>.
    fn challenge(self, door: &FeedDoor, problem: &Problem) -> Response {
        let mut response = self.refuse(problem);
        let root: String = door.root().chars().filter(|c| !"\"\\".contains(*c)).collect();
        if let Ok(value) = HeaderValue::try_from(format!("Cargo login_url=\"{root}/me\"")) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

async fn answer(door: &FeedDoor, tail: &RawTail, request: &mut Request) -> Result<Response, Problem> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let route = match Route::parse(tail) {
        Ok(route) => route,
        // A name or version that none can have is one that none has.
        Err(_) if reads => return Err(unknown(door, tail)),
        Err(refusal) => {
            editor(door)?;
            return Err(refusal.into());
        }
    };
    match (request.method().clone(), route) {
        (Method::GET | Method::HEAD, route) => read(door, tail, route, request).await,
        // Boxed, so that reads, which are many, do not carry the room that a publish needs.
        (Method::PUT, Route::New) => Box::pin(publish::put(door, request)).await,
        (Method::DELETE, Route::Yank(name, version)) => {
            yank::set(door, &name, &version, yank::Listing::Yanked).await
        }
        (Method::PUT, Route::Unyank(name, version)) => {
            yank::set(door, &name, &version, yank::Listing::Listed).await
        }
        (Method::PUT | Method::DELETE, Route::Owners(_)) => Err(owners::refused(door)),
        _ => {
            editor(door)?;
            Err(Problem::Unsupported("this cannot be done at this address".into()))
        }
    }
}

async fn read(door: &FeedDoor, tail: &RawTail, route: Route, request: &Request) -> Result<Response, Problem> {
    match route {
        Route::Config => sparse::config(door),
        Route::Index(name, asked) => sparse::entry(door, &name, asked, request).await,
        Route::Crates => search::search(door, request).await,
        Route::Crate(name) => pages::krate(door, &name).await,
        // What is published to `new` is read at another address; a crate may be called so.
        Route::New => pages::krate(door, name::parse("new")?.key()).await,
        Route::Version(name, version) => pages::version(door, &name, &version).await,
        Route::Download(name, version) => download::download(door, &name, &version, request).await,
        Route::Readme(name, version) => pages::readme(door, &name, &version).await,
        Route::Owners(name) => owners::list(door, &name).await,
        Route::Me => Ok(pages::me(door)),
        Route::Yank(..) | Route::Unyank(..) | Route::Unknown => Err(unknown(door, tail)),
    }
}

/// Whoever may not look is told so, and not what is or is not there.
fn unknown(door: &FeedDoor, tail: &RawTail) -> Problem {
    let not_found = |_| Problem::NotFound(format!("there is nothing at '{}' in this feed", tail.as_str()));
    door.admit(Permission::View).map_or_else(|problem| problem, not_found)
}

/// Only who may publish or remove is told more than "you may not".
fn editor(door: &FeedDoor) -> Result<(), Problem> {
    let may =
        door.admit(Permission::Add).or_else(|problem| door.admit(Permission::Delete).map_err(|_| problem));
    may.map(|_| ())
}
