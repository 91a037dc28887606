//! The sparse index.

use super::sample::{lines, publish};
use crate::bench::{Bench, Caller};
use poem::http::{Method, header};
use proget_core::package::{Download, VersionStatus};
use proget_core::registry::Annotation;
use proget_core::{FeedFormat as _, access::Permission};
use proget_feeds::cargo::CARGO;
use serde_json::{Value, json};

#[tokio::test]
async fn the_configuration_names_addresses_and_whether_a_token_is_wanted() {
    let open = Bench::open_to_all(super::CARGO).await;
    let config = open.get(Caller::Nobody, "config.json").await.expect(200).json();
    let expected = json!({
        "dl": "https://packages.test/cargo/internal/api/v1/crates", "api": "https://packages.test/cargo/internal",
    });
    assert_eq!(config, expected);
    let private = Bench::new(super::CARGO).await;
    assert_eq!(
        private.get(Caller::Reader, "config.json").await.expect(200).json()["auth-required"],
        json!(true)
    );
}

#[tokio::test]
async fn versions_stand_in_their_order_whenever_they_were_published() {
    let bench = Bench::new(super::CARGO).await;
    for version in ["1.10.0", "1.2.0", "1.2.0-rc.1", "0.9.0+x"] {
        publish(&bench, "abcd", version).await;
    }
    let versions: Vec<Value> =
        lines(&bench, "ab/cd/abcd").await.into_iter().map(|line| line["vers"].clone()).collect();
    assert_eq!(versions, ["0.9.0+x", "1.2.0-rc.1", "1.2.0", "1.10.0"]);
}

#[tokio::test]
async fn a_document_is_found_under_the_crate_s_own_spelling_in_lower_case_only() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "Foo_Bar", "1.0.0").await;
    assert_eq!(lines(&bench, "fo/o_/foo_bar").await[0]["name"], "Foo_Bar");
    for other in
        ["fo/o-/foo-bar", "Fo/o_/Foo_Bar", "fo/o_/Foo_Bar", "fo/oo/foo_bar", "3/f/foo", "fo/o_/foo_baz"]
    {
        bench.get(Caller::Reader, other).await.expect(404);
    }
}

#[tokio::test]
async fn who_has_a_document_is_told_so_until_it_changes() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    let first = bench.get(Caller::Reader, "1/a").await.expect(200);
    let tag = first.header(header::ETAG).to_owned();
    let known = [(header::IF_NONE_MATCH, tag.as_str())];
    let again = bench.send(Caller::Reader, Method::GET, "1/a", &known, ()).await.expect(304);
    assert!(again.body.is_empty());
    assert_eq!(again.header(header::ETAG), tag);
    let head = bench.send(Caller::Reader, Method::HEAD, "1/a", &[], ()).await.expect(200);
    assert_eq!(head.header(header::CONTENT_LENGTH), first.body.len().to_string());
    publish(&bench, "a", "1.0.1").await;
    let newer = bench.send(Caller::Reader, Method::GET, "1/a", &known, ()).await.expect(200);
    assert_ne!(newer.header(header::ETAG), tag);
    assert_eq!(first.header(header::CACHE_CONTROL), "private, no-cache");
}

#[tokio::test]
async fn a_blocked_version_is_as_if_it_were_not_there() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    publish(&bench, "a", "1.1.0").await;
    let door = bench.door(Caller::Admin).await;
    let block = |version: &str| {
        let status = VersionStatus { download: Download::Blocked, ..VersionStatus::default() };
        Annotation::Status(CARGO.version(version).unwrap().key().clone(), status)
    };
    let (admission, name) = (door.admit(Permission::Delete).unwrap(), CARGO.name("a").unwrap());
    door.annotate(&admission, name.key(), None, vec![block("1.1.0")]).await.unwrap();
    assert_eq!(lines(&bench, "1/a").await.len(), 1);
    bench.get(Caller::Reader, "api/v1/crates/a/1.1.0/download").await.expect(404);
    bench.get(Caller::Reader, "api/v1/crates/a/1.1.0/readme").await.expect(404);
    bench.get(Caller::Reader, "api/v1/crates/a/1.1.0").await.expect(404);
    door.annotate(&admission, name.key(), None, vec![block("1.0.0")]).await.unwrap();
    bench.get(Caller::Reader, "1/a").await.expect(404);
    bench.get(Caller::Reader, "api/v1/crates/a").await.expect(404);
}
