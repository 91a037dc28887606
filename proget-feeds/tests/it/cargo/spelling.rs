//! One crate, one spelling.

use super::sample::{document, krate, lines, publish, send, shown};
use crate::bench::{Bench, Caller};
use proget_core::access::Permission;
use proget_core::package::Offer;
use proget_core::registry::Removal;
use proget_core::{FeedFormat as _, Problem};
use proget_feeds::cargo::CARGO;

#[tokio::test]
async fn a_crate_keeps_the_spelling_of_its_first_publish() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "foo_bar", "1.0.0").await;
    for other in ["foo-bar", "Foo_bar"] {
        for version in ["1.0.0", "1.1.0"] {
            let answer = send(&bench, Caller::Admin, &document(other, version), &krate(other, version)).await;
            let text = shown(&answer.expect(400));
            assert!(text.contains(other) && text.contains("known here as 'foo_bar'"), "{text}");
        }
    }
    publish(&bench, "foo_bar", "1.1.0").await;
    assert_eq!(lines(&bench, "fo/o_/foo_bar").await.len(), 2);
    assert_eq!(bench.staging.waiting(), 0, "an upload was left behind");
}

#[tokio::test]
async fn the_spelling_holds_for_uploads_without_a_document_too() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "foo_bar", "1.0.0").await;
    let door = bench.door(Caller::Admin).await;
    let artifact = proget_core::Artifact::in_memory(krate("foo-bar", "1.1.0"), CARGO.digests());
    let outcome =
        door.publish(door.admit(Permission::Add).unwrap(), &CARGO, artifact, Offer::default()).await;
    assert!(matches!(outcome, Err(Problem::Refused(_))), "{outcome:?}");
}

#[tokio::test]
async fn of_first_publishes_at_once_one_decides_the_spelling() {
    for _ in 0..20 {
        let bench = Bench::new(super::CARGO).await;
        let sends = ["foo_bar", "foo-bar", "Foo-Bar", "FOO_BAR"].map(|name| {
            let bench = &bench;
            async move {
                send(bench, Caller::Publisher, &document(name, "1.0.0"), &krate(name, "1.0.0")).await.status
            }
        });
        let statuses = futures::future::join_all(sends).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
}

#[tokio::test]
async fn a_crate_that_was_removed_may_come_back_under_another_spelling() {
    let bench = Bench::new(super::CARGO).await;
    publish(&bench, "foo_bar", "1.0.0").await;
    let (door, name) = (bench.door(Caller::Admin).await, CARGO.name("foo_bar").unwrap());
    let admission = door.admit(Permission::Delete).unwrap();
    door.remove(&admission, name.key(), None, Removal::Package).await.unwrap();
    publish(&bench, "foo-bar", "1.0.0").await;
    assert_eq!(lines(&bench, "fo/o-/foo-bar").await[0]["name"], "foo-bar");
    bench.get(Caller::Reader, "fo/o_/foo_bar").await.expect(404);
}
