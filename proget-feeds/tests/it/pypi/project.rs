//! The JSON document about a project and its versions.

use super::sample::{publish, sdist, upload, wheel};
use crate::bench::{Bench, Caller};
use poem::http::{Method, header};
use serde_json::json;

#[tokio::test]
async fn a_project_is_described_by_its_newest_stable_version() {
    let bench = Bench::new(super::PYPI).await;
    let more = "Summary: a tool\nAuthor: Ann\nClassifier: One\nClassifier: Two\nRequires-Dist: a<2\nProject-URL: Home, https://example.test/x,y\n";
    upload(&bench, "Tool", "1.0", &wheel("Tool", "1.0", more)).await.expect(200);
    upload(&bench, "Tool", "1.0", &sdist("Tool", "1.0", more)).await.expect(200);
    publish(&bench, "Tool", "2.0rc1").await;
    let answer = bench.get(Caller::Reader, "pypi/tool/json").await.expect(200);
    let document = answer.json();
    let info = &document["info"];
    assert_eq!((&info["name"], &info["version"]), (&json!("Tool"), &json!("1.0")));
    assert_eq!(
        (&info["summary"], &info["author"], &info["home_page"]),
        (&json!("a tool"), &json!("Ann"), &json!(null))
    );
    assert_eq!(info["classifiers"], json!(["One", "Two"]));
    assert_eq!(info["requires_dist"], json!(["a<2"]));
    assert_eq!(info["project_urls"], json!({"Home": "https://example.test/x,y"}));
    assert_eq!(info["description"], "The *description*.\n");
    assert_eq!(document["releases"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0", "2.0rc1"]);
    assert_eq!(document["releases"]["1.0"], document["urls"]);
    let files = document["urls"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    for file in files {
        let path = file["url"].as_str().unwrap().strip_prefix(&*bench.root).unwrap().trim_start_matches('/');
        let bytes = bench.get(Caller::Reader, path).await.expect(200).body;
        assert_eq!(file["size"], bytes.len());
        assert_eq!(file["digests"]["sha256"], proget_core::digest::Sha256::of(&bytes).to_string());
        assert_eq!(file["core-metadata"].is_object(), path.ends_with(".whl"));
        assert!(file["digests"]["blake2b_256"].is_string() && file["md5_digest"] == file["digests"]["md5"]);
    }
    let kinds: Vec<_> =
        files.iter().map(|file| (file["packagetype"].as_str(), file["python_version"].as_str())).collect();
    assert_eq!(kinds, [(Some("bdist_wheel"), Some("py3")), (Some("sdist"), Some("source"))]);
    let tag = answer.header(header::ETAG);
    let known = [(header::IF_NONE_MATCH, tag)];
    bench.send(Caller::Reader, Method::GET, "pypi/tool/json", &known, ()).await.expect(304);
}

#[tokio::test]
async fn one_version_is_described_whatever_its_spelling() {
    let bench = Bench::new(super::PYPI).await;
    publish(&bench, "tool", "1.0").await;
    publish(&bench, "tool", "1.1").await;
    for path in ["pypi/Tool/1.0.0/json", "pypi/tool/1/json", "pypi/tool/v1.0/json"] {
        let document = bench.get(Caller::Reader, path).await.expect(200).json();
        assert_eq!((&document["info"]["version"], document.get("releases")), (&json!("1.0"), None));
        assert_eq!(document["urls"][0]["filename"], "tool-1.0-py3-none-any.whl");
    }
    for path in ["pypi/tool/3.0/json", "pypi/tool/latest/json", "pypi/none/json", "pypi/none/1.0/json"] {
        bench.get(Caller::Reader, path).await.expect(404);
    }
}
