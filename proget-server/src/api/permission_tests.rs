//! Who may do what: every route of the table against every kind of caller. A route that is added
//! without a row here fails the test.

use super::ROUTES;
use crate::accounts::{FirstAdministrator, FirstPassword, KeyText, hash_password};
use crate::server::{MountedServer, Server};
use poem::http::{Method, StatusCode};
use poem::{Endpoint as _, Request};
use proget_core::access::{FeedScope, Permissions, Rights, Secret};
use proget_core::catalog::{KeyKind, NewKey, NewUser};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::{Principal, Registry, SystemClock};
use std::sync::Arc;

/// Kinds of callers, with the name under which the table below lists them.
const CALLERS: &[&str] =
    &["nobody", "bad-key", "view", "add", "promote", "delete", "other-feed", "feeds", "user", "admin"];

/// Route by route, who is let in. Everybody else gets 403, or 401 if it is not known who they are.
const ALLOWED: &[(&str, &str, &[&str])] = &[
    ("GET", "/api/openapi.json", CALLERS),
    ("GET", "/api/management/feeds/list", CALLERS),
    ("GET", "/api/management/feeds/get/:feed", CALLERS),
    ("POST", "/api/management/feeds/create", &["feeds", "admin"]),
    ("PUT", "/api/management/feeds/create", &["feeds", "admin"]),
    ("POST", "/api/management/feeds/update/:feed", &["feeds", "admin"]),
    ("PUT", "/api/management/feeds/update/:feed", &["feeds", "admin"]),
    ("PATCH", "/api/management/feeds/update/:feed", &["feeds", "admin"]),
    ("DELETE", "/api/management/feeds/delete/:feed", &["feeds", "admin"]),
    ("POST", "/api/management/feeds/delete/:feed", &["feeds", "admin"]),
    ("GET", "/api/api-keys/list", &["user", "admin"]),
    // The body here asks for a personal key, which a user may make for themselves; the
    // administrator's key is nobody's, so it must name a user and is told so.
    (
        "POST",
        "/api/api-keys/create",
        &["view", "add", "promote", "delete", "other-feed", "feeds", "user", "admin"],
    ),
    ("POST", "/api/api-keys/delete", &["admin"]),
    ("DELETE", "/api/api-keys/delete", &["admin"]),
    ("GET", "/api/packages/:feed", &["view", "feeds", "user", "admin"]),
    ("GET", "/api/packages/:feed/latest", &["view", "feeds", "user", "admin"]),
    ("GET", "/api/packages/:feed/versions", &["view", "feeds", "user", "admin"]),
    ("GET", "/api/packages/:feed/download", &["view", "feeds", "user", "admin"]),
    ("PUT", "/api/packages/:feed/upload", &["add", "feeds", "admin"]),
    ("POST", "/api/packages/:feed/upload", &["add", "feeds", "admin"]),
    ("PUT", "/api/packages/:feed/upload/*name", &["add", "feeds", "admin"]),
    ("POST", "/api/packages/:feed/upload/*name", &["add", "feeds", "admin"]),
    ("POST", "/api/packages/:feed/delete", &["delete", "feeds", "admin"]),
    ("DELETE", "/api/packages/:feed/delete", &["delete", "feeds", "admin"]),
    // Whoever may delete and not view learns nothing about what is there, so the call ends in 403.
    ("POST", "/api/packages/:feed/status", &["feeds", "admin"]),
    ("PUT", "/api/packages/:feed/status", &["feeds", "admin"]),
    ("GET", "/api/cluster/status", &["admin"]),
    ("POST", "/api/cluster/mode", &["admin"]),
    ("POST", "/api/cluster/settings", &["admin"]),
    ("POST", "/api/cluster/nodes/:node/drain", &["admin"]),
    ("POST", "/api/cluster/nodes/:node/resume", &["admin"]),
    ("POST", "/api/cluster/nodes/:node/service/:what", &["admin"]),
    ("DELETE", "/api/cluster/nodes/:node", &["admin"]),
    ("GET", "/api/cluster/keys", &["admin"]),
    ("POST", "/api/cluster/keys/promote", &["admin"]),
    ("POST", "/api/cluster/keys/reseal", &["admin"]),
    ("POST", "/api/cluster/keys/retire", &["admin"]),
    ("GET", "/api/cluster/jobs", &["admin"]),
    ("POST", "/api/cluster/jobs/verify", &["admin"]),
    ("GET", "/api/cluster/jobs/:job", &["admin"]),
    ("DELETE", "/api/cluster/jobs/:job", &["admin"]),
    ("GET", "/api/cluster/schedules", &["admin"]),
    ("POST", "/api/cluster/schedules", &["admin"]),
    ("PATCH", "/api/cluster/schedules/:schedule", &["admin"]),
    ("POST", "/api/cluster/schedules/:schedule", &["admin"]),
    ("DELETE", "/api/cluster/schedules/:schedule", &["admin"]),
    ("POST", "/api/cluster/schedules/:schedule/run", &["admin"]),
];

struct House {
    server: MountedServer,
    keys: Vec<(&'static str, String)>,
}

impl House {
    /// A server on memory parts with a closed feed `closed`, another one `other`, and all callers.
    async fn new() -> Self {
        let admin = KeyText::random().unwrap();
        let server = Server::builder()
            .catalog(Arc::new(MemoryCatalog::new(Arc::new(SystemClock))))
            .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
            .administrator(FirstAdministrator {
                password: FirstPassword::Absent,
                api_key: Some(admin.clone()),
            })
            .feed("closed", "npm")
            .feed("other", "npm")
            .build()
            .await
            .unwrap();
        let registry = server.registry().clone();
        let id = |name: &'static str| {
            let registry = registry.clone();
            async move { registry.feed(name).await.unwrap().id }
        };
        let (closed, other) = (FeedScope::One(id("closed").await), FeedScope::One(id("other").await));
        let only = Permissions::default();
        let mut keys =
            vec![("admin", admin.reveal().to_owned()), ("bad-key", "pg_0123456789abcdef".to_owned())];
        for (name, rights) in [
            ("view", Rights::in_feeds(closed, Permissions { view: true, ..only })),
            ("add", Rights::in_feeds(closed, Permissions { add: true, ..only })),
            ("promote", Rights::in_feeds(closed, Permissions { promote: true, ..only })),
            ("delete", Rights::in_feeds(closed, Permissions { delete: true, ..only })),
            ("other-feed", Rights::in_feeds(other, Permissions::ALL)),
            ("feeds", Rights { manage_feeds: true, ..Rights::default() }),
        ] {
            keys.push((name, key(&registry, rights).await));
        }
        let rights = Rights::in_feeds(closed, Permissions { view: true, ..only });
        let password = Some(hash_password(&Secret::new("correct horse")).await.unwrap());
        let user = NewUser { name: "bob".into(), password, rights };
        registry.create_user(&Principal::system(), user).await.unwrap();
        keys.push(("user", "bob:correct horse".into()));
        Self { server: server.endpoint(), keys }
    }

    async fn call(&self, caller: &str, method: &Method, path: &str) -> StatusCode {
        let body = match path {
            // Whoever is let in gets as far as this body, and no farther.
            "/api/api-keys/create" => r#"{"type":"Personal"}"#,
            path if path.starts_with("/api/management") => r#"{"description":1}"#,
            _ => "{}",
        };
        let path = path.replace(":feed", "closed").replace("*name", "a.tgz");
        // Looked for and not there.
        let path = format!("{path}?name=left-pad&version=9.9.9&id=987654");
        let mut request = Request::builder().method(method.clone()).uri_str(path);
        if let Some((_, key)) = self.keys.iter().find(|(name, _)| *name == caller) {
            request = request.header("x-apikey", key);
        }
        self.server.get_response(request.body(body)).await.status()
    }
}

async fn key(registry: &Registry, rights: Rights) -> String {
    let text = KeyText::random().unwrap();
    let key = NewKey {
        kind: KeyKind::Feed,
        hash: text.hash(),
        hint: text.hint(),
        display_name: "key".into(),
        description: String::new(),
        rights,
        user: None,
        expires: None,
    };
    registry.create_key(&Principal::system(), key).await.unwrap();
    text.reveal().to_owned()
}

#[tokio::test]
async fn every_route_lets_in_whom_its_row_names_and_nobody_else() {
    let house = House::new().await;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for row in ROUTES {
        for method in row.methods {
            let of = |allowed: &&(&str, &str, &[&str])| allowed.0 == method.as_str() && allowed.1 == row.path;
            let Some((_, _, allowed)) = ALLOWED.iter().find(of) else {
                panic!("{method} {} has no row in this test: who may call it?", row.path);
            };
            seen += 1;
            for caller in CALLERS {
                // Deleting changes what later rows find, so whoever may do so is not tried on it.
                let deletes_feed = row.path.ends_with("feeds/delete/:feed") && allowed.contains(caller);
                if deletes_feed {
                    continue;
                }
                let status = house.call(caller, method, row.path).await.as_u16();
                let expected = match (allowed.contains(caller), *caller) {
                    (true, _) => !matches!(status, 401 | 403 | 405 | 500..),
                    (false, "nobody" | "bad-key") => status == 401,
                    (false, _) => status == 403,
                };
                if !expected {
                    wrong.push(format!("{method} {} by {caller}: {status}", row.path));
                }
            }
        }
    }
    assert_eq!(seen, ALLOWED.len(), "a row of this test names a route that is not there");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn feeds_are_deleted_by_those_who_manage_them() {
    let house = House::new().await;
    let path = "/api/management/feeds/delete/:feed";
    assert_eq!(house.call("feeds", &Method::DELETE, path).await, StatusCode::OK);
    assert_eq!(house.call("admin", &Method::DELETE, path).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_method_that_a_path_has_not_is_refused_and_head_is_answered_like_get() {
    let house = House::new().await;
    let path = "/api/packages/:feed/latest";
    assert_eq!(house.call("admin", &Method::DELETE, path).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(house.call("admin", &Method::HEAD, path).await, StatusCode::OK);
    assert_eq!(house.call("nobody", &Method::HEAD, path).await, StatusCode::UNAUTHORIZED);
}
