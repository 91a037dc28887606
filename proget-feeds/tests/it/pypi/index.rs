//! The simple index, in its forms, and what changes it.

use super::sample::{publish, sdist, upload, wheel};
use crate::bench::{Answer, Bench, Caller};
use poem::http::{Method, header};
use proget_core::FeedFormat as _;
use proget_core::access::Permission;
use proget_core::digest::Sha256;
use proget_core::package::{Download, VersionStatus};
use proget_core::registry::Annotation;
use proget_feeds::pypi::PYPI;
use serde_json::{Value, json};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

async fn get_as(bench: &Bench, path: &str, accept: &str) -> Answer {
    bench.send(Caller::Reader, Method::GET, path, &[(header::ACCEPT, accept)], ()).await
}

async fn json_page(bench: &Bench, name: &str) -> Value {
    let answer = get_as(bench, &format!("simple/{name}/"), JSON).await.expect(200);
    assert_eq!(answer.header(header::CONTENT_TYPE), JSON);
    answer.json()
}

async fn html_page(bench: &Bench, name: &str) -> String {
    let answer = bench.get(Caller::Reader, &format!("simple/{name}/")).await.expect(200);
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

async fn decide(bench: &Bench, name: &str, version: &str, status: VersionStatus) {
    let door = bench.door(Caller::Admin).await;
    let admission = door.admit(Permission::Delete).unwrap();
    let (name, version) = (PYPI.name(name).unwrap(), PYPI.version(version).unwrap());
    let change = Annotation::Status(version.key().clone(), status);
    door.annotate(&admission, name.key(), None, vec![change]).await.unwrap();
}

#[tokio::test]
async fn both_forms_of_a_page_say_the_same() {
    let bench = Bench::new(super::PYPI).await;
    let more = "Requires-Python: >=3.8,<4\n";
    let files =
        [wheel("My.Tool", "1.0", more), sdist("My.Tool", "1.0", more), wheel("My.Tool", "1.10+x.1", "")];
    for (file, version) in files.iter().zip(["1.0", "1.0", "1.10+x.1"]) {
        upload(&bench, "my-tool", version, file).await.expect(200);
    }
    let json = json_page(&bench, "my-tool").await;
    assert_eq!((&json["meta"]["api-version"], &json["name"]), (&json!("1.1"), &json!("my-tool")));
    assert_eq!(json["versions"], json!(["1.0", "1.10+x.1"]));
    let html = html_page(&bench, "my-tool").await;
    assert!(html.contains("<meta name=\"pypi:repository-version\" content=\"1.1\">"));
    assert_eq!(html.matches("<a ").count(), 3);
    for (file, bytes) in &files {
        let entry =
            json["files"].as_array().unwrap().iter().find(|entry| entry["filename"] == **file).unwrap();
        let digest = Sha256::of(bytes).to_string();
        assert_eq!((&entry["hashes"]["sha256"], &entry["size"]), (&json!(digest), &json!(bytes.len())));
        assert_eq!(entry["yanked"], false);
        assert!(entry["upload-time"].as_str().unwrap().ends_with('Z'));
        let url = entry["url"].as_str().unwrap();
        let link = html.lines().find(|line| line.contains(&format!(">{file}</a>"))).unwrap();
        assert!(link.contains(&format!("href=\"{url}#sha256={digest}\"")), "{link}");
        assert_eq!(
            link.contains("data-requires-python=\"&gt;=3.8,&lt;4\""),
            entry["requires-python"] == ">=3.8,<4"
        );
        let path = url.strip_prefix("../../").unwrap();
        assert_eq!(&bench.get(Caller::Reader, path).await.expect(200).body[..], &bytes[..]);
        assert_eq!(entry["core-metadata"].is_object(), file.ends_with(".whl"));
        if let Some(digest) = entry["core-metadata"]["sha256"].as_str() {
            assert_eq!(entry.get("dist-info-metadata"), None, "pip 22.3 to 23.1 fail on it");
            assert!(link.contains(&format!(
                "data-core-metadata=\"sha256={digest}\" data-dist-info-metadata=\"sha256={digest}\""
            )));
            let metadata = bench.get(Caller::Reader, &format!("{path}.metadata")).await.expect(200);
            assert_eq!(Sha256::of(&metadata.body).to_string(), digest);
        }
    }
}

#[tokio::test]
async fn the_form_is_the_one_the_client_likes_best_and_is_not_sent_twice() {
    let bench = Bench::new(super::PYPI).await;
    publish(&bench, "tool", "1.0").await;
    for (accept, kind) in [
        (JSON, JSON),
        ("text/html;q=0.1, application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+html"),
        ("*/*", "text/html; charset=utf-8"),
    ] {
        for path in ["simple/tool/", "simple/"] {
            let answer = get_as(&bench, path, accept).await.expect(200);
            assert_eq!(answer.header(header::CONTENT_TYPE), kind, "{accept}");
            assert!(answer.header(header::VARY).contains("Accept"));
            let head = bench
                .send(Caller::Reader, Method::HEAD, path, &[(header::ACCEPT, accept)], ())
                .await
                .expect(200);
            assert!(head.body.is_empty() && head.header(header::CONTENT_TYPE) == kind);
        }
    }
    for path in ["simple/tool/", "simple/"] {
        let refused = get_as(&bench, path, "application/json, image/png").await.expect(406);
        assert!(String::from_utf8_lossy(&refused.body).contains(JSON));
        let asked = bench
            .get(Caller::Reader, &format!("{path}?format={}", JSON.replace('+', "%2B")))
            .await
            .expect(200);
        assert_eq!(asked.header(header::CONTENT_TYPE), JSON);
    }
    let tag = get_as(&bench, "simple/tool/", JSON).await.header(header::ETAG).to_owned();
    let known = [(header::ACCEPT, JSON), (header::IF_NONE_MATCH, tag.as_str())];
    bench.send(Caller::Reader, Method::GET, "simple/tool/", &known, ()).await.expect(304);
    publish(&bench, "tool", "1.1").await;
    let now = bench.send(Caller::Reader, Method::GET, "simple/tool/", &known, ()).await.expect(200);
    assert_eq!(now.json()["versions"], json!(["1.0", "1.1"]));
}

#[tokio::test]
async fn other_spellings_are_led_to_the_one_address_of_a_page() {
    let bench = Bench::new(super::PYPI).await;
    publish(&bench, "my-tool", "1.0").await;
    for path in ["simple/my-tool", "simple/My.Tool/", "simple/my_tool", "simple/my%2Dtool/"] {
        let answer = bench.get(Caller::Reader, path).await.expect(301);
        assert_eq!(answer.header(header::LOCATION), format!("{}/simple/my-tool/", bench.root));
    }
    let answer = bench.get(Caller::Reader, "simple").await.expect(301);
    assert_eq!(answer.header(header::LOCATION), format!("{}/simple/", bench.root));
    for path in ["simple/none/", "simple/-x-/", "simple/a%2fb/", "simple/..%2f/", "nothing", ""] {
        bench.get(Caller::Reader, path).await.expect(404);
    }
}

#[tokio::test]
async fn all_projects_are_listed_however_many() {
    let bench = Bench::new(super::PYPI).await;
    let empty = get_as(&bench, "simple/", JSON).await.expect(200);
    assert_eq!(empty.json(), json!({"meta": {"api-version": "1.1"}, "projects": []}));
    for at in 0..510 {
        publish(&bench, &format!("Tool.{at:03}"), "1.0").await;
    }
    decide(&bench, "tool-007", "1.0", VersionStatus { listed: false, ..VersionStatus::default() }).await;
    let all = get_as(&bench, "simple/", JSON).await.expect(200).json();
    let names: Vec<_> =
        all["projects"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 510);
    assert!(names.contains(&"Tool.007"));
    let html = bench.get(Caller::Reader, "simple/").await.expect(200);
    let html = String::from_utf8(html.body.to_vec()).unwrap();
    assert_eq!(html.matches("<a ").count(), 510);
    assert!(html.contains("<a href=\"tool-059/\">Tool.059</a><br>") && html.trim_end().ends_with("</html>"));
}

#[tokio::test]
async fn deprecated_and_unlisted_versions_are_yanked_and_blocked_ones_are_gone() {
    let bench = Bench::new(super::PYPI).await;
    for version in ["1.0", "1.1", "1.2", "1.3"] {
        publish(&bench, "tool", version).await;
    }
    let (status, reason) = (VersionStatus::default(), "broken <on> \"Windows\" & others".to_owned());
    decide(&bench, "tool", "1.0", VersionStatus { deprecated: Some(reason.clone()), ..status.clone() }).await;
    decide(&bench, "tool", "1.1", VersionStatus { listed: false, ..status.clone() }).await;
    decide(&bench, "tool", "1.2", VersionStatus { download: Download::Blocked, ..status.clone() }).await;
    let json = json_page(&bench, "tool").await;
    assert_eq!(json["versions"], json!(["1.0", "1.1", "1.3"]));
    let yanked: Vec<_> =
        json["files"].as_array().unwrap().iter().map(|file| file["yanked"].clone()).collect();
    assert_eq!(yanked, [json!(reason), json!(true), json!(false)]);
    let html = html_page(&bench, "tool").await;
    assert!(html.contains("data-yanked=\"broken &lt;on&gt; &quot;Windows&quot; &amp; others\">tool-1.0-py3"));
    assert!(
        html.contains("data-yanked=\"\">tool-1.1-py3")
            && !html.contains("tool-1.2")
            && html.matches("yanked").count() == 2
    );
    bench.get(Caller::Reader, "packages/tool/tool-1.0-py3-none-any.whl").await.expect(200);
    for gone in [
        "packages/tool/tool-1.2-py3-none-any.whl",
        "packages/tool/tool-1.2-py3-none-any.whl.metadata",
        "pypi/tool/1.2/json",
    ] {
        bench.get(Caller::Reader, gone).await.expect(404);
    }
    for version in ["1.0", "1.1", "1.3"] {
        decide(&bench, "tool", version, VersionStatus { download: Download::Blocked, ..status.clone() })
            .await;
    }
    bench.get(Caller::Reader, "simple/tool/").await.expect(404);
    bench.get(Caller::Reader, "pypi/tool/json").await.expect(404);
}
