//! `cargo search`, `cargo owner`, and what is known about a crate.

use super::sample::{publish, shown};
use crate::bench::{Bench, Caller};
use poem::http::header;
use serde_json::{Value, json};

#[tokio::test]
async fn a_search_finds_crates_by_name_and_words_a_page_at_a_time() {
    let bench = Bench::new(super::CARGO).await;
    for at in 0..15 {
        publish(&bench, &format!("tool-{at:02}"), "1.0.0").await;
    }
    publish(&bench, "other", "1.0.0-rc.1").await;
    let first = bench.get(Caller::Reader, "api/v1/crates?q=tool").await.expect(200).json();
    assert_eq!((first["crates"].as_array().unwrap().len(), &first["meta"]["total"]), (10, &json!(11)));
    assert_eq!(
        (&first["crates"][0]["name"], &first["crates"][0]["max_version"]),
        (&json!("tool-00"), &json!("1.0.0"))
    );
    assert_eq!(first["crates"][0]["description"], "about tool-00");
    let second = bench.get(Caller::Reader, "api/v1/crates?q=tool&per_page=10&page=2").await.json();
    let names: Vec<&Value> =
        second["crates"].as_array().unwrap().iter().map(|krate| &krate["name"]).collect();
    assert_eq!(names, ["tool-10", "tool-11", "tool-12", "tool-13", "tool-14"]);
    assert_eq!(second["meta"]["total"], json!(15));
    let by_word = bench.get(Caller::Reader, "api/v1/crates?q=word+oth&per_page=100").await.json();
    assert_eq!(by_word["crates"][0]["name"], "other");
    let respelled = bench.get(Caller::Reader, "api/v1/crates?q=tool_03").await.json();
    assert_eq!(respelled["crates"][0]["name"], "tool-03");
    for (query, status) in [("page=9999999", 400), ("per_page=x", 400), ("per_page=0", 200), ("x=y", 200)] {
        bench.get(Caller::Reader, &format!("api/v1/crates?{query}")).await.expect(status);
    }
}

#[tokio::test]
async fn owners_are_who_published_and_are_not_changed_here() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    let owners = bench.get(Caller::Reader, "api/v1/crates/a/owners").await.expect(200).json();
    assert_eq!(owners, json!({"users": [{"id": 1, "login": "publisher", "name": "publisher"}]}));
    bench.get(Caller::Reader, "api/v1/crates/none/owners").await.expect(404);
    let change = json!({"users": ["ann"]});
    let refused = bench.put(Caller::Publisher, "api/v1/crates/a/owners", &change).await.expect(405);
    assert!(shown(&refused).contains("permissions are given on the feed"));
    bench.delete(Caller::Publisher, "api/v1/crates/a/owners").await.expect(405);
    bench.put(Caller::Reader, "api/v1/crates/a/owners", &change).await.expect(403);
}

#[tokio::test]
async fn a_crate_and_its_versions_are_described() {
    let bench = Bench::new(super::CARGO).await;
    for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
        publish(&bench, "Foo_Bar", version).await;
    }
    bench.delete(Caller::Remover, "api/v1/crates/foo-bar/2.0.0-rc.1/yank").await.expect(200);
    // Here spellings do not matter, because nothing is unpacked.
    let page = bench.get(Caller::Reader, "api/v1/crates/foo-bar").await.expect(200).json();
    assert_eq!((&page["crate"]["name"], &page["crate"]["max_version"]), (&json!("Foo_Bar"), &json!("1.1.0")));
    assert_eq!(
        (&page["crate"]["description"], &page["crate"]["keywords"]),
        (&json!("about Foo_Bar"), &json!(["word"]))
    );
    let numbers: Vec<&Value> = page["versions"].as_array().unwrap().iter().map(|row| &row["num"]).collect();
    assert_eq!(numbers, ["2.0.0-rc.1", "1.1.0", "1.0.0"]);
    assert_eq!(page["versions"][0]["yanked"], json!(true));

    let version = bench.get(Caller::Reader, "api/v1/crates/foo_bar/1.0.0").await.expect(200).json();
    assert_eq!(
        (&version["version"]["license"], &version["version"]["num"]),
        (&json!("MIT"), &json!("1.0.0"))
    );
    let path = version["version"]["dl_path"].as_str().unwrap().trim_start_matches('/').to_owned();
    bench.get(Caller::Reader, &path).await.expect(200);

    let readme = bench.get(Caller::Reader, "api/v1/crates/foo_bar/1.0.0/readme").await.expect(200);
    assert_eq!(&readme.body[..], b"# Foo_Bar");
    assert_eq!(readme.header(header::CONTENT_TYPE), "text/markdown; charset=utf-8");
    for absent in ["api/v1/crates/none", "api/v1/crates/foo-bar/3.0.0", "api/v1/crates/foo-bar/3.0.0/readme"]
    {
        bench.get(Caller::Reader, absent).await.expect(404);
    }
}

#[tokio::test]
async fn a_crate_called_new_can_be_published_and_read() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "new", "1.0.0").await;
    assert_eq!(
        bench.get(Caller::Reader, "api/v1/crates/new").await.expect(200).json()["crate"]["name"],
        "new"
    );
    bench.get(Caller::Reader, "3/n/new").await.expect(200);
}
