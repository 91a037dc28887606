//! How a server ends: politely, at a deadline, and when it is simply dropped.

use std::{sync::Arc, time::Duration};

use poem::{Route, endpoint::make, endpoint::make_sync};
use proget_server::http::{Addressing, Drained, Limits, Listeners, Shell, Timeouts, serve};
use tokio::{net::TcpStream, sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::kit::{DEADLINE, Raw, SHORT, Setup, Witness};

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
async fn who_has_connected_just_before_a_shutdown_is_still_answered() {
    let (witness, release) = (Witness::default(), Arc::new(Notify::new()));
    for round in 0..50 {
        let server = Setup::default().serve(routes(&witness, &release)).await;
        // Blocking, so that nothing else runs in between: connected as far as the kernel has told the
        // client, and the server has not looked yet.
        let socket = std::net::TcpStream::connect(server.address).unwrap();
        server.shutdown.cancel();
        socket.set_nonblocking(true).unwrap();
        let mut client = Raw::new(TcpStream::from_std(socket).unwrap());
        if round % 2 == 0 {
            // The server looks, and waits for what is still on its way.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        client.get("/hello").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert_eq!(client.closed().await, "");
        assert_eq!(server.shut_down().await, Drained { cut: 0 });
    }
}

#[tokio::test]
async fn after_a_departure_is_announced_answers_close_their_connections() {
    let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
    let (address, departure) = (listeners.addresses()[0], listeners.departure());
    let (limits, timeouts, stop) = (Limits::default(), Timeouts::default(), CancellationToken::new());
    let routes = Route::new().at("/hello", make_sync(|_| "hello"));
    let shell = Shell::new(routes, &limits, &timeouts, Addressing::default()).shared();
    let end = stop.clone();
    let serving = tokio::spawn(async move { serve(listeners, shell, None, &limits, &timeouts, end).await });
    let mut client = Raw::new(TcpStream::connect(address).await.unwrap());
    client.get("/hello").await;
    assert_eq!(client.answer().await.header("connection"), None);
    departure.announce();
    client.get("/hello").await;
    assert_eq!(client.answer().await.header("connection"), Some("close"));
    assert_eq!(client.closed().await, "");
    // It has not left yet: whoever comes is served.
    let mut late = Raw::new(TcpStream::connect(address).await.unwrap());
    late.get("/hello").await;
    assert_eq!(late.answer().await.status, 200);
    stop.cancel();
    assert_eq!(serving.await.unwrap(), Drained { cut: 0 });
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
