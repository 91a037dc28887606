//! The built-in accounts: the suite that every authenticator passes, and signing in through npm.

use super::kit::{Answer, Caller, package};
use futures::future::BoxFuture;
use proget_core::access::{FeedScope, Permissions, Rights, Secret};
use proget_core::catalog::{KeyHash, KeyKind, NewKey, NewUser};
use proget_core::conformance::{Callers, authenticator};
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::{Principal, SystemClock};
use proget_server::accounts::{BuiltInAccounts, KeyText, hash_password};
use proget_server::{Server, TestServer};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;

async fn callers() -> Callers {
    let server = Server::builder()
        .catalog(Arc::new(MemoryCatalog::new(Arc::new(SystemClock))))
        .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
        .build()
        .await
        .unwrap();
    let (registry, system) = (server.registry().clone(), Principal::system());
    let password = Secret::new("correct horse");
    let hash = Some(hash_password(&password).await.unwrap());
    let user = NewUser { name: "Anna".into(), password: hash, rights: Rights::default() };
    registry.create_user(&system, user).await.unwrap();
    let text = KeyText::random().unwrap();
    let key = NewKey {
        kind: KeyKind::System,
        hash: text.hash(),
        hint: text.hint(),
        display_name: "build farm".into(),
        description: String::new(),
        rights: Rights::full_control(),
        user: None,
        expires: None,
    };
    let id = registry.create_key(&system, key).await.unwrap().id;
    let revoking = registry.clone();
    let revoke = move || -> BoxFuture<'static, ()> {
        let registry = revoking.clone();
        Box::pin(async move { registry.revoke_key(&Principal::system(), id).await.unwrap() })
    };
    Callers {
        authenticator: Arc::new(BuiltInAccounts::new(registry, Arc::new(SystemClock)).unwrap()),
        user: Some(("Anna".into(), password)),
        key: Some((Secret::new(text.reveal()), "build farm".into())),
        revoke: Some(Arc::new(revoke)),
    }
}

#[tokio::test]
async fn the_built_in_accounts_keep_what_an_authenticator_promises() {
    authenticator(callers).await;
}

#[tokio::test]
async fn npm_login_gives_a_token_that_acts_as_its_user_and_logout_takes_it_back() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let may = Permissions { view: true, add: true, ..Permissions::default() };
    server.create_user("bob", "correct horse", Rights::in_feeds(FeedScope::All, may)).await.unwrap();
    let nobody = Caller::nobody(&server);
    let sign_in = |password: &'static str| {
        let path = "/npm/internal/-/user/org.couchdb.user:bob";
        Answer::of(nobody.request(Method::PUT, path).json(&json!({"name": "bob", "password": password})))
    };
    sign_in("wrong horse").await.expect(401);
    let token = sign_in("correct horse").await.expect(201).json()["token"].as_str().unwrap().to_owned();
    let bob = Caller::with_key(&server, &token);
    assert_eq!(bob.get("/npm/internal/-/whoami").await.expect(200).json()["username"], "bob");
    bob.upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    let rows = bob.get("/api/packages/internal/versions?name=left-pad").await.json();
    assert_eq!(rows[0]["publishedBy"], "bob");
    bob.delete(&format!("/npm/internal/-/user/token/{token}")).await.expect(200);
    bob.get("/npm/internal/-/whoami").await.expect(401);
    for _ in 0..9 {
        sign_in("wrong horse").await.expect(401);
    }
    sign_in("correct horse").await.expect(503);
}

#[tokio::test]
async fn signing_out_with_a_shared_key_leaves_it_to_the_others() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    admin.delete(&format!("/npm/internal/-/user/token/{}", server.admin_key())).await.expect(200);
    admin.get("/npm/internal/-/whoami").await.expect(200);
    let key = server.registry().fresh().key(&KeyHash::of(server.admin_key())).await.unwrap();
    assert!(key.is_some());
}
