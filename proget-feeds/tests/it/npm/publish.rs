//! `npm publish`.

use super::sample::{document, publication, publish, tarball};
use crate::bench::{Bench, Caller};
use poem::Body;
use poem::http::{Method, header};
use serde_json::{Value, json};

#[tokio::test]
async fn the_same_bytes_again_are_success_and_others_are_npm_s_conflict() {
    let bench = Bench::new(super::NPM).await;
    let document = publication("a", "1.0.0", "latest");
    bench.put(Caller::Publisher, "a", &document).await.expect(201);
    bench.put(Caller::Publisher, "a", &document).await.expect(201);
    let other = json!({"name": "a", "version": "1.0.0", "description": "other"});
    let conflict =
        bench.put(Caller::Admin, "a", &self::document(&other, "latest", &tarball(&other))).await.expect(403);
    assert_eq!(conflict.error(), "You cannot publish over the previously published versions: 1.0.0.");
    assert_eq!(bench.get(Caller::Reader, "a").await.json()["description"], "about a");
    assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
}

#[tokio::test]
async fn a_document_in_small_pieces_is_published_like_one_at_once() {
    let bench = Bench::new(super::NPM).await;
    let text = publication("@acme/a", "1.0.0", "latest").to_string();
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        text.as_bytes().chunks(7).map(|piece| Ok(piece.to_vec())).collect();
    let body = Body::from_bytes_stream(futures::stream::iter(pieces));
    bench.send(Caller::Publisher, Method::PUT, "@acme%2fa", &[], body).await.expect(201);
    bench.get(Caller::Reader, "@acme/a/-/a-1.0.0.tgz").await.expect(200);
}

#[tokio::test]
async fn a_first_version_is_latest_whatever_its_tag_and_later_ones_only_if_they_say_so() {
    let bench = Bench::new(super::NPM).await;
    for (version, tag) in [("1.0.0-beta.1", "beta"), ("1.0.0-beta.2", "beta")] {
        bench.put(Caller::Publisher, "a", &publication("a", version, tag)).await.expect(201);
    }
    let tags = bench.get(Caller::Reader, "-/package/a/dist-tags").await.json();
    assert_eq!(tags, json!({"beta": "1.0.0-beta.2", "latest": "1.0.0-beta.1"}));
    publish(&bench, "a", "1.0.0").await;
    assert_eq!(bench.get(Caller::Reader, "a").await.json()["dist-tags"]["latest"], "1.0.0");
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_field_and_leaves_nothing() {
    let bench = Bench::new(super::NPM).await;
    let refuse = |change: fn(&mut Value), path: &'static str, field: &'static str| {
        let bench = &bench;
        async move {
            let mut document = publication("a", "1.0.0", "latest");
            change(&mut document);
            let text = bench.put(Caller::Publisher, path, &document).await.expect(400).error();
            assert!(text.starts_with(field), "{field}: {text}");
            assert_eq!(bench.staging.waiting(), 0, "{field}: an upload was left behind");
        }
    };
    refuse(|_| {}, "b", "name").await;
    refuse(|_| {}, "A", "name").await;
    refuse(|doc| doc["versions"]["1.0.0"]["dist"]["integrity"] = json!("sha512-AAAA"), "a", "dist.integrity")
        .await;
    refuse(|doc| doc["versions"]["1.0.0"]["dist"]["shasum"] = json!("00"), "a", "dist.shasum").await;
    refuse(|doc| doc["versions"]["1.0.0"]["version"] = json!("1.0.1"), "a", "versions['1.0.0'].version")
        .await;
    refuse(|doc| doc["dist-tags"] = json!({"1.x": "1.0.0"}), "a", "dist-tags").await;
    refuse(|doc| doc["_attachments"]["a-1.0.0.tgz"]["length"] = json!(3), "a", "_attachments.length").await;
    refuse(|doc| doc["_attachments"]["a-1.0.0.tgz"]["data"] = json!("%%%%"), "a", "_attachments.data").await;
    refuse(|doc| doc["_attachments"]["a-1.0.0.tgz"] = json!({"data": "AAAA", "length": 3}), "a", "archive")
        .await;
    refuse(|doc| doc["_attachments"]["a.sigstore"] = json!({"data": "{}"}), "a", "_attachments").await;
    refuse(|doc| *doc = json!([1]), "a", "publish document").await;
    bench.get(Caller::Reader, "a").await.expect(404);

    let half = &publication("a", "1.0.0", "latest").to_string()[..300];
    let text =
        bench.send(Caller::Publisher, Method::PUT, "a", &[], half.to_owned()).await.expect(400).error();
    assert!(text.contains("before it is complete"), "{text}");
    let packed = bench
        .send(Caller::Publisher, Method::PUT, "a", &[(header::CONTENT_ENCODING, "gzip")], "x")
        .await
        .expect(400);
    assert!(packed.error().starts_with("content-encoding"));
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_too_large_is_said_to_be_so() {
    let bench = Bench::new(super::NPM).await;
    for (kind, status) in [
        (std::io::ErrorKind::FileTooLarge, 413),
        (std::io::ErrorKind::TimedOut, 408),
        (std::io::ErrorKind::UnexpectedEof, 400),
    ] {
        let pieces = [Ok("{\"_attachments\":{\"a\":{\"data\":\"AAAA"), Err(std::io::Error::from(kind))];
        let body = Body::from_bytes_stream(futures::stream::iter(pieces));
        bench.send(Caller::Publisher, Method::PUT, "a", &[], body).await.expect(status);
        assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
    }
    let long = format!("{{\"readme\":\"{}\"}}", "x".repeat(17 << 20));
    let text = bench.send(Caller::Publisher, Method::PUT, "a", &[], long).await.expect(400).error();
    assert!(text.contains("at most 16777216 bytes"), "{text}");
}

#[tokio::test]
async fn while_publishes_are_held_everybody_who_may_publish_is_asked_to_come_back() {
    let bench = Bench::new(super::NPM).await;
    let document = publication("a", "1.0.0", "latest");
    bench.registry.hold_publishes(Some("the package store"));
    // Who may remove besides is not told that they may not publish.
    for caller in [Caller::Publisher, Caller::Admin] {
        bench.put(caller, "a", &document).await.expect(503);
    }
    bench.put(Caller::Remover, "a", &document).await.expect(403);
    assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
    bench.registry.hold_publishes(None);
    bench.put(Caller::Remover, "a", &document).await.expect(403);
    bench.put(Caller::Admin, "a", &document).await.expect(201);
}

#[tokio::test]
async fn who_may_not_publish_is_told_before_the_body_is_read() {
    let bench = Bench::new(super::NPM).await;
    let never = || Body::from_bytes_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let nobody = bench.send(Caller::Nobody, Method::PUT, "a", &[], never()).await.expect(401);
    assert!(nobody.header(header::WWW_AUTHENTICATE).starts_with("Bearer"));
    assert_eq!(nobody.headers.get_all(header::WWW_AUTHENTICATE).iter().count(), 2);
    bench.send(Caller::Reader, Method::PUT, "a", &[], never()).await.expect(403);
}
