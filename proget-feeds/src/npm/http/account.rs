//! Who one is, signing in and out, and questions about owners that permissions on feeds answer.

use super::route::Route;
use super::{NpmProtocol, done, editor};
use crate::http::{FeedDoor, FeedProtocol as _, SignedIn, answer, intake};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};
use proget_core::access::{Permission, Secret};
use proget_core::package::NameKey;
use proget_core::{Problem, Refusal};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct SignInDocument {
    name: String,
    password: String,
}

/// <https://github.com/npm/registry/blob/main/docs/user/authentication.md>. Answered for
/// everybody who knows a name and a password, and in the same way for everybody else.
pub(super) async fn sign_in(door: &FeedDoor, user: &str, request: &mut Request) -> Result<Response, Problem> {
    let nowhere = || Problem::Unsupported("this server has no accounts to sign in with".into());
    let desk = door.sign_in().ok_or_else(nowhere)?;
    let body = intake::small(request, 64 << 10).await?;
    // What the parser would say may quote the password.
    let sent: SignInDocument = serde_json::from_slice(&body)
        .map_err(|_| Refusal::new("body", "must be a JSON object with name and password"))?;
    if sent.name != user {
        return Err(Refusal::new("name", "must be the name in the address").into());
    }
    match desk.sign_in(user, &Secret::new(sent.password), "npm login").await {
        Ok(signed_in) => Ok(welcome(&signed_in)),
        Err(problem @ Problem::Unauthenticated(_)) => Ok(wrong_password(&problem)),
        Err(other) => Err(other),
    }
}

fn welcome(signed_in: &SignedIn) -> Response {
    let answer = json!({
        "ok": format!("you are authenticated as '{}'", signed_in.user),
        "id": format!("org.couchdb.user:{}", signed_in.user),
        "rev": "1-0",
        "token": signed_in.token.reveal(),
    });
    answer::json(StatusCode::CREATED, &answer)
}

/// npm speaks of a mistyped password when only a password is asked for, and of a bad token otherwise.
fn wrong_password(problem: &Problem) -> Response {
    let mut response = NpmProtocol.refuse(problem);
    let basic = HeaderValue::from_static("Basic realm=\"proget\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    response
}

/// `npm logout`: <https://github.com/npm/cli/blob/latest/lib/commands/logout.js>
pub(super) async fn sign_out(door: &FeedDoor, token: &str) -> Result<Response, Problem> {
    let name = known(door)?;
    tracing::debug!(user = name, "signing out");
    if let Some(desk) = door.sign_in() {
        desk.sign_out(door.caller(), &Secret::new(token)).await?;
    }
    Ok(done(StatusCode::OK))
}

/// <https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md>, `/-/whoami`
pub(super) fn who_am_i(door: &FeedDoor) -> Result<Response, Problem> {
    Ok(answer::json(StatusCode::OK, &json!({"username": known(door)?})))
}

/// `/-/ping`
pub(super) fn ping(door: &FeedDoor) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}

/// <https://github.com/npm/registry/blob/main/docs/user/profile.md>
pub(super) fn profile(door: &FeedDoor) -> Result<Response, Problem> {
    let profile =
        json!({"name": known(door)?, "email": "", "email_verified": false, "tfa": null, "fullname": ""});
    Ok(answer::json(StatusCode::OK, &profile))
}

/// What `npm owner` asks before it changes anything; callers may only ask about themselves, so
/// that nobody learns who exists.
pub(super) fn user(door: &FeedDoor, user: &str) -> Result<Response, Problem> {
    let name = known(door)?;
    if !name.eq_ignore_ascii_case(user) {
        return Err(Problem::NotFound(format!("there is no user {user} whom you may ask about")));
    }
    let answer = json!({"_id": format!("org.couchdb.user:{name}"), "name": name, "email": "", "type": "user", "roles": []});
    Ok(answer::json(StatusCode::OK, &answer))
}

/// Tokens are API keys, which are listed and made elsewhere:
/// <https://github.com/npm/registry/blob/main/docs/user/authentication.md>
pub(super) fn tokens(door: &FeedDoor) -> Result<Response, Problem> {
    known(door)?;
    Ok(answer::json(StatusCode::OK, &json!({"objects": [], "urls": {}})))
}

/// Who published versions of a package: <https://github.com/npm/libnpmaccess>
pub(super) async fn collaborators(door: &FeedDoor, name: &NameKey) -> Result<Response, Problem> {
    let rows = door.package(name).await?;
    let write = |row: &proget_core::catalog::VersionRow| (row.published_by.clone(), Value::from("write"));
    let people: Map<String, Value> = rows.versions.iter().map(write).collect();
    Ok(answer::json(StatusCode::OK, &people.into()))
}

/// A package is as visible as its feed: <https://github.com/npm/libnpmaccess>
pub(super) async fn visibility(door: &FeedDoor, name: &NameKey) -> Result<Response, Problem> {
    door.package(name).await?;
    Ok(answer::json(StatusCode::OK, &json!({"public": door.feed().settings.anonymous_view})))
}

/// Packages do not belong to users, organisations or teams here.
pub(super) fn packages_of(door: &FeedDoor) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}

/// Nobody has starred anything.
pub(super) fn stars(door: &FeedDoor) -> Result<Response, Problem> {
    door.admit(Permission::View)?;
    Ok(answer::json(StatusCode::OK, &json!({"rows": []})))
}

/// What is asked for and not done here, said so that people know what to do instead.
pub(super) fn unsupported(door: &FeedDoor, route: &Route) -> Problem {
    let instead = match route {
        // Clients go on with name and password when they read this.
        Route::WebLogin => {
            return Problem::Unsupported("there is no web login here; sign in with name and password".into());
        }
        Route::Tokens => "tokens are API keys of this server: make and revoke them there",
        Route::Profile | Route::User(_) => "accounts are managed on the server itself",
        Route::Access(_) | Route::PackagesOf | Route::Collaborators(_) | Route::Visibility(_) => {
            "access is not kept per package: permissions are given on the feed"
        }
        Route::Stage => "there is no staged publishing here: publish directly",
        _ => "this cannot be done at this address",
    };
    editor(door).map_or_else(|problem| problem, |_| Problem::Unsupported(instead.to_owned()))
}

/// The caller's name, if anybody in particular is calling.
fn known(door: &FeedDoor) -> Result<&str, Problem> {
    let caller = door.caller();
    if caller.is_anonymous() {
        return Err(Problem::Unauthenticated("nobody is signed in".into()));
    }
    Ok(&caller.name)
}
