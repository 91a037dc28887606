//! `api/api-keys/…` as ProGet's client uses it.

use super::kit::{Caller, package};
use proget_core::access::{Permissions, Rights};
use proget_server::TestServer;
use serde_json::{Value, json};

const CREATE: &str = "/api/api-keys/create";
const LIST: &str = "/api/api-keys/list";

async fn server() -> TestServer {
    TestServer::start_with(|builder| builder.feed("internal", "npm").feed("other", "npm")).await.unwrap()
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_deleted() {
    let server = server().await;
    let admin = Caller::admin(&server);
    let posted = json!({
        "type": "Feed", "displayName": "CI", "description": "of the build farm", "feed": "Internal",
        "packagePermissions": ["view", "add"], "logging": "None", "expiration": "2099-01-01T00:00:00Z",
    });
    let made = admin.post(CREATE, &posted).await.expect(200).json();
    let text = made["key"].as_str().unwrap().to_owned();
    assert!(text.starts_with("pg_") && text.len() >= 43, "{text}");
    let expected = json!({
        "id": made["id"], "type": "Feed", "key": text, "displayName": "CI", "description": "of the build farm",
        "feed": "internal", "packagePermissions": ["view", "add"], "expiration": "2099-01-01T00:00:00.000Z", "logging": "None",
    });
    assert_eq!(made, expected);
    let listed = admin.get(LIST).await.expect(200).json();
    let ours: &Value = listed.as_array().unwrap().iter().find(|key| key["id"] == made["id"]).unwrap();
    let mut hidden = expected;
    hidden.as_object_mut().unwrap().remove("key");
    assert_eq!(*ours, hidden, "the text is not shown again");

    let ci = Caller::with_key(&server, &text);
    ci.upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    ci.upload("other", package("left-pad", "1.3.0")).await.expect(403);
    ci.delete("/api/packages/internal/delete?name=left-pad&version=1.3.0").await.expect(403);
    admin.post(&format!("/api/api-keys/delete?id={}", made["id"]), &Value::Null).await.expect(200);
    admin.post(&format!("/api/api-keys/delete?id={}", made["id"]), &Value::Null).await.expect(404);
    admin.post("/api/api-keys/delete?id=x", &Value::Null).await.expect(400);
    ci.get("/api/packages/internal").await.expect(401);
}

#[tokio::test]
async fn the_administrators_key_is_listed_as_full_control_and_chosen_texts_are_taken() {
    let server = server().await;
    let admin = Caller::admin(&server);
    let listed = admin.get(LIST).await.json();
    assert_eq!((&listed[0]["type"], &listed[0]["systemApis"]), (&json!("System"), &json!(["full-control"])));
    let chosen = json!({"type": "System", "systemApis": ["feeds", "sca", "sbom-upload"], "key": "chosen-by-me-0123456789"});
    let made = admin.post(CREATE, &chosen).await.expect(200).json();
    assert_eq!((&made["key"], &made["systemApis"]), (&chosen["key"], &json!(["feeds"])));
    let again = admin.post(CREATE, &chosen).await.expect(409);
    assert_eq!(again.text(), "there is an API key with this text already");
    let feeds = Caller::with_key(&server, "chosen-by-me-0123456789");
    feeds.post("/api/management/feeds/create", &json!({"name": "mine", "feedType": "npm"})).await.expect(200);
    feeds.post(CREATE, &chosen).await.expect(403);
    admin.post(CREATE, &json!({"type": "System", "systemApis": ["feeds"], "key": "short"})).await.expect(400);
    admin
        .post(CREATE, &json!({"type": "Feed", "feed": "nofeed", "packagePermissions": ["view"]}))
        .await
        .expect(404);
}

#[tokio::test]
async fn an_expired_key_opens_nothing() {
    let server = server().await;
    let posted = json!({"type": "System", "systemApis": ["full-control"], "expiration": "2001-01-01"});
    let made = Caller::admin(&server).post(CREATE, &posted).await.expect(200).json();
    let late = Caller::with_key(&server, made["key"].as_str().unwrap());
    let refused = late.get("/api/packages/internal").await.expect(401);
    assert_eq!(refused.text(), "the credentials have expired");
}

#[tokio::test]
async fn a_user_makes_sees_and_deletes_personal_keys_of_their_own_and_no_others() {
    let server = server().await;
    let feed = server.registry().feed("internal").await.unwrap();
    let rights = Rights::in_feeds(
        proget_core::access::FeedScope::One(feed.id),
        Permissions { view: true, ..Permissions::default() },
    );
    for user in ["bob", "eve"] {
        server.create_user(user, "correct horse", rights.clone()).await.unwrap();
    }
    let (bob, eve) =
        (Caller::with_key(&server, "bob:correct horse"), Caller::with_key(&server, "eve:correct horse"));
    let made =
        bob.post(CREATE, &json!({"type": "Personal", "displayName": "laptop"})).await.expect(200).json();
    assert_eq!(made["user"], "bob");
    let laptop = Caller::with_key(&server, made["key"].as_str().unwrap());
    laptop.get("/api/packages/internal").await.expect(200);
    laptop.upload("internal", package("left-pad", "1.3.0")).await.expect(403);
    assert_eq!(bob.get(LIST).await.json().as_array().unwrap().len(), 1);
    assert_eq!(eve.get(LIST).await.json(), json!([]));
    for wanted in [
        json!({"type": "Personal", "user": "eve"}),
        json!({"type": "Personal", "user": "nobody-of-this-name"}),
        json!({"type": "System", "systemApis": ["full-control"]}),
        json!({"type": "Feed", "feed": "internal", "packagePermissions": ["view"]}),
        json!({"type": "Feed", "feed": "nofeed", "packagePermissions": ["view"]}),
    ] {
        bob.post(CREATE, &wanted).await.expect(403);
    }
    let delete = format!("/api/api-keys/delete?id={}", made["id"]);
    eve.post(&delete, &Value::Null).await.expect(403);
    laptop.get("/api/packages/internal").await.expect(200);
    bob.post(&delete, &Value::Null).await.expect(200);
    laptop.get("/api/packages/internal").await.expect(401);
    let for_eve = json!({"type": "Personal", "user": "eve"});
    Caller::admin(&server).post(CREATE, &for_eve).await.expect(200);
    assert_eq!(eve.get(LIST).await.json()[0]["user"], "eve");
}
