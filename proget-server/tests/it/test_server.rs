//! The throw-away registry keeps what it promises.

use super::kit::{Caller, client, package};
use proget_server::TestServer;
use std::time::Instant;

#[tokio::test]
async fn it_is_ready_when_start_returns_and_quick_about_it() {
    let mut quickest = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let server = TestServer::start().await.unwrap();
        let took = begun.elapsed().as_secs_f64();
        Caller::nobody(&server).get("/health/ready").await.expect(200);
        quickest = quickest.min(took);
    }
    println!("ready after {:.1} ms", quickest * 1000.0);
    // The promise is 50 ms on an idle machine; this one may be busy with other tests.
    assert!(quickest < 0.5, "it took {quickest} s");
}

#[tokio::test]
async fn two_in_one_process_know_nothing_of_each_other_and_leave_nothing_behind() {
    let (one, other) = (TestServer::start().await.unwrap(), TestServer::start().await.unwrap());
    one.create_feed("internal", "npm").await.unwrap();
    Caller::admin(&one).upload("internal", package("left-pad", "1.3.0")).await.expect(200);
    Caller::admin(&other).get("/api/packages/internal").await.expect(404);
    Caller::with_key(&other, one.admin_key()).get("/api/packages/internal").await.expect(401);
    let (folder, url) = (one.folder().to_owned(), one.url().to_owned());
    assert!(folder.join("proget.db").exists());
    drop(one);
    assert!(!folder.exists());
    super::kit::eventually("the port is free", || async {
        client().get(format!("{url}/health/live")).send().await.is_err()
    })
    .await;
    Caller::nobody(&other).get("/health/ready").await.expect(200);
    let folder = other.folder().to_owned();
    other.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let server = TestServer::start_with(|builder| builder.feed("internal", "npm")).await.unwrap();
    let bytes = package("@acme/widget", "2.0.0-rc.1");
    let admin = Caller::admin(&server);
    admin.upload("internal", bytes.clone()).await.expect(200);
    let wanted = "/api/packages/internal/download?purl=pkg:npm/%40acme/widget@2.0.0-rc.1";
    admin.get(wanted).await.expect(200);
    let before = admin.get("/api/packages/internal/versions?name=widget&group=acme").await.json();
    assert_eq!(before[0]["downloads"], 1, "counted in memory");
    let index = admin.get("/npm/internal/@acme%2fwidget").await.expect(200);

    let server = server.restart().await.unwrap();
    let admin = Caller::admin(&server);
    assert_eq!(admin.get(wanted).await.expect(200).body, bytes);
    let after = admin.get("/api/packages/internal/versions?name=widget&group=acme").await.json();
    assert_eq!(after[0]["downloads"], 2, "the last counts were written when the server stopped");
    assert_eq!(after[0]["sha512"], before[0]["sha512"]);
    assert_eq!(after[0]["published"], before[0]["published"]);
    let again = admin.get("/npm/internal/@acme%2fwidget").await.expect(200);
    // Addresses in it begin with the new port, and nothing else has changed.
    let moved = |text: String, port: &str| text.replace(port, "PORT");
    let port = |answer: &str| answer.split("127.0.0.1:").nth(1).unwrap()[..5].to_owned();
    assert_eq!(moved(again.text(), &port(&again.text())), moved(index.text(), &port(&index.text())));
}
