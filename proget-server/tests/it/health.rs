//! Health answers tell balancers, ProGet's client and people what they need, and strangers no more.

use super::kit::{Caller, eventually};
use proget_server::accounts::{FirstAdministrator, FirstPassword, KeyText};
use proget_server::proget_core::SystemClock;
use proget_server::proget_core::memory::faulty::{FaultyCatalog, FaultyStore};
use proget_server::proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_server::{MetricsAccess, Server, TestServer};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

struct Faulty {
    catalog: Arc<FaultyCatalog>,
    store: Arc<FaultyStore>,
    caller: Caller,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<proget_server::http::Drained>,
}

async fn faulty() -> Faulty {
    let catalog = Arc::new(FaultyCatalog::new(Arc::new(MemoryCatalog::new(Arc::new(SystemClock)))));
    let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())));
    let key = KeyText::random().unwrap();
    let server = Server::builder()
        .catalog(catalog.clone())
        .packages(store.clone(), Arc::new(MemoryStaging::new()))
        .administrator(FirstAdministrator { password: FirstPassword::Absent, api_key: Some(key.clone()) })
        .feed("internal", "npm")
        .grace(Duration::from_secs(60))
        .listen("127.0.0.1:0")
        .build()
        .await
        .unwrap();
    let listening = server.listen().await.unwrap();
    let caller = Caller::at(listening.url(), Some(key.reveal()));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listening.serve(stop.clone()));
    Faulty { catalog, store, caller, stop, serving }
}

#[tokio::test]
async fn a_well_server_says_so_in_the_words_of_progets_client() {
    let server = TestServer::start().await.unwrap();
    let nobody = Caller::nobody(&server);
    for path in ["/health", "/health?format=json", "/health/json"] {
        let answer = nobody.get(path).await.expect(200);
        let document = answer.json();
        assert_eq!(document["applicationName"], "ProGet");
        for status in ["databaseStatus", "licenseStatus", "serviceStatus", "storeStatus"] {
            assert_eq!(document[status], "OK", "{document}");
        }
        for text in ["versionNumber", "releaseNumber"] {
            assert!(document[text].is_string(), "{document}");
        }
        assert_eq!(answer.header("x-proget-version"), document["versionNumber"].as_str().unwrap());
    }
    for path in ["/health?format=text", "/health/live", "/health/ready"] {
        let answer = nobody.get(path).await.expect(200);
        assert_eq!(
            (answer.text().as_str(), answer.header("content-type")),
            ("OK", "text/plain; charset=utf-8")
        );
    }
    let text = nobody.request(reqwest::Method::GET, "/health").header("accept", "text/plain");
    assert_eq!(super::kit::Answer::of(text).await.text(), "OK");
}

#[tokio::test]
async fn a_database_or_store_that_is_away_makes_unready_and_comes_back_by_itself() {
    let house = faulty().await;
    house.caller.get("/health/ready").await.expect(200);
    house.catalog.go_away();
    let ready = |status| {
        let caller = house.caller.clone();
        move || {
            let caller = caller.clone();
            async move { caller.get("/health/ready").await.status == status }
        }
    };
    eventually("unready without database", ready(503)).await;
    house.caller.get("/health/live").await.expect(200);
    let document = house.caller.get("/health").await.expect(500).json();
    assert_eq!((&document["databaseStatus"], &document["storeStatus"]), (&"Error".into(), &"OK".into()));
    assert_eq!(document["databaseStatusDetails"], "the database cannot be reached");
    let busy = house.caller.get("/npm/internal/left-pad").await.expect(503);
    assert!(busy.headers.contains_key("retry-after"));
    house.catalog.come_back();
    eventually("ready again", ready(200)).await;
    house.store.go_away();
    eventually("unready without store", ready(503)).await;
    assert_eq!(house.caller.get("/health").await.expect(500).json()["storeStatus"], "Error");
    house.store.come_back();
    eventually("ready once more", ready(200)).await;
    house.serving.abort();
}

#[tokio::test]
async fn a_stopping_server_is_unready_first_and_takes_requests_during_its_grace() {
    let house = faulty().await;
    house.stop.cancel();
    eventually("unready while stopping", || async { house.caller.get("/health/ready").await.status == 503 })
        .await;
    house.caller.get("/health/live").await.expect(200);
    house.caller.get("/api/packages/internal").await.expect(200);
    assert!(!house.serving.is_finished());
    house.serving.abort();
}

#[tokio::test]
async fn figures_are_for_administrators_unless_everybody_is_let_in() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let feed = server.registry().feed("internal").await.unwrap();
    let key = server.feed_key(&feed, proget_core::access::Permissions::ALL).await.unwrap();
    Caller::nobody(&server).get("/metrics").await.expect(401);
    Caller::with_key(&server, key).get("/metrics").await.expect(403);
    Caller::admin(&server).get("/npm/internal/left-pad").await.expect(404);
    let figures = Caller::admin(&server).get("/metrics").await.expect(200).text();
    assert!(figures.contains("http_requests_total{feed_type=\"npm\",outcome=\"refused\"}"), "{figures}");
    for figure in
        ["catalog_calls_total{call=\"commit\",outcome=\"ok\"}", "catalog_call_seconds_bucket{call=\"feed\""]
    {
        assert!(figures.contains(figure), "{figure} is missing in {figures}");
    }
    let open = TestServer::start_with(|builder| builder.metrics(MetricsAccess::Everybody)).await.unwrap();
    Caller::nobody(&open).get("/metrics").await.expect(200);
}
