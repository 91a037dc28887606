//! While the catalogue cannot be reached: what was certain within the bound can be had, and everything else
//! is "busy", never "not there".

use crate::stand::{Plain, Stand};
use bytes::Bytes;
use proget_core::access::{Permission, Principal};
use proget_core::package::{Download, FileName, FileRef, VersionStatus};
use proget_core::registry::{Annotation, Rendered, StaleView};
use proget_core::{FeedFormat as _, Problem, Registry};
use std::sync::Arc;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

async fn document(registry: &Arc<Registry>, package: &str) -> Result<String, Problem> {
    let feed = registry.feed("internal").await?;
    let admission = registry.admit(&Principal::system(), &feed, Permission::View)?;
    let render = |rows: &proget_core::catalog::PackageRows| {
        let versions: Vec<&str> = rows.versions.iter().map(|row| row.version.as_str()).collect();
        let body = Bytes::from(versions.join(" "));
        Some(Rendered { body, gzip: None, content_type: "text/plain".into() })
    };
    let document = registry.document(&admission, Plain.name(package)?.key(), "names", render).await?;
    Ok(String::from_utf8_lossy(&document.rendered.body).into_owned())
}

async fn file(registry: &Arc<Registry>, package: &str, version: u32) -> Result<u64, Problem> {
    let feed = registry.feed("internal").await?;
    let admission = registry.admit(&Principal::system(), &feed, Permission::View)?;
    let file = FileName::new(format!("{package}-{version}.txt"))?;
    let file = FileRef { package: Plain.name(package)?.key().clone(), file };
    let item = registry.item(&admission, &file).await?;
    Ok(registry.open(&item, None).await?.size)
}

fn view(stand: &Stand) -> StaleView {
    stand.registry.stale(BOUND).expect("this stand remembers")
}

fn is_busy<T: std::fmt::Debug>(outcome: &Result<T, Problem>) -> bool {
    matches!(outcome, Err(Problem::Busy { .. }))
}

#[tokio::test]
async fn what_was_read_can_be_had_while_the_catalogue_is_away_and_nothing_is_said_not_to_exist() {
    let stand = Stand::new().await;
    for text in ["apple 1", "pear 1"] {
        stand.publish(text).await.unwrap();
    }
    assert_eq!(document(&stand.registry, "apple").await.unwrap(), "1");
    let size = file(&stand.registry, "apple", 1).await.unwrap();
    stand.catalog.go_away();
    stand.clock.advance(Duration::from_secs(20));
    assert!(is_busy(&document(&stand.registry, "apple").await), "the usual way asks the catalogue");
    let stale = view(&stand);
    assert_eq!(stale.age(), Duration::ZERO, "nothing was used yet");
    assert_eq!(document(stale.registry(), "apple").await.unwrap(), "1");
    assert_eq!(file(stale.registry(), "apple", 1).await.unwrap(), size);
    assert_eq!(stale.age(), Duration::from_secs(20));
    for nowhere in ["pear", "plum"] {
        assert!(is_busy(&document(view(&stand).registry(), nowhere).await), "{nowhere}");
        assert!(is_busy(&file(view(&stand).registry(), nowhere, 1).await), "{nowhere}");
    }
    let other = view(&stand).registry().feed("other").await;
    assert!(is_busy(&other), "{other:?}");
    stand.clock.advance(BOUND);
    assert!(is_busy(&document(view(&stand).registry(), "apple").await), "longer ago than the bound");
}

#[tokio::test]
async fn a_process_never_shows_what_was_before_its_own_commit() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    assert_eq!(document(&stand.registry, "apple").await.unwrap(), "1");
    stand.publish("apple 2").await.unwrap();
    stand.catalog.go_away();
    assert!(is_busy(&document(view(&stand).registry(), "apple").await));
    stand.catalog.come_back();
    assert_eq!(document(&stand.registry, "apple").await.unwrap(), "1 2");
    stand.catalog.go_away();
    assert_eq!(document(view(&stand).registry(), "apple").await.unwrap(), "1 2");
}

#[tokio::test]
async fn a_blocked_version_stays_blocked_and_a_stale_view_takes_no_publishes() {
    let stand = Stand::new().await;
    stand.publish("apple 1").await.unwrap();
    let admission = stand.registry.admit(&Principal::system(), &stand.feed, Permission::Delete).unwrap();
    let status = VersionStatus { download: Download::Blocked, ..VersionStatus::default() };
    let (name, version) = (Plain.name("apple").unwrap(), Plain.version("1").unwrap());
    let decided = vec![Annotation::Status(version.key().clone(), status)];
    stand.registry.annotate(&admission, name.key(), None, decided).await.unwrap();
    assert!(matches!(file(&stand.registry, "apple", 1).await, Err(Problem::NotFound(_))));
    stand.catalog.go_away();
    let blocked = file(view(&stand).registry(), "apple", 1).await;
    assert!(blocked.is_err(), "{blocked:?}");
    let stale = view(&stand);
    let feed = stale.registry().feed("internal").await.unwrap();
    let publishing = stale.registry().admit(&Principal::system(), &feed, Permission::Add);
    assert!(is_busy(&publishing), "{publishing:?}");
}
