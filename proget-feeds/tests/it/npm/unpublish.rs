//! `npm deprecate` and `npm unpublish`, as the client does them: read, change, send back.

use super::sample::{publication, publish};
use crate::bench::{Bench, Caller};
use proget_core::access::Permission;
use proget_core::package::{Download, NameKey, VersionKey, VersionStatus};
use proget_core::registry::Annotation;
use serde_json::{Value, json};

async fn read(bench: &Bench, path: &str) -> Value {
    bench.get(Caller::Admin, &format!("{path}?write=true")).await.expect(200).json()
}

fn rev(packument: &Value) -> String {
    packument["_rev"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_version_is_deprecated_and_the_deprecation_taken_back() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    publish(&bench, "a", "2.0.0").await;
    let mut packument = read(&bench, "a").await;
    packument["versions"]["1.0.0"]["deprecated"] = json!("use 2");
    bench.put(Caller::Publisher, "a", &packument).await.expect(201);
    let now = read(&bench, "a").await;
    assert_eq!(
        (&now["versions"]["1.0.0"]["deprecated"], now["versions"]["2.0.0"].get("deprecated")),
        (&json!("use 2"), None)
    );

    let stale = bench.put(Caller::Publisher, "a", &packument).await.expect(409);
    assert!(stale.error().contains("conflict"), "{stale:?}");
    let mut packument = now;
    packument["versions"]["1.0.0"]["deprecated"] = json!("");
    bench.put(Caller::Publisher, "a", &packument).await.expect(201);
    assert!(read(&bench, "a").await["versions"]["1.0.0"].get("deprecated").is_none());
    bench.put(Caller::Reader, "a", &packument).await.expect(403);
}

#[tokio::test]
async fn one_version_goes_with_its_tags_and_latest_finds_a_new_place() {
    let bench = Bench::new(super::NPM).await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&bench, "@acme/a", version).await;
    }
    let mut packument = read(&bench, "@acme%2fa").await;
    packument["versions"].as_object_mut().unwrap().remove("2.0.0");
    packument["dist-tags"] = json!({"latest": "1.1.0"});
    let path = format!("@acme%2fa/-rev/{}", rev(&packument));
    bench.put(Caller::Publisher, &path, &packument).await.expect(403);
    bench.put(Caller::Remover, &path, &packument).await.expect(201);
    let now = read(&bench, "@acme%2fa").await;
    assert_eq!(now["dist-tags"], json!({"latest": "1.1.0"}));
    let file = format!("@acme/a/-/a-2.0.0.tgz/-rev/{}", rev(&now));
    bench.delete(Caller::Remover, &file).await.expect(200);
    bench.get(Caller::Reader, "@acme/a/-/a-2.0.0.tgz").await.expect(404);
    // The tag was stored, not only shown: a publish under another tag does not take it.
    bench.put(Caller::Admin, "@acme%2fa", &publication("@acme/a", "1.0.1", "fix")).await.expect(201);
    assert_eq!(read(&bench, "@acme%2fa").await["dist-tags"], json!({"fix": "1.0.1", "latest": "1.1.0"}));
}

#[tokio::test]
async fn a_version_published_meanwhile_is_not_lost_to_an_unpublish() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    publish(&bench, "a", "2.0.0").await;
    let mut packument = read(&bench, "a").await;
    packument["versions"].as_object_mut().unwrap().remove("1.0.0");
    publish(&bench, "a", "3.0.0").await;
    bench.put(Caller::Admin, &format!("a/-rev/{}", rev(&packument)), &packument).await.expect(409);
    bench.delete(Caller::Admin, &format!("a/-rev/{}", rev(&packument))).await.expect(409);
    assert_eq!(read(&bench, "a").await["versions"].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn blocked_versions_are_not_shown_and_not_removed_because_they_are_not_sent_back() {
    let bench = Bench::new(super::NPM).await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish(&bench, "a", version).await;
    }
    let (name, blocked) = (NameKey::stored("a".into()), VersionKey::stored("2.0.0".into()));
    let status = VersionStatus { download: Download::Blocked, ..VersionStatus::default() };
    let door = bench.door(Caller::Admin).await;
    let admission = door.admit(Permission::Delete).unwrap();
    door.annotate(&admission, &name, None, vec![Annotation::Status(blocked, status)]).await.unwrap();
    bench.get(Caller::Reader, "a/-/a-2.0.0.tgz").await.expect(404);
    let mut packument = read(&bench, "a").await;
    assert_eq!(packument["dist-tags"], json!({"latest": "1.1.0"}));
    packument["versions"].as_object_mut().unwrap().remove("1.0.0");
    bench.put(Caller::Admin, &format!("a/-rev/{}", rev(&packument)), &packument).await.expect(201);
    let left: Vec<String> =
        door.package(&name).await.unwrap().versions.iter().map(|row| row.version.to_string()).collect();
    assert_eq!(left, ["1.1.0", "2.0.0"]);
}

#[tokio::test]
async fn a_whole_package_is_removed_and_can_be_published_again() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    let path = format!("a/-rev/{}", rev(&read(&bench, "a").await));
    bench.delete(Caller::Publisher, &path).await.expect(403);
    bench.delete(Caller::Remover, &path).await.expect(200);
    bench.get(Caller::Reader, "a").await.expect(404);
    publish(&bench, "a", "1.0.0").await;
    bench.delete(Caller::Remover, &path).await.expect(409);
}

#[tokio::test]
async fn owners_and_stars_are_refused_with_what_to_do_instead() {
    let bench = Bench::new(super::NPM).await;
    publish(&bench, "a", "1.0.0").await;
    let rev = rev(&read(&bench, "a").await);
    let owners = bench
        .put(Caller::Publisher, &format!("a/-rev/{rev}"), &json!({"_id": "a", "maintainers": []}))
        .await
        .expect(405);
    assert!(owners.error().contains("permissions are given on the feed"));
    bench.put(Caller::Publisher, "a", &json!({"_id": "a", "users": {"x": true}})).await.expect(405);
    assert_eq!(read(&bench, "a").await["versions"].as_object().unwrap().len(), 1);
}
