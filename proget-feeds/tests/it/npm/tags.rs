//! `npm dist-tag`.

use super::sample::publish;
use crate::bench::{Bench, Caller};
use serde_json::json;

#[tokio::test]
async fn tags_are_listed_set_moved_and_removed() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "@acme/a", "1.0.0").await;
    publish(&bench, "@acme/a", "2.0.0").await;
    let path = "-/package/@acme%2fa/dist-tags";
    bench.put(Caller::Publisher, &format!("{path}/stable"), &json!("1.0.0")).await.expect(201);
    bench.put(Caller::Publisher, &format!("{path}/stable"), &json!("2.0.0")).await.expect(201);
    // The same by POST, which older clients send.
    bench.post(Caller::Publisher, &format!("{path}/latest"), &json!("1.0.0")).await.expect(201);
    let tags = bench.get(Caller::Reader, path).await.expect(200).json();
    assert_eq!(tags, json!({"latest": "1.0.0", "stable": "2.0.0"}));
    assert_eq!(bench.get(Caller::Reader, "@acme/a/stable").await.expect(200).json()["version"], "2.0.0");
    bench.delete(Caller::Publisher, &format!("{path}/stable")).await.expect(200);
    assert_eq!(bench.get(Caller::Reader, path).await.json(), json!({"latest": "1.0.0"}));
}

#[tokio::test]
async fn tags_that_cannot_be_are_refused() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    let path = "-/package/a/dist-tags";
    for (tag, version, status) in [
        ("next", json!("9.9.9"), 404),
        ("next", json!("one"), 400),
        ("next", json!({"v": 1}), 400),
        ("1.x", json!("1.0.0"), 400),
        ("a%2fb", json!("1.0.0"), 400),
    ] {
        bench.put(Caller::Publisher, &format!("{path}/{tag}"), &version).await.expect(status);
    }
    bench.put(Caller::Reader, &format!("{path}/next"), &json!("1.0.0")).await.expect(403);
    bench.put(Caller::Nobody, &format!("{path}/next"), &json!("1.0.0")).await.expect(401);
    bench.delete(Caller::Publisher, &format!("{path}/latest")).await.expect(400);
    bench.get(Caller::Reader, "-/package/none/dist-tags").await.expect(404);
    assert_eq!(bench.get(Caller::Reader, path).await.json(), json!({"latest": "1.0.0"}));
}
