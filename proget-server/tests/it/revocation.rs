//! What was taken away counts for the very next request, whatever the server remembers.

use super::kit::{Caller, package};
use proget_core::access::{FeedScope, Permissions, Rights, Secret};
use proget_core::feed::FeedSettings;
use proget_core::ids::KeyId;
use proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_core::{Catalog, Principal, SystemClock};
use proget_server::accounts::{FirstAdministrator, FirstPassword, KeyText, hash_password};
use proget_server::{Server, TestServer};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

async fn server() -> TestServer {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    Caller::admin(&server).upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    server
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_the_very_next_request() {
    let server = server().await;
    let admin = Caller::admin(&server);
    let feed = server.registry().feed("internal").await.unwrap();
    for _ in 0..20 {
        let key = server.feed_key(&feed, Permissions { view: true, ..Permissions::default() }).await.unwrap();
        let caller = Caller::with_key(&server, key);
        for _ in 0..3 {
            caller.get("/npm/internal/left-pad").await.expect(200);
            caller.get("/api/packages/internal").await.expect(200);
        }
        let keys = admin.get("/api/api-keys/list").await.json();
        let id = keys.as_array().unwrap().iter().map(|key| key["id"].as_i64().unwrap()).max().unwrap();
        admin.post(&format!("/api/api-keys/delete?id={id}"), &serde_json::Value::Null).await.expect(200);
        caller.get("/npm/internal/left-pad").await.expect(401);
        caller.get("/npm/internal/left-pad/-/left-pad-1.3.0.tgz").await.expect(401);
        caller.get("/api/packages/internal").await.expect(401);
    }
}

#[tokio::test]
async fn a_changed_password_and_changed_rights_count_at_once() {
    let server = server().await;
    let may = |may| Rights::in_feeds(FeedScope::All, may);
    let view = Permissions { view: true, ..Permissions::default() };
    server.create_user("bob", "first password", may(view)).await.unwrap();
    let old = Caller::with_key(&server, "bob:first password");
    for _ in 0..3 {
        old.get("/npm/internal/left-pad").await.expect(200);
    }
    let registry = server.registry();
    let bob = registry.fresh().user("bob").await.unwrap().unwrap();
    let hash = hash_password(&Secret::new("second password")).await.unwrap();
    registry.set_password(&Principal::system(), &bob, Some(hash)).await.unwrap();
    old.get("/npm/internal/left-pad").await.expect(401);
    Caller::with_key(&server, "BOB:second password").get("/npm/internal/left-pad").await.expect(200);
}

#[tokio::test]
async fn a_feed_that_is_closed_renamed_or_switched_off_is_so_at_once() {
    let server = TestServer::start().await.unwrap();
    let open = FeedSettings { anonymous_view: true, ..FeedSettings::default() };
    server.create_feed_with("internal", "npm", open).await.unwrap();
    let (admin, nobody) = (Caller::admin(&server), Caller::nobody(&server));
    admin.upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    nobody.get("/npm/internal/left-pad").await.expect(200);
    let update = "/api/management/feeds/update/internal";
    admin.post(update, &serde_json::json!({"anonymousView": false})).await.expect(200);
    nobody.get("/npm/internal/left-pad").await.expect(401);
    admin
        .post(update, &serde_json::json!({"anonymousView": true, "alternateNames": ["old"]}))
        .await
        .expect(200);
    nobody.get("/npm/OLD/left-pad").await.expect(200);
    admin.post(update, &serde_json::json!({"active": false})).await.expect(200);
    nobody.get("/npm/internal/left-pad").await.expect(404);
    admin.get("/npm/internal/left-pad").await.expect(404);
}

/// Two servers of one installation, as two nodes are: they share a catalogue and a store, and nothing else.
#[tokio::test]
async fn what_one_node_takes_away_the_other_refuses_at_once() {
    let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new(Arc::new(SystemClock)));
    assert!(!catalog.is_exclusive(), "then nodes would not ask it");
    let (store, staging) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()));
    let key = KeyText::random().unwrap();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let administrator =
            FirstAdministrator { password: FirstPassword::Absent, api_key: Some(key.clone()) };
        let server = Server::builder()
            .catalog(catalog.clone())
            .packages(store.clone(), staging.clone())
            .administrator(administrator)
            .feed("internal", "npm")
            .listen("127.0.0.1:0");
        let server = server.build().await.unwrap();
        let (registry, listening) = (server.registry().clone(), server.listen().await.unwrap());
        let url = listening.url();
        let serving = tokio::spawn(listening.serve(CancellationToken::new()));
        nodes.push((registry, url, serving));
    }
    let [(one, here, _), (_, there, _)] = nodes.as_slice() else { panic!("two nodes") };
    let admin = Caller::at(here, Some(key.reveal()));
    for round in 0..20 {
        let version = format!("1.{round}.0");
        admin.upload("internal", package("left-pad", &version)).await.expect(200);
        let wanted = serde_json::json!({"type": "Feed", "feed": "internal", "packagePermissions": ["view"]});
        let made = admin.post("/api/api-keys/create", &wanted).await.expect(200).json();
        let elsewhere = Caller::at(there, made["key"].as_str());
        let index = elsewhere.get("/npm/internal/left-pad").await.expect(200).json();
        assert_eq!(index["dist-tags"]["latest"], version, "what one node acknowledged the other serves");
        let id = KeyId(made["id"].as_i64().unwrap());
        one.revoke_key(&Principal::system(), id).await.unwrap();
        elsewhere.get("/npm/internal/left-pad").await.expect(401);
    }
    nodes.iter().for_each(|(_, _, serving)| serving.abort());
}
