//! Connections that say nothing, too little, too much, or are too many; and clients that leave.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use poem::{Body, Request, Response, Route, endpoint::make, endpoint::make_sync};
use proget_server::http::{Limits, Timeouts};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::kit::{DEADLINE, SHORT, Setup, Witness};

fn hello() -> Route {
    Route::new().at("/hello", make_sync(|_| "hello"))
}

/// A route that never answers and says whether it is still there.
fn endless(witness: &Witness) -> Route {
    let witness = witness.clone();
    hello().at(
        "/endless",
        make(move |_| {
            let present = witness.enter();
            async move {
                std::future::pending::<()>().await;
                present.finish();
            }
        }),
    )
}

#[tokio::test]
async fn a_handler_is_dropped_when_its_client_leaves() {
    let witness = Witness::default();
    let server = Setup::default().serve(endless(&witness)).await;
    let mut client = server.connect().await;
    client.get("/endless").await;
    witness.until_entered(1).await;
    drop(client);
    witness.until_gone().await;
    assert!(!witness.finished());
}

#[tokio::test]
async fn a_handler_is_dropped_when_its_http2_stream_is_reset_or_its_connection_ends() {
    for _ in ["reset", "end"] {
        let witness = Witness::default();
        let server = Setup::default().serve(endless(&witness)).await;
        let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
        // One request that succeeds keeps the connection open when the other is given up.
        assert_eq!(client.get(server.url("/hello")).send().await.unwrap().status(), 200);
        let request = tokio::spawn(client.get(server.url("/endless")).send());
        witness.until_entered(1).await;
        request.abort();
        witness.until_gone().await;
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let timeouts = Timeouts { first_byte: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(hello()).await;
    let start = Instant::now();
    assert_eq!(server.connect().await.closed().await, "");
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_half_sent_head_is_closed_however_it_trickles() {
    let timeouts = Timeouts { header: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(hello()).await;
    // The second is half of HTTP/2's preface: the protocol is not even known yet.
    for half in ["GET /hello HTTP/1.1\r\nhost: test\r\n", "PRI * HT"] {
        let mut client = server.connect().await;
        client.send(half).await;
        let closed = client.closed().await;
        assert!(!closed.contains("200 OK"), "{closed}");
    }

    let client = server.connect().await;
    let (mut reading, mut writing) = tokio::io::split(client.socket);
    let trickle = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let head = format!("GET /hello HTTP/1.1\r\nx-endless: {}", "a".repeat(100_000));
        for byte in head.as_bytes() {
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    let mut received = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut received);
    let _ = tokio::time::timeout(DEADLINE, ended).await.expect("a trickling head keeps its connection");
    trickle.abort();
}

#[tokio::test]
async fn a_kept_alive_connection_is_closed_when_idle_and_sooner_with_half_a_head() {
    let timeouts = Timeouts { idle: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(hello()).await;
    let mut client = server.connect().await;
    client.get("/hello").await;
    assert_eq!(client.answer().await.body, b"hello");
    let start = Instant::now();
    assert_eq!(client.closed().await, "");
    assert!(start.elapsed() >= SHORT / 2, "closed while it was not idle for long");

    let timeouts = Timeouts { header: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(hello()).await;
    let mut client = server.connect().await;
    client.get("/hello").await;
    assert_eq!(client.answer().await.body, b"hello");
    client.send("GET /he").await;
    client.closed().await;
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed_although_it_answers_pings() {
    let timeouts = Timeouts { idle: SHORT * 2, ping: SHORT / 4, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(hello()).await;
    let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(socket);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = poem::http::Request::get(server.url("/hello")).body(String::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    let start = Instant::now();
    let _ = tokio::time::timeout(DEADLINE, connection).await.expect("it stays open");
    assert!(start.elapsed() >= SHORT, "pings shortened the limit: {:?}", start.elapsed());
}

#[tokio::test]
async fn an_http2_client_that_no_longer_answers_pings_has_left() {
    let witness = Witness::default();
    let timeouts = Timeouts { ping: SHORT / 4, pong: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(endless(&witness)).await;
    // By hand, because a client library answers pings behind our back: the preface, empty
    // settings, and one request (https://www.rfc-editor.org/rfc/rfc9113#section-4.1).
    let mut fields = vec![0x82, 0x86, 0x04, 8];
    fields.extend_from_slice(b"/endless\x01\x04test");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0, 0, fields.len() as u8, 1, 5, 0, 0, 0, 1]);
    bytes.extend_from_slice(&fields);
    let mut client = server.connect().await;
    client.send(bytes).await;
    witness.until_entered(1).await;
    // The client is there and its socket open, but it does not answer.
    witness.until_gone().await;
}

#[tokio::test]
async fn a_slow_handler_is_not_silence() {
    let timeouts = Timeouts { idle: SHORT, header: SHORT, ..Timeouts::default() };
    let routes = Route::new().at(
        "/slow",
        make(|_| async {
            sleep(SHORT * 4).await;
            "done"
        }),
    );
    let server = Setup { timeouts, ..Setup::default() }.serve(routes).await;
    let mut client = server.connect().await;
    client.get("/slow").await;
    assert_eq!(client.answer().await.body, b"done");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let witness = Witness::default();
    let seen = witness.clone();
    let routes = Route::new().at(
        "/flood",
        make_sync(move |_| {
            let present = seen.enter();
            let chunk = Bytes::from(vec![0u8; 256 << 10]);
            Response::builder().body(Body::from_bytes_stream(futures::stream::repeat_with(move || {
                let _ = &present;
                Ok::<_, std::io::Error>(chunk.clone())
            })))
        }),
    );
    let timeouts = Timeouts { write: SHORT, ..Timeouts::default() };
    let server = Setup { timeouts, ..Setup::default() }.serve(routes).await;
    let mut client = server.connect().await;
    client.get("/flood").await;
    assert_eq!(client.head().await.status, 200);
    witness.until_gone().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_one_ends() {
    let witness = Witness::default();
    let release = Arc::new(Notify::new());
    let routes = {
        let (witness, release) = (witness.clone(), Arc::clone(&release));
        Route::new().at(
            "/wait",
            make(move |_| {
                let (present, release) = (witness.enter(), Arc::clone(&release));
                async move {
                    release.notified().await;
                    present.finish();
                    "done"
                }
            }),
        )
    };
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.serve(routes).await;
    let mut first = server.connect().await;
    first.get("/wait").await;
    witness.until_entered(1).await;
    let mut second = server.connect().await;
    second.get("/wait").await;
    assert!(second.is_quiet().await);
    assert_eq!(witness.entered(), 1);

    // The first is told to close although its client would keep it, so that the second gets its turn.
    release.notify_one();
    assert_eq!(first.answer().await.header("connection"), Some("close"));
    witness.until_entered(2).await;
    release.notify_one();
    assert_eq!(second.answer().await.body, b"done");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused_and_not_collected() {
    let limits = Limits { head: 8 << 10, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.serve(hello()).await;
    let mut client = server.connect().await;
    client.send(format!("GET /hello HTTP/1.1\r\nhost: test\r\nx: {}", "a".repeat(9 << 10))).await;
    assert_eq!(client.head().await.status, 431);
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let routes = Route::new().at("/:name", make_sync(|request: Request| request.uri().path().to_owned()));
    let server = Setup::default().serve(routes).await;
    let mut client = server.connect().await;
    client.send("GET /a HTTP/1.1\r\nhost: t\r\n\r\nGET /b HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.answer().await.body, b"/a");
    assert_eq!(client.answer().await.body, b"/b");
}

#[tokio::test]
async fn a_connection_gives_its_slot_back_however_it_ends() {
    let witness = Witness::default();
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.serve(endless(&witness)).await;
    for round in 1..=6 {
        let mut client = server.connect().await;
        client.get("/endless").await;
        witness.until_entered(round).await;
    }
    let mut client = server.connect().await;
    client.get("/hello").await;
    assert_eq!(client.answer().await.status, 200);
}
