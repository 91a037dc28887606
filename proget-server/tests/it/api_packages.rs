//! `api/packages/…` as ProGet's client uses it.

use super::kit::{Answer, Caller, package, package_with};
use futures::{StreamExt as _, stream};
use proget_server::TestServer;
use reqwest::Method;
use serde_json::{Value, json};

async fn server() -> (TestServer, Caller) {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    (server, admin)
}

fn versions(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["version"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_feed_says_what_it_is() {
    let (_server, admin) = server().await;
    let about = admin.get("/api/packages/INTERNAL").await.expect(200).json();
    assert!(about["id"].is_i64());
    assert_eq!(
        (&about["name"], &about["feedType"], &about["packageType"]),
        (&json!("internal"), &json!("npm"), &json!("npm"))
    );
}

#[tokio::test]
async fn uploads_are_raw_bytes_with_and_without_a_file_name() {
    let (_server, admin) = server().await;
    for (version, method, tail) in [
        ("1.0.0", Method::PUT, ""),
        ("1.1.0", Method::POST, ""),
        ("1.2.0", Method::PUT, "/whatever%20it%20is.tgz"),
        ("1.3.0", Method::PUT, "//path/to/left-pad-1.3.0.tgz"),
    ] {
        let upload = admin.request(method, &format!("/api/packages/internal/upload{tail}"));
        Answer::of(upload.body(package("left-pad", version))).await.expect(200);
    }
    let list = admin.get("/api/packages/internal/versions?name=left-pad").await.json();
    assert_eq!(versions(&list), ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    // The same bytes again are success, other bytes a conflict, and nothing of both is lost.
    admin.upload("internal", package("left-pad", "1.0.0")).await.expect(200);
    let other = admin.upload("internal", package_with("left-pad", "1.0.0", "other")).await.expect(409);
    assert_eq!(other.text(), "left-pad 1.0.0 is published already, with other contents");
    let form = admin
        .request(Method::PUT, "/api/packages/internal/upload")
        .header("content-type", "multipart/form-data; boundary=x");
    let form = Answer::of(form.body("--x--")).await.expect(400);
    assert!(form.text().starts_with("content-type: must not be a form"), "{}", form.text());
    admin.upload("internal", b"no package at all".to_vec()).await.expect(400);
}

#[tokio::test]
async fn a_version_is_described_with_all_that_the_client_insists_on() {
    let (_server, admin) = server().await;
    let bytes = package("@acme/widget", "1.0.0-rc.1");
    admin.upload("internal", bytes.clone()).await.expect(200);
    for query in [
        "name=widget&group=@acme",
        "name=widget&group=acme",
        "purl=pkg:npm/%40acme/widget",
        "name=@acme/widget",
    ] {
        let query = query.replace('%', "%25");
        let list = admin.get(&format!("/api/packages/internal/versions?{query}")).await.expect(200).json();
        let row = &list[0];
        for (member, value) in [
            ("purl", json!("pkg:npm/%40acme/widget@1.0.0-rc.1")),
            ("group", json!("@acme")),
            ("name", json!("widget")),
            ("version", json!("1.0.0-rc.1")),
            ("totalDownloads", json!(0)),
            ("downloads", json!(0)),
            ("publishedBy", json!("First key")),
            ("size", json!(bytes.len())),
            ("listed", json!(true)),
            ("deprecated", json!(false)),
        ] {
            assert_eq!(row[member], value, "{member} of {row}");
        }
        for (member, digits) in [("sha1", 40), ("sha256", 64), ("sha512", 128)] {
            assert_eq!(row[member].as_str().unwrap().len(), digits);
        }
        let published = row["published"].as_str().unwrap();
        assert!(published.ends_with('Z') && published.contains('T'), "{published}");
        assert!(row.get("allowDownload").is_none() && row.get("qualifier").is_none());
    }
}

#[tokio::test]
async fn latest_is_one_row_a_package_and_downloads_know_what_latest_means() {
    let (_server, admin) = server().await;
    for (name, version) in [
        ("a", "1.0.0"),
        ("a", "1.10.0"),
        ("a", "1.9.0"),
        ("a", "2.0.0-rc.1"),
        ("@acme/b", "0.1.0"),
        ("c", "1.0.0-alpha"),
    ] {
        admin.upload("internal", package(name, version)).await.expect(200);
    }
    let latest = |query: &'static str| {
        let admin = admin.clone();
        async move {
            let list = admin.get(&format!("/api/packages/internal/latest{query}")).await.expect(200).json();
            let row = |row: &Value| {
                format!("{}@{}", row["name"].as_str().unwrap(), row["version"].as_str().unwrap())
            };
            list.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
        }
    };
    assert_eq!(latest("").await, ["b@0.1.0", "a@2.0.0-rc.1", "c@1.0.0-alpha"]);
    assert_eq!(latest("?stableOnly=true").await, ["b@0.1.0", "a@1.10.0"]);
    assert_eq!(latest("?name=a").await, ["a@2.0.0-rc.1"]);
    assert_eq!(latest("?group=acme").await, ["b@0.1.0"]);
    assert_eq!(latest("?name=nothing").await, Vec::<String>::new());
    for (version, expected) in [
        ("latest", "2.0.0-rc.1"),
        ("latest-stable", "1.10.0"),
        ("LATEST-unstable", "2.0.0-rc.1"),
        ("1.9.0", "1.9.0"),
    ] {
        let answer =
            admin.get(&format!("/api/packages/internal/download?name=a&version={version}")).await.expect(200);
        assert_eq!(answer.body, package("a", expected));
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert_eq!(
            answer.header("content-disposition"),
            format!("attachment; filename=\"a-{expected}.tgz\"")
        );
    }
    let head =
        Answer::of(admin.request(Method::HEAD, "/api/packages/internal/download?name=a&version=latest"))
            .await;
    assert_eq!(head.expect(200).header("content-length"), package("a", "2.0.0-rc.1").len().to_string());
    for (query, status) in [
        ("name=a&version=7.7.7", 404),
        ("name=zzz&version=latest", 404),
        ("name=c&version=latest-stable", 404),
        ("version=latest", 400),
        ("name=a", 400),
        ("name=a&version=not-a-version", 400),
        ("purl=pkg:pypi/a@1.0.0", 400),
        ("purl=nonsense", 400),
        ("name=a&version=1.9.0&qualifier=file%3Dother.tgz", 404),
    ] {
        admin.get(&format!("/api/packages/internal/download?{query}")).await.expect(status);
    }
    let unlisted = json!({"listed": false});
    admin.post("/api/packages/internal/status?name=a&version=2.0.0-rc.1", &unlisted).await.expect(200);
    assert_eq!(latest("?name=a").await, ["a@1.10.0"], "an unlisted version is not the latest");
    let answer = admin.get("/api/packages/internal/download?name=a&version=latest").await.expect(200);
    assert_eq!(answer.body, package("a", "1.10.0"));
}

#[tokio::test]
async fn a_blocked_version_is_as_if_it_were_not_there_and_an_empty_object_unblocks_it() {
    let (_server, admin) = server().await;
    admin.upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    let (status, download) = (
        "/api/packages/internal/status?name=left-pad&version=1.3.0",
        "/api/packages/internal/download?name=left-pad&version=1.3.0",
    );
    let tarball = "/npm/internal/left-pad/-/left-pad-1.3.0.tgz";
    let row = || async { admin.get("/api/packages/internal/versions?name=left-pad").await.json()[0].clone() };
    admin.post(status, &json!({"allow": false})).await.expect(200);
    assert_eq!(row().await["allowDownload"], false);
    admin.get(download).await.expect(404);
    admin.get(tarball).await.expect(404);
    admin
        .post(status, &json!({"deprecated": true, "deprecationReason": "use string.padStart"}))
        .await
        .expect(200);
    let now = row().await;
    assert_eq!(
        (&now["deprecated"], &now["deprecationReason"]),
        (&json!(true), &json!("use string.padStart"))
    );
    assert_eq!(now["allowDownload"], false, "one thing at a time");
    admin.post(status, &json!({})).await.expect(200);
    assert!(row().await.get("allowDownload").is_none());
    admin.get(download).await.expect(200);
    let index = admin.get("/npm/internal/left-pad").await.json();
    assert_eq!(index["versions"]["1.3.0"]["deprecated"], "use string.padStart");
    admin.post("/api/packages/internal/status?name=left-pad&version=9.9.9", &json!({})).await.expect(404);
}

#[tokio::test]
async fn a_deleted_version_is_gone_and_the_others_stay() {
    let (_server, admin) = server().await;
    for version in ["1.0.0", "1.1.0"] {
        admin.upload("internal", package("left-pad", version)).await.expect(200);
    }
    let delete = "/api/packages/internal/delete?name=left-pad&version=1.1.0";
    admin.post(delete, &Value::Null).await.expect(200);
    let gone = admin.delete(delete).await.expect(404);
    assert_eq!(gone.text(), "Package left-pad 1.1.0 not found.");
    let list = admin.get("/api/packages/internal/versions").await.json();
    assert_eq!(versions(&list), ["1.0.0"]);
    admin.delete("/api/packages/internal/delete?purl=pkg:npm/left-pad@1.0.0").await.expect(200);
    assert_eq!(admin.get("/api/packages/internal/versions").await.json(), json!([]));
    admin.get("/npm/internal/left-pad").await.expect(404);
}

#[tokio::test]
async fn a_list_of_several_pages_is_one_array_without_gaps_or_repeats() {
    let (_server, admin) = server().await;
    const PACKAGES: usize = 450;
    let uploads = (0..PACKAGES).map(|n| {
        let admin = admin.clone();
        async move { admin.upload("internal", package(&format!("package-{n:04}"), "1.0.0")).await.expect(200) }
    });
    stream::iter(uploads).buffer_unordered(16).for_each(|_| async {}).await;
    for what in ["latest", "versions"] {
        let list = admin.get(&format!("/api/packages/internal/{what}")).await.expect(200).json();
        let names: Vec<_> =
            list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<_> = (0..PACKAGES).map(|n| format!("package-{n:04}")).collect();
        assert_eq!(names, expected, "{what}");
        assert!(list[0].get("totalDownloads").is_none(), "told only where one package is asked for");
    }
}
