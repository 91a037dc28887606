//! `api/management/feeds/…` as ProGet's client uses it.

use super::kit::{Answer, Caller};
use proget_core::access::Permissions;
use proget_server::TestServer;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_feed_is_created_read_changed_and_deleted_in_the_clients_words() {
    let server = TestServer::start().await.unwrap();
    let admin = Caller::admin(&server);
    let posted = json!({
        "name": "Internal", "feedType": "Npm", "description": "ours", "alternateNames": ["old-name"],
        "stripSource": true, "retentionRules": [{"keepVersionsCount": 3, "deleteCached": false}], "canPublish": false,
    });
    let created = admin.post("/api/management/feeds/create", &posted).await.expect(200);
    assert_eq!(created.header("content-type"), "application/json; charset=utf-8");
    assert!(created.header("x-proget-version").starts_with("25."));
    let expected = json!({
        "name": "Internal", "alternateNames": ["old-name"], "feedType": "npm", "description": "ours", "active": true,
        "endpointUrl": format!("{}/npm/Internal/", server.url()), "canPublish": true, "connectors": [],
        "anonymousView": false, "overwrite": "Never", "redirectDownloads": false,
        "retentionRules": [{"keepVersionsCount": 3, "deleteCached": false}], "stripSource": true,
    });
    assert_eq!(created.json(), expected);
    // Names are found whatever their case, and by their alternate names.
    for name in ["internal", "INTERNAL", "Old-Name"] {
        let path = format!("/api/management/feeds/get/{name}");
        assert_eq!(admin.get(&path).await.expect(200).json(), expected);
    }
    // The client reads a feed, changes a member and posts all of what it knows.
    let mut whole = expected.clone();
    whole["retentionRules"] = json!([]);
    whole.as_object_mut().unwrap().remove("stripSource");
    whole["name"] = json!("renamed");
    whole["feedType"] = json!("pypi");
    let updated = admin.post("/api/management/feeds/update/internal", &whole).await.expect(200).json();
    let mut expected_now = expected;
    expected_now["retentionRules"] = json!([]);
    assert_eq!(updated, expected_now);
    let inactive = Answer::of(
        admin.request(Method::PATCH, "/api/management/feeds/update/internal").body(r#"{"active":false}"#),
    );
    assert_eq!(inactive.await.expect(200).json()["active"], false);
    let list = admin.get("/api/management/feeds/list").await.expect(200).json();
    assert_eq!(list.as_array().unwrap().len(), 1, "inactive ones too: the client filters");
    admin.get("/npm/internal/x").await.expect(404);
    admin.delete("/api/management/feeds/delete/internal").await.expect(200);
    assert_eq!(admin.get("/api/management/feeds/list").await.json(), json!([]));
}

#[tokio::test]
async fn errors_are_short_plain_text_in_progets_words() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    let feed = server.registry().feed("internal").await.unwrap();
    let key = server.feed_key(&feed, Permissions::ALL).await.unwrap();
    let told = |answer: &Answer| {
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        answer.text()
    };
    let unknown = admin.get("/api/management/feeds/get/nofeed").await.expect(404);
    assert_eq!(told(&unknown), "Feed nofeed not found.");
    let unknown = admin.get("/api/packages/nofeed/latest").await.expect(404);
    assert_eq!(told(&unknown), "Feed nofeed not found.");
    let create = "/api/management/feeds/create";
    let forbidden =
        Caller::with_key(&server, &key).post(create, &json!({"name": "a", "feedType": "npm"})).await;
    assert_eq!(
        told(&forbidden.expect(403)),
        "The specified API key does not have the proper permissions to perform this action."
    );
    for (posted, status, said) in [
        (json!({"feedType": "npm"}), 400, "name: must be given"),
        (json!({"name": "a"}), 400, "feedType: must be given"),
        (json!({"name": "a/b", "feedType": "npm"}), 400, "name: may contain only"),
        (
            json!({"name": "a", "feedType": "nuget"}),
            400,
            "feedType: 'nuget' is not a feed type of this server",
        ),
        (json!({"name": "INTERNAL", "feedType": "npm"}), 409, "there is a feed named INTERNAL already"),
        (json!({"name": "a", "feedType": "npm", "alternateNames": ["internal"]}), 409, "already"),
        (json!({"name": "a", "feedType": "npm", "connectors": ["up"]}), 404, "Connector up not found."),
        (json!(["a"]), 400, "body: must be a JSON object"),
    ] {
        let answer = admin.post(create, &posted).await.expect(status);
        assert!(told(&answer).contains(said), "{posted}: {}", answer.text());
    }
    let broken = Answer::of(admin.request(Method::POST, create).body("{")).await.expect(400);
    assert!(told(&broken).contains("body: is not JSON"));
}

#[tokio::test]
async fn callers_see_the_feeds_that_they_may_view_and_an_invalid_key_sees_none() {
    let server =
        TestServer::start_with(|builder| builder.feed("closed", "npm").feed("open", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    admin.post("/api/management/feeds/update/open", &json!({"anonymousView": true})).await.expect(200);
    let closed = server.registry().feed("closed").await.unwrap();
    let view = Permissions { view: true, ..Permissions::default() };
    let reader = Caller::with_key(&server, server.feed_key(&closed, view).await.unwrap());
    let names = |list: Value| -> Vec<(String, bool)> {
        let of = |feed: &Value| (feed["name"].as_str().unwrap().to_owned(), feed["canPublish"] == true);
        list.as_array().unwrap().iter().map(of).collect()
    };
    let list = "/api/management/feeds/list";
    assert_eq!(names(admin.get(list).await.json()), [("closed".into(), true), ("open".into(), true)]);
    assert_eq!(names(reader.get(list).await.json()), [("closed".into(), false), ("open".into(), false)]);
    assert_eq!(names(Caller::nobody(&server).get(list).await.json()), [("open".into(), false)]);
    assert_eq!(Caller::with_key(&server, "pg_invalid").get(list).await.expect(200).json(), json!([]));
    assert_eq!(
        Caller::nobody(&server)
            .get(&format!("{list}?key={}", server.admin_key()))
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    Caller::nobody(&server).get("/api/management/feeds/get/closed").await.expect(404);
}

#[tokio::test]
async fn changes_made_at_once_are_all_made() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    let changes =
        [json!({"description": "d"}), json!({"anonymousView": true}), json!({"overwrite": "Allowed"})];
    let posting = changes.iter().map(|change| admin.post("/api/management/feeds/update/internal", change));
    for answer in futures::future::join_all(posting).await {
        answer.expect(200);
    }
    let feed = admin.get("/api/management/feeds/get/internal").await.json();
    assert_eq!((&feed["description"], &feed["anonymousView"]), (&json!("d"), &json!(true)));
    assert_eq!(feed["overwrite"], "Allowed");
}
