//! What is wrong with a server's parts is said at once, and two that are new at once become one.

use proget_server::accounts::{FirstAdministrator, FirstPassword};
use proget_server::http::{Addressing, TlsFiles};
use proget_server::proget_core::SystemClock;
use proget_server::proget_core::access::Secret;
use proget_server::proget_core::catalog::Catalog;
use proget_server::proget_core::memory::faulty::FaultyCatalog;
use proget_server::proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_server::proget_feeds::npm::NpmProtocol;
use proget_server::{Server, ServerBuilder};
use std::sync::Arc;

fn memory() -> Arc<dyn Catalog> {
    Arc::new(MemoryCatalog::new(Arc::new(SystemClock)))
}

fn on(catalog: Arc<dyn Catalog>) -> ServerBuilder {
    Server::builder().catalog(catalog).packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
}

#[tokio::test]
async fn all_complaints_come_at_once_each_with_a_hint() {
    let tls = TlsFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
    let addressing =
        Addressing { public_url: Some("https://example.test/npm".parse().unwrap()), ..Addressing::default() };
    let built = Server::builder()
        .feed_type(Arc::new(NpmProtocol))
        .feed_type(Arc::new(NpmProtocol))
        .feed("in/ternal", "npm")
        .feed("wheels", "pypi")
        .listen("nonsense")
        .tls(tls)
        .addressing(addressing)
        .build()
        .await;
    let error = built.unwrap_err();
    let text = error.to_string();
    for said in [
        "no catalogue",
        "no package store",
        "npm at /npm meets",
        "'in/ternal' cannot name a feed",
        "'pypi'",
        "'nonsense' is not an address",
        "/nowhere/cert.pem",
        "path /npm begins like",
    ] {
        assert!(text.contains(said), "nothing about {said}: {text}");
    }
    assert_eq!(error.0.len(), 8, "{text}");
    assert!(error.0.iter().all(|complaint| !complaint.hint.is_empty()));
}

#[tokio::test]
async fn a_catalogue_that_is_away_is_a_complaint_and_no_panic() {
    let catalog = Arc::new(FaultyCatalog::new(memory()));
    catalog.go_away();
    let error = on(catalog).build().await.unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
}

#[tokio::test]
async fn two_servers_that_are_new_at_once_create_one_administrator_between_them() {
    for _ in 0..5 {
        let catalog = memory();
        let (one, other) = tokio::join!(on(catalog.clone()).build(), on(catalog.clone()).build());
        let (one, other) = (one.unwrap(), other.unwrap());
        let created: Vec<_> = [&one, &other].into_iter().filter_map(Server::new_administrator).collect();
        assert_eq!(created.len(), 1);
        assert!(created[0].password.as_ref().unwrap().reveal().len() >= 20);
        assert_eq!(catalog.users().await.unwrap().len(), 1);
        // Whoever comes later changes nothing.
        let given = FirstPassword::Given(Secret::new("another password"));
        let administrator = FirstAdministrator { password: given, api_key: None };
        let third = on(catalog.clone()).administrator(administrator).build().await.unwrap();
        assert!(third.new_administrator().is_none());
    }
}

#[tokio::test]
async fn a_named_feed_is_made_once_and_another_type_under_its_name_is_a_complaint() {
    let catalog = memory();
    for _ in 0..2 {
        on(catalog.clone()).feed("internal", "npm").build().await.unwrap();
    }
    assert_eq!(catalog.feeds().await.unwrap().len(), 1);
    let weak = FirstAdministrator { password: FirstPassword::Given(Secret::new("short")), api_key: None };
    let error = on(memory()).administrator(weak).build().await.unwrap_err();
    assert!(error.to_string().contains("8 to 1024 bytes"), "{error}");
}
