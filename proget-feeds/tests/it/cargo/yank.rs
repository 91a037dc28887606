//! `cargo yank` and its undoing.

use super::sample::{lines, publish, shown};
use crate::bench::{Bench, Caller};
use proget_core::access::Permission;
use proget_core::package::VersionStatus;
use proget_core::registry::Annotation;
use proget_core::{FeedFormat as _, Problem};
use proget_feeds::cargo::CARGO;
use serde_json::json;

const YANK: &str = "api/v1/crates/a/1.0.0/yank";
const UNYANK: &str = "api/v1/crates/a/1.0.0/unyank";

async fn status(bench: &Bench) -> VersionStatus {
    let rows = bench.door(Caller::Admin).await.package(CARGO.name("a").unwrap().key()).await.unwrap();
    rows.versions[0].status.clone()
}

#[tokio::test]
async fn a_yanked_version_stays_in_the_index_and_can_be_downloaded() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0+linux").await;
    for _ in 0..2 {
        let answer = bench.delete(Caller::Remover, "api/v1/crates/a/1.0.0+linux/yank").await.expect(200);
        assert_eq!(answer.json(), json!({"ok": true}));
        assert_eq!(lines(&bench, "1/a").await[0]["yanked"], json!(true));
    }
    bench.get(Caller::Reader, "api/v1/crates/a/1.0.0/download").await.expect(200);
    let found = bench.get(Caller::Reader, "api/v1/crates?q=a").await.expect(200).json();
    assert_eq!(found["crates"], json!([]), "searches pass over it");
    for _ in 0..2 {
        bench.put(Caller::Remover, UNYANK, &json!({})).await.expect(200);
        assert_eq!(lines(&bench, "1/a").await[0]["yanked"], json!(false));
    }
}

#[tokio::test]
async fn yanking_leaves_what_else_was_decided_as_it_is() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    let door = bench.door(Caller::Admin).await;
    let (name, version) = (CARGO.name("a").unwrap(), CARGO.version("1.0.0").unwrap());
    let reason = Annotation::Deprecate(version.key().clone(), Some("use b".into()));
    let admission = door.admit(Permission::Delete).unwrap();
    door.annotate(&admission, name.key(), None, vec![reason]).await.unwrap();
    bench.delete(Caller::Remover, YANK).await.expect(200);
    let yanked = status(&bench).await;
    assert_eq!((yanked.listed, yanked.deprecated.as_deref()), (false, Some("use b")));
    bench.put(Caller::Remover, UNYANK, &json!({})).await.expect(200);
    assert_eq!(status(&bench).await, VersionStatus { listed: true, ..yanked });
}

#[tokio::test]
async fn a_version_stays_yanked_when_its_bytes_are_published_again() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    bench.delete(Caller::Remover, YANK).await.expect(200);
    publish(&bench, "a", "1.0.0").await;
    publish(&bench, "a", "1.1.0").await;
    let yanked: Vec<bool> =
        lines(&bench, "1/a").await.iter().map(|line| line["yanked"].as_bool().unwrap()).collect();
    assert_eq!(yanked, [true, false]);
}

#[tokio::test]
async fn yanking_needs_permission_to_delete_and_something_to_yank() {
    let bench = Bench::open_to_all(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    bench.delete(Caller::Nobody, YANK).await.expect(401);
    bench.delete(Caller::Publisher, YANK).await.expect(403);
    bench.put(Caller::Publisher, UNYANK, &json!({})).await.expect(403);
    assert!(status(&bench).await.listed);
    let absent = bench.delete(Caller::Remover, "api/v1/crates/a/2.0.0/yank").await.expect(404);
    assert_eq!(shown(&absent), "crate `a` does not have a version `2.0.0` in this feed");
    bench.delete(Caller::Remover, "api/v1/crates/none/2.0.0/yank").await.expect(404);
    let bad = bench.delete(Caller::Remover, "api/v1/crates/a/2.0/yank").await.expect(400);
    assert!(shown(&bad).starts_with("version"));
    bench.put(Caller::Remover, YANK, &json!({})).await.expect(405);
    bench.delete(Caller::Remover, UNYANK).await.expect(405);
}

#[tokio::test]
async fn yanks_at_the_same_moment_as_publishes_are_all_done() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "a", "1.0.0").await;
    let publishes = async {
        for patch in 1..20 {
            publish(&bench, "a", &format!("1.0.{patch}")).await;
        }
    };
    let yanks = async {
        for _ in 0..20 {
            bench.delete(Caller::Remover, YANK).await.expect(200);
            bench.put(Caller::Remover, UNYANK, &json!({})).await.expect(200);
        }
    };
    futures::join!(publishes, yanks);
    assert_eq!(lines(&bench, "1/a").await.len(), 20);
}

#[test]
fn a_package_that_was_changed_is_a_conflict() {
    assert_eq!(super::CARGO.refuse(&Problem::Changed("x".into())).status(), 409);
}
