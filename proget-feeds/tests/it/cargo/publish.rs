//! `cargo publish`, and what can be read afterwards.

use super::sample::{document, framed, krate, lines, publish, send, shown, with_manifest};
use crate::bench::{Bench, Caller};
use poem::Body;
use poem::http::{Method, header};
use proget_core::access::Permission;
use proget_core::digest::Sha256;
use proget_core::package::Offer;
use serde_json::{Value, json};

#[tokio::test]
async fn a_published_crate_is_in_the_index_and_downloads_as_it_was_sent() {
    let bench = Bench::new(super::CARGO).await;
    let bytes = krate("foo_bar", "1.0.0");
    let answer = send(&bench, Caller::Publisher, &document("foo_bar", "1.0.0"), &bytes).await.expect(200);
    let warnings = json!({"invalid_categories": [], "invalid_badges": [], "other": []});
    assert_eq!(answer.json(), json!({"warnings": warnings}));

    let line = &lines(&bench, "fo/o_/foo_bar").await[0];
    assert_eq!(line["cksum"], Sha256::of(&bytes).to_string());
    assert_eq!((&line["yanked"], &line["v"], &line["name"]), (&json!(false), &json!(1), &json!("foo_bar")));

    let file = bench.get(Caller::Reader, "api/v1/crates/foo_bar/1.0.0/download").await.expect(200);
    assert_eq!(&file.body[..], &bytes[..]);
    assert_eq!(file.header(header::CONTENT_LENGTH), bytes.len().to_string());
    assert_eq!(file.header(header::ETAG), format!("\"{}\"", Sha256::of(&bytes)));
    assert_eq!(file.header(header::CACHE_CONTROL), "private, max-age=31536000, immutable");
    assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
}

#[tokio::test]
async fn the_same_bytes_again_are_success_and_others_are_cargo_s_conflict() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    publish(&bench, "a", "1.0.0").await;
    let other = with_manifest("a", "1.0.0", "[package]\nname=\"a\"\nversion=\"1.0.0\"\n");
    let conflict = send(&bench, Caller::Admin, &document("a", "1.0.0"), &other).await.expect(409);
    assert_eq!(shown(&conflict), "crate version `1.0.0` is already uploaded");
    assert_eq!(lines(&bench, "1/a").await[0]["cksum"], Sha256::of(&krate("a", "1.0.0")).to_string());
}

#[tokio::test]
async fn versions_that_differ_in_build_metadata_only_are_one() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0+linux").await;
    let again = send(&bench, Caller::Admin, &document("a", "1.0.0+x"), &krate("a", "1.0.0+x")).await;
    assert_eq!(shown(&again.expect(409)), "crate version `1.0.0+x` is already uploaded");
    assert_eq!(lines(&bench, "1/a").await[0]["vers"], "1.0.0+linux");
    for written in ["1.0.0+linux", "1.0.0%2Blinux", "1.0.0"] {
        let path = format!("api/v1/crates/a/{written}/download");
        assert_eq!(bench.get(Caller::Reader, &path).await.expect(200).body, krate("a", "1.0.0+linux"));
    }
}

#[tokio::test]
async fn a_feed_that_lets_versions_be_replaced_lets_build_metadata_be_replaced() {
    let bench = Bench::replacing(super::CARGO).await;
    publish(&bench, "a", "1.0.0+linux").await;
    let again = document("a", "1.0.0+x");
    send(&bench, Caller::Publisher, &again, &krate("a", "1.0.0+x")).await.expect(409);
    send(&bench, Caller::Admin, &again, &krate("a", "1.0.0+x")).await.expect(200);
    let lines = lines(&bench, "1/a").await;
    assert_eq!((lines.len(), &lines[0]["vers"]), (1, &json!("1.0.0+x")));
}

#[tokio::test]
async fn a_body_in_small_pieces_is_published_like_one_at_once() {
    let bench = Bench::new(super::CARGO).await;
    let body = framed(&document("a", "1.0.0"), &krate("a", "1.0.0"));
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.chunks(3).map(|piece| Ok(piece.to_vec())).collect();
    let body = Body::from_bytes_stream(futures::stream::iter(pieces));
    bench.send(Caller::Publisher, Method::PUT, "api/v1/crates/new", &[], body).await.expect(200);
    assert_eq!(
        bench.get(Caller::Reader, "api/v1/crates/a/1.0.0/download").await.expect(200).body,
        krate("a", "1.0.0")
    );
}

#[tokio::test]
async fn dependencies_and_features_reach_the_index_in_its_own_words() {
    let bench = Bench::new(super::CARGO).await;
    let mut sent = document("a", "1.0.0");
    sent["deps"] = json!([{
        "optional": true, "default_features": false, "name": "real", "features": ["std"], "version_req": "^1",
        "target": "cfg(unix)", "kind": "build", "registry": null, "explicit_name_in_toml": "alias",
    }]);
    sent["features"] = json!({"old": ["real/std"], "new": ["dep:alias"]});
    (sent["links"], sent["rust_version"]) = (json!("z"), json!("1.70"));
    let manifest = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n\
        [target.'cfg(unix)'.build-dependencies.alias]\nversion = \"1\"\npackage = \"real\"\noptional = true\n";
    let bytes = with_manifest("a", "1.0.0", manifest);
    send(&bench, Caller::Publisher, &sent, &bytes).await.expect(200);
    let line = &lines(&bench, "1/a").await[0];
    let dependency = json!({
        "name": "alias", "package": "real", "req": "^1", "features": ["std"], "optional": true,
        "default_features": false, "target": "cfg(unix)", "kind": "build", "registry": null,
    });
    assert_eq!(line["deps"], json!([dependency]));
    assert_eq!((&line["features"], &line["v"]), (&json!({"old": ["real/std"]}), &json!(2)));
    assert_eq!(line["features2"], json!({"new": ["dep:alias"]}));
    assert_eq!((&line["links"], &line["rust_version"]), (&json!("z"), &json!("1.70")));
}

#[tokio::test]
async fn a_crate_without_a_document_makes_its_line_of_its_own_manifest() {
    let bench = Bench::new(super::CARGO).await;
    let manifest = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies.b]\nversion = \"1\"\n\
        registry-index = \"sparse+http://elsewhere/\"\n[features]\nx = [\"dep:b\"]\n";
    let bytes = with_manifest("a", "1.0.0", manifest);
    let door = bench.door(Caller::Admin).await;
    let admission = door.admit(Permission::Add).unwrap();
    let artifact = proget_core::Artifact::in_memory(bytes, super::CARGO.format().digests());
    door.publish(admission, super::CARGO.format(), artifact, Offer::default()).await.unwrap();
    let line = &lines(&bench, "1/a").await[0];
    assert_eq!((&line["deps"][0]["registry"], &line["v"]), (&json!("sparse+http://elsewhere/"), &json!(2)));
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_field_and_leaves_nothing() {
    let bench = Bench::new(super::CARGO).await;
    let refuse = |change: fn(&mut Value), field: &'static str| {
        let bench = &bench;
        async move {
            let mut sent = document("a", "1.0.0");
            change(&mut sent);
            let answer = send(bench, Caller::Publisher, &sent, &krate("a", "1.0.0")).await.expect(400);
            assert!(shown(&answer).starts_with(field), "{field}: {}", shown(&answer));
            assert_eq!(bench.staging.waiting(), 0, "{field}: an upload was left behind");
        }
    };
    refuse(|sent| sent["name"] = json!("b"), "name").await;
    refuse(|sent| sent["name"] = json!("nul"), "name").await;
    refuse(|sent| sent["vers"] = json!("1.0.1"), "version").await;
    refuse(|sent| sent["vers"] = json!("1.0"), "version").await;
    refuse(|sent| sent["features"] = json!({"a/b": []}), "features").await;
    refuse(|sent| sent["deps"] = json!([{"name": "b", "version_req": "1"}]), "dependencies: has 'b' in")
        .await;
    refuse(|sent| *sent = json!([]), "publish document").await;
    let no_crate = send(&bench, Caller::Publisher, &document("a", "1.0.0"), b"no archive").await.expect(400);
    assert!(shown(&no_crate).starts_with("archive"), "{}", shown(&no_crate));
    bench.get(Caller::Reader, "1/a").await.expect(404);
    assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
}

#[tokio::test]
async fn announced_lengths_must_be_those_of_what_is_sent() {
    let bench = Bench::new(super::CARGO).await;
    let whole = framed(&document("a", "1.0.0"), &krate("a", "1.0.0"));
    let long = [&whole[..], b"x"].concat();
    for (body, because) in [
        (&whole[..whole.len() - 1], "ended after"),
        (&long[..], "goes on behind the end"),
        (&whole[..100], "ended before"),
        (&whole[..2], "ended before"),
        (&[][..], "ended before"),
        (&[0xff; 8][..], "at most 4194304 bytes"),
    ] {
        let answer =
            bench.send(Caller::Publisher, Method::PUT, "api/v1/crates/new", &[], body.to_vec()).await;
        let text = shown(&answer.expect(400));
        assert!(text.contains(because), "{text} does not say {because:?}");
        assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
    }
    for (kind, status) in [
        (std::io::ErrorKind::FileTooLarge, 413),
        (std::io::ErrorKind::TimedOut, 408),
        (std::io::ErrorKind::UnexpectedEof, 400),
    ] {
        let pieces = [Ok(whole[..whole.len() - 9].to_vec()), Err(std::io::Error::from(kind))];
        let body = Body::from_bytes_stream(futures::stream::iter(pieces));
        bench.send(Caller::Publisher, Method::PUT, "api/v1/crates/new", &[], body).await.expect(status);
        assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
    }
    let packed = [(header::CONTENT_ENCODING, "gzip")];
    let packed = bench.send(Caller::Publisher, Method::PUT, "api/v1/crates/new", &packed, whole).await;
    assert!(shown(&packed.expect(400)).starts_with("content-encoding"));
}

#[tokio::test]
async fn who_may_not_publish_is_told_before_the_body_is_read() {
    let bench = Bench::new(super::CARGO).await;
    let never = || Body::from_bytes_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    bench.send(Caller::Nobody, Method::PUT, "api/v1/crates/new", &[], never()).await.expect(401);
    bench.send(Caller::Reader, Method::PUT, "api/v1/crates/new", &[], never()).await.expect(403);
}
