//! Downloads, documents, tags and decisions.

mod small;

use crate::stand::{Plain, Stand, who_may};
use bytes::Bytes;
use proget_core::access::{Permission, Permissions, Principal};
use proget_core::catalog::{Conflict, PageRequest, VersionFilter};
use proget_core::package::{Download, TagName, VersionStatus};
use proget_core::registry::{Annotation, Rendered};
use proget_core::{FeedFormat as _, Problem};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn names(rows: &proget_core::catalog::PackageRows) -> Option<Rendered> {
    let versions: Vec<&str> = rows.versions.iter().map(|row| row.version.as_str()).collect();
    Some(Rendered { body: Bytes::from(versions.join(" ")), gzip: None, content_type: "text/plain".into() })
}

#[tokio::test]
async fn a_document_is_rendered_once_per_state_of_its_package() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::View).unwrap();
    let renders = Arc::new(AtomicU32::new(0));
    let ask = || {
        let renders = renders.clone();
        let counted = move |rows: &proget_core::catalog::PackageRows| {
            renders.fetch_add(1, Ordering::SeqCst);
            names(rows)
        };
        let name = Plain.name("apple").unwrap();
        let (registry, admission) = (stand.registry.clone(), admission.clone());
        async move { registry.document(&admission, name.key(), "names", counted).await }
    };
    assert_eq!(ask().await.unwrap().rendered.body, "1");
    assert_eq!(ask().await.unwrap().rendered.body, "1");
    assert_eq!(renders.load(Ordering::SeqCst), 1);
    stand.publish("pear 1").await.unwrap();
    assert_eq!(ask().await.unwrap().rendered.body, "1");
    assert_eq!(renders.load(Ordering::SeqCst), 1, "another package's publish dropped this one's document");
    stand.publish("apple 2").await.unwrap();
    assert_eq!(ask().await.unwrap().rendered.body, "1 2");
    stand.remove("apple", 1).await.unwrap();
    assert_eq!(ask().await.unwrap().rendered.body, "2");
    stand.remove("apple", 2).await.unwrap();
    assert!(matches!(ask().await, Err(Problem::NotFound(_))));
    // Deleted and published again: the document of before must not pass for the new one.
    stand.publish("apple 1 again").await.unwrap();
    assert_eq!(ask().await.unwrap().rendered.body, "1");
}

#[tokio::test]
async fn a_blocked_version_is_as_if_it_were_not_there_and_an_unlisted_one_can_be_had() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    let name = Plain.name("apple").unwrap();
    let version = Plain.version("1").unwrap();
    let decide = |status: VersionStatus| {
        let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::Delete).unwrap();
        let (registry, name, version) = (stand.registry.clone(), name.clone(), version.clone());
        async move {
            let decision = vec![Annotation::Status(version.key().clone(), status)];
            registry.annotate(&admission, name.key(), None, decision).await.unwrap();
        }
    };
    assert!(stand.download("apple", 1).await.is_ok());
    decide(VersionStatus { download: Download::Blocked, ..VersionStatus::default() }).await;
    assert!(matches!(stand.download("apple", 1).await, Err(Problem::NotFound(_))));
    decide(VersionStatus { listed: false, ..VersionStatus::default() }).await;
    assert!(stand.download("apple", 1).await.is_ok());
}

#[tokio::test]
async fn who_may_publish_may_tag_and_deprecate_but_not_block() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    let adder = who_may(Permissions { add: true, view: true, ..Permissions::default() });
    let admission = stand.registry.admit(&adder, &stand.feed, Permission::Add).unwrap();
    let (name, version) = (Plain.name("apple").unwrap(), Plain.version("1").unwrap().key().clone());
    let tag = TagName::new("beta").unwrap();
    let decisions = vec![
        Annotation::Tag(tag.clone(), version.clone()),
        Annotation::Deprecate(version.clone(), Some("old".into())),
    ];
    stand.registry.annotate(&admission, name.key(), None, decisions).await.unwrap();
    let rows = stand.registry.package(&admission, name.key()).await.unwrap();
    assert!(rows.tags.contains(&(tag, version.clone())));
    assert_eq!(rows.versions[0].status.deprecated.as_deref(), Some("old"));
    let block = vec![Annotation::Status(
        version,
        VersionStatus { download: Download::Blocked, ..Default::default() },
    )];
    let refused = stand.registry.annotate(&admission, name.key(), None, block).await;
    assert!(matches!(refused, Err(Problem::Forbidden(_))));
}

#[tokio::test]
async fn downloads_are_counted_at_once_and_survive_a_flush_that_fails() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    stand.download("apple", 1).await.unwrap();
    stand.download("apple", 1).await.unwrap();
    let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::View).unwrap();
    let rows = stand.registry.package(&admission, Plain.name("apple").unwrap().key()).await.unwrap();
    let files = [rows.versions[0].files[0].id];
    assert_eq!(stand.registry.download_counts(&files).await.unwrap(), [2]);
    stand.catalog.refuse_next(Conflict::Absent);
    assert!(stand.registry.flush_downloads().await.is_err());
    assert_eq!(stand.registry.download_counts(&files).await.unwrap(), [2]);
    stand.registry.flush_downloads().await.unwrap();
    stand.download("apple", 1).await.unwrap();
    assert_eq!(stand.registry.download_counts(&files).await.unwrap(), [3]);
}

#[tokio::test]
async fn a_page_ends_early_when_it_has_become_heavy_and_its_cursor_leads_on() {
    let stand = Stand::new().await;
    let padding = "x".repeat(1 << 20);
    for number in 1..=60 {
        stand.publish(&format!("apple {number} {padding}")).await.unwrap();
    }
    let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::View).unwrap();
    let (filter, mut page) = (VersionFilter::default(), PageRequest::first(1000));
    let (mut pages, mut seen) = (0, Vec::new());
    loop {
        let part = stand.registry.versions(&admission, &filter, &page).await.unwrap();
        pages += 1;
        seen.extend(part.rows.iter().map(|found| found.version.version.as_str().to_owned()));
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(pages, 2, "sixty megabytes came in one page");
    assert_eq!(seen, (1..=60).map(|number: u32| number.to_string()).collect::<Vec<_>>());
}
