//! How a server ends: politely, at a deadline, and when it is simply dropped.

use std::{sync::Arc, time::Duration};

use poem::{Route, endpoint::make, endpoint::make_sync};
use proget_server::http::{Drained, Listeners, Timeouts};
use tokio::{net::TcpStream, sync::Notify, time::Instant};

use crate::kit::{DEADLINE, SHORT, Setup, Witness};

fn routes(witness: &Witness, release: &Arc<Notify>) -> Route {
    let (witness, release) = (witness.clone(), Arc::clone(release));
    let work = make(move |_| {
        let (present, release) = (witness.enter(), Arc::clone(&release));
        async move {
            release.notified().await;
            present.finish();
            "done"
        }
    });
    Route::new().at("/work", work).at("/hello", make_sync(|_| "hello"))
}

async fn until_refused(address: std::net::SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(start.elapsed() < DEADLINE, "still accepts connections");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_graceful_shutdown_finishes_what_is_in_flight_and_closes_the_rest() {
    let (witness, release) = (Witness::default(), Arc::new(Notify::new()));
    let timeouts = Timeouts { first_byte: DEADLINE * 2, idle: DEADLINE * 2, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(routes(&witness, &release)).await;
    let address = server.address;
    let mut idle = server.connect().await;
    idle.get("/hello").await;
    assert_eq!(idle.answer().await.header("connection"), None);
    let mut silent = server.connect().await;
    let mut working = server.connect().await;
    working.get("/work").await;
    witness.until_entered(1).await;

    server.shutdown.cancel();
    assert_eq!(idle.closed().await, "");
    assert_eq!(silent.closed().await, "");
    until_refused(address).await;
    assert!(!witness.finished());
    release.notify_one();
    let answer = working.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(answer.body, b"done");
    assert_eq!(working.closed().await, "");
    assert_eq!(server.shut_down().await, Drained { cut: 0 });
}

#[tokio::test]
async fn an_http2_request_in_flight_is_finished_too() {
    let (witness, release) = (Witness::default(), Arc::new(Notify::new()));
    let server = Setup::default().serve(routes(&witness, &release)).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let working = tokio::spawn(client.get(server.url("/work")).send());
    witness.until_entered(1).await;
    server.shutdown.cancel();
    until_refused(server.address).await;
    release.notify_one();
    assert_eq!(working.await.unwrap().unwrap().text().await.unwrap(), "done");
    assert_eq!(server.shut_down().await, Drained { cut: 0 });
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_deadline() {
    let (witness, release) = (Witness::default(), Arc::new(Notify::new()));
    let timeouts = Timeouts { drain: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(routes(&witness, &release)).await;
    let mut h1 = server.connect().await;
    h1.get("/work").await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let h2 = tokio::spawn(client.get(server.url("/work")).send());
    witness.until_entered(2).await;
    let start = Instant::now();
    assert_eq!(server.shut_down().await, Drained { cut: 2 });
    assert!(start.elapsed() >= SHORT);
    assert_eq!(h1.closed().await, "");
    assert!(h2.await.unwrap().is_err());
    witness.until_gone().await;
    assert!(!witness.finished());
}

#[tokio::test]
async fn dropping_the_serving_future_ends_everything_and_frees_the_port() {
    let (witness, release) = (Witness::default(), Arc::new(Notify::new()));
    let server = Setup::default().serve(routes(&witness, &release)).await;
    let address = server.address;
    let mut client = server.connect().await;
    client.get("/work").await;
    witness.until_entered(1).await;
    server.drop_serving().await;
    witness.until_gone().await;
    assert_eq!(client.closed().await, "");
    until_refused(address).await;
    assert!(!witness.finished());
    Listeners::bind(&[address.into()]).await.expect("the port is still taken");
}
