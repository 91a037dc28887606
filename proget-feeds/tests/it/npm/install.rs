//! What `npm install` and `npm view` read.

use super::sample::{document, publication, publish, tarball};
use crate::bench::{Bench, Caller};
use poem::http::{Method, header};
use serde_json::json;

const SHORT: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

#[tokio::test]
async fn a_published_package_is_described_in_both_forms_and_downloads_as_it_was_sent() {
    let bench = Bench::new(super::NPM).await;
    let package = json!({"name": "@acme/tool", "version": "1.0.0", "bin": "cli.js", "scripts": {"postinstall": "x"}, "main": "m.js"});
    let bytes = tarball(&package);
    bench.put(Caller::Publisher, "@acme%2ftool", &document(&package, "latest", &bytes)).await.expect(201);

    let full = bench.get(Caller::Reader, "@acme%2ftool").await.expect(200);
    assert_eq!(full.header(header::CONTENT_TYPE), "application/json");
    let full = full.json();
    assert_eq!((&full["_id"], &full["dist-tags"]), (&json!("@acme/tool"), &json!({"latest": "1.0.0"})));
    assert_eq!(
        (&full["versions"]["1.0.0"]["main"], &full["maintainers"][0]["name"]),
        (&json!("m.js"), &json!("publisher"))
    );
    assert!(full["time"]["1.0.0"].is_string() && full["_rev"].is_string());

    let short = bench
        .send(Caller::Reader, Method::GET, "@acme/tool", &[(header::ACCEPT, SHORT)], ())
        .await
        .expect(200);
    assert_eq!(short.header(header::CONTENT_TYPE), "application/vnd.npm.install-v1+json");
    assert_eq!(short.header(header::VARY), "Accept, Accept-Encoding");
    let version = &short.json()["versions"]["1.0.0"];
    assert_eq!(
        (&version["hasInstallScript"], version.get("main"), version.get("scripts")),
        (&json!(true), None, None)
    );

    let address = version["dist"]["tarball"].as_str().unwrap();
    let path = address.strip_prefix(&*bench.root).unwrap().trim_start_matches('/');
    assert_eq!(path, "@acme/tool/-/tool-1.0.0.tgz");
    let file = bench.get(Caller::Reader, path).await.expect(200);
    assert_eq!(&file.body[..], &bytes[..]);
    assert_eq!(file.header(header::CONTENT_LENGTH), bytes.len().to_string());
    assert_eq!(file.header(header::CONTENT_DISPOSITION), "attachment; filename=\"tool-1.0.0.tgz\"");
    assert_eq!(file.header(header::CACHE_CONTROL), "private, max-age=31536000, immutable");
    let spelled = bench.get(Caller::Reader, "@acme%2ftool/-/@acme%2ftool-1.0.0.tgz").await.expect(200);
    assert_eq!(spelled.body, file.body);
}

#[tokio::test]
async fn one_version_is_found_by_number_and_by_tag() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    bench.put(Caller::Admin, "a", &publication("a", "2.0.0-rc.1", "next")).await.expect(201);
    for (asked, version) in [("1.0.0", "1.0.0"), ("latest", "1.0.0"), ("next", "2.0.0-rc.1")] {
        assert_eq!(
            bench.get(Caller::Reader, &format!("a/{asked}")).await.expect(200).json()["version"],
            version
        );
    }
    let absent = bench.get(Caller::Reader, "a/3.0.0").await.expect(404);
    assert!(absent.error().contains("3.0.0"));
}

#[tokio::test]
async fn documents_are_compressed_tagged_and_not_sent_twice() {
    let bench = Bench::new(super::NPM).await;
    for version in 0..10 {
        publish(&bench, "a", &format!("1.{version}.0")).await;
    }
    let plain = bench.get(Caller::Reader, "a").await.expect(200);
    let packed = bench
        .send(Caller::Reader, Method::GET, "a", &[(header::ACCEPT_ENCODING, "gzip, br")], ())
        .await
        .expect(200);
    assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
    assert!(packed.body.len() * 2 < plain.body.len());
    assert_ne!(packed.header(header::ETAG), plain.header(header::ETAG));
    for tag in [packed.header(header::ETAG), plain.header(header::ETAG)] {
        let known = bench
            .send(Caller::Reader, Method::GET, "a", &[(header::IF_NONE_MATCH, tag)], ())
            .await
            .expect(304);
        assert!(known.body.is_empty());
    }
    publish(&bench, "a", "2.0.0").await;
    let tag = plain.header(header::ETAG);
    let now =
        bench.send(Caller::Reader, Method::GET, "a", &[(header::IF_NONE_MATCH, tag)], ()).await.expect(200);
    assert!(
        now.json()["versions"].get("2.0.0").is_some(),
        "a publish that was acknowledged must be seen at once"
    );
}

#[tokio::test]
async fn files_are_sent_in_part_and_not_twice() {
    let bench = Bench::open_to_all(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    let path = "a/-/a-1.0.0.tgz";
    let whole = bench.get(Caller::Nobody, path).await.expect(200);
    assert_eq!(whole.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    let (size, tag) = (whole.body.len(), whole.header(header::ETAG).to_owned());
    let ask = |range, guard| {
        let mut headers = vec![(header::RANGE, range)];
        headers.extend(guard);
        let bench = &bench;
        async move { bench.send(Caller::Nobody, Method::GET, path, &headers, ()).await }
    };
    let part = ask("bytes=2-5", None).await.expect(206);
    assert_eq!(
        (&part.body[..], part.header(header::CONTENT_RANGE)),
        (&whole.body[2..6], format!("bytes 2-5/{size}").as_str())
    );
    assert_eq!(ask("bytes=-4", None).await.expect(206).body, whole.body.slice(size - 4..));
    assert_eq!(
        ask("bytes=3-", Some((header::IF_RANGE, tag.as_str()))).await.expect(206).body.len(),
        size - 3
    );
    assert_eq!(ask("bytes=3-", Some((header::IF_RANGE, "\"other\""))).await.expect(200).body.len(), size);
    let outside = ask("bytes=999999-", None).await.expect(416);
    assert_eq!(outside.header(header::CONTENT_RANGE), format!("bytes */{size}"));

    bench.send(Caller::Nobody, Method::GET, path, &[(header::IF_NONE_MATCH, &tag)], ()).await.expect(304);
    let date = whole.header(header::LAST_MODIFIED);
    bench.send(Caller::Nobody, Method::GET, path, &[(header::IF_MODIFIED_SINCE, date)], ()).await.expect(304);
    let head = bench.send(Caller::Nobody, Method::HEAD, path, &[], ()).await.expect(200);
    assert_eq!((head.body.len(), head.header(header::CONTENT_LENGTH)), (0, size.to_string().as_str()));
    let head = bench.send(Caller::Nobody, Method::HEAD, "a", &[], ()).await.expect(200);
    assert!(head.body.is_empty() && head.header(header::CONTENT_LENGTH).parse::<u64>().unwrap() > 100);
}

#[tokio::test]
async fn files_of_a_feed_that_replaces_versions_are_revalidated() {
    let bench = Bench::replacing(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    let file = bench.get(Caller::Reader, "a/-/a-1.0.0.tgz").await.expect(200);
    assert_eq!(file.header(header::CACHE_CONTROL), "private, no-cache");
    let other = json!({"name": "a", "version": "1.0.0", "description": "other"});
    bench.put(Caller::Admin, "a", &document(&other, "latest", &tarball(&other))).await.expect(201);
    let tag = file.header(header::ETAG);
    let now = bench
        .send(Caller::Reader, Method::GET, "a/-/a-1.0.0.tgz", &[(header::IF_NONE_MATCH, tag)], ())
        .await
        .expect(200);
    assert_ne!(now.body, file.body);
    assert_eq!(bench.get(Caller::Reader, "a").await.json()["versions"]["1.0.0"]["description"], "other");
}
