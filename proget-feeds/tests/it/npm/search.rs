//! `npm search`.

use super::sample::{document, publish, tarball};
use crate::bench::{Bench, Caller};
use serde_json::{Value, json};

async fn names(bench: &Bench, query: &str) -> (Vec<String>, u64) {
    let found = bench.get(Caller::Reader, &format!("-/v1/search?{query}")).await.expect(200).json();
    let name = |object: &Value| object["package"]["name"].as_str().unwrap().to_owned();
    (found["objects"].as_array().unwrap().iter().map(name).collect(), found["total"].as_u64().unwrap())
}

#[tokio::test]
async fn packages_are_found_by_words_scope_and_keywords_and_paged() {
    let bench = Bench::new(super::NPM).await;
    for at in 0..7 {
        publish(&bench, &format!("pkg-{at}"), "1.0.0").await;
    }
    let scoped = json!({
        "name": "@acme/special", "version": "1.0.0", "description": "shiny", "keywords": ["glitter"], "license": "MIT",
        "homepage": "http://h",
    });
    bench
        .put(Caller::Admin, "@acme%2fspecial", &document(&scoped, "latest", &tarball(&scoped)))
        .await
        .expect(201);

    assert_eq!(names(&bench, "text=shiny").await.0, ["@acme/special"]);
    assert_eq!(names(&bench, "text=keywords:glitter").await.0, ["@acme/special"]);
    assert_eq!(names(&bench, "text=scope:acme").await.0, ["@acme/special"]);
    assert_eq!(names(&bench, "text=nothing").await, (vec![], 0));
    assert_eq!(
        names(&bench, "text=pkg&size=3").await,
        (vec!["pkg-0".into(), "pkg-1".into(), "pkg-2".into()], 4)
    );
    assert_eq!(names(&bench, "text=pkg&size=3&from=3").await.0, ["pkg-3", "pkg-4", "pkg-5"]);
    assert_eq!(names(&bench, "text=pkg&size=3&from=6").await, (vec!["pkg-6".into()], 7));
    assert_eq!(names(&bench, "text=pkg&from=50").await.0, Vec::<String>::new());
    assert_eq!(names(&bench, "text=pkg&size=0").await.0, Vec::<String>::new());

    let found = bench.get(Caller::Reader, "-/v1/search?text=shiny").await.json();
    let package = &found["objects"][0]["package"];
    assert_eq!(
        (&package["scope"], &package["license"], &package["links"]["homepage"]),
        (&json!("acme"), &json!("MIT"), &json!("http://h"))
    );
    assert_eq!((&package["version"], &package["publisher"]["username"]), (&json!("1.0.0"), &json!("admin")));
    bench.get(Caller::Nobody, "-/v1/search?text=a").await.expect(401);
    bench.get(Caller::Reader, "-/v1/search?text=a&size=x").await.expect(400);
    bench.get(Caller::Reader, "-/v1/search?text=a&from=999999999").await.expect(400);
    bench.get(Caller::Reader, &format!("-/v1/search?text=a&from={}", u64::MAX)).await.expect(400);
}
