//! Links in documents begin with what the client calls us: below another application's path, and
//! below a proxy's.

use super::kit::{Answer, Caller, client, package};
use poem::endpoint::make_sync;
use poem::listener::TcpAcceptor;
use poem::{EndpointExt as _, Route};
use proget_server::accounts::{FirstAdministrator, FirstPassword, KeyText};
use proget_server::http::Addressing;
use proget_server::proget_core::SystemClock;
use proget_server::proget_core::memory::{MemoryCatalog, MemoryStaging, MemoryStore};
use proget_server::{Server, TestServer};
use std::sync::Arc;

#[tokio::test]
async fn nested_in_another_poem_application_everything_is_below_its_path() {
    let key = KeyText::random().unwrap();
    let administrator = FirstAdministrator { password: FirstPassword::Absent, api_key: Some(key.clone()) };
    let packages = Server::builder()
        .catalog(Arc::new(MemoryCatalog::new(Arc::new(SystemClock))))
        .packages(Arc::new(MemoryStore::new()), Arc::new(MemoryStaging::new()))
        .administrator(administrator)
        .feed("internal", "npm")
        .build()
        .await
        .unwrap()
        .endpoint();
    let app = Route::new().at("/", make_sync(|_| "hello")).nest("/deep/packages", packages.boxed());
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let serving = poem::Server::new_with_acceptor(TcpAcceptor::from_std(socket).unwrap()).run(app);
    let serving = tokio::spawn(serving);

    assert_eq!(client().get(&origin).send().await.unwrap().text().await.unwrap(), "hello");
    let admin = Caller::at(format!("{origin}/deep/packages"), Some(key.reveal()));
    admin.get("/health").await.expect(200);
    let bytes = package("@acme/widget", "1.0.0");
    admin.upload("internal", bytes.clone()).await.expect(200);
    let feed = admin.get("/api/management/feeds/get/internal").await.json();
    assert_eq!(feed["endpointUrl"], format!("{origin}/deep/packages/npm/internal/"));
    for path in ["/npm/internal/@acme%2fwidget", "/npm/internal/@acme/widget"] {
        let index = admin.get(path).await.expect(200).json();
        let tarball = index["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
        let below =
            tarball.strip_prefix(&format!("{origin}/deep/packages")).unwrap_or_else(|| panic!("{tarball}"));
        assert_eq!(admin.get(below).await.expect(200).body, bytes);
    }
    serving.abort();
}

#[tokio::test]
async fn a_public_url_with_a_path_is_the_base_of_all_links_whether_the_proxy_passes_the_path_on_or_not() {
    let addressing = || Addressing {
        public_url: Some("https://example.test/packages".parse().unwrap()),
        ..Addressing::default()
    };
    let server =
        TestServer::start_with(move |builder| builder.feed("internal", "npm").addressing(addressing()));
    let server = server.await.unwrap();
    let admin = Caller::admin(&server);
    admin.upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    for path in ["/npm/internal/left-pad", "/packages/npm/internal/left-pad"] {
        let index = admin.get(path).await.expect(200).json();
        let tarball = index["versions"]["1.3.0"]["dist"]["tarball"].as_str().unwrap();
        assert!(tarball.starts_with("https://example.test/packages/npm/internal/left-pad/-/"), "{tarball}");
    }
}

#[tokio::test]
async fn an_address_that_is_nothing_and_a_feed_of_another_kind_are_told_apart_from_nothing() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let admin = Caller::admin(&server);
    for path in [
        "/",
        "/nothing",
        "/api",
        "/api/packages",
        "/npm",
        "/npm/",
        "/npm/nofeed/x",
        "/pypi/internal/",
        "/npm/%ff/x",
    ] {
        admin.get(path).await.expect(404);
    }
    let answer = Answer::of(admin.request(reqwest::Method::POST, "/health")).await;
    assert!(answer.status < 500, "{answer:?}");
}
