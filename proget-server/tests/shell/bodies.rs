//! Bodies that are too large, stall, crawl or are never looked at.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use poem::{EndpointExt, Request, Response, Route, endpoint::make, http::StatusCode};
use proget_server::http::{BodyLimit, Limits, PROBLEM_JSON, Timeouts};
use tokio::{io::AsyncWriteExt, sync::Notify};

use crate::kit::{Raw, SHORT, Server, Setup};

const LIMIT: u64 = 100_000;

/// Reads the whole body and tells its length; a body that breaks is a clumsy 500.
async fn measure(mut request: Request) -> poem::Result<String> {
    let body = request.take_body().into_bytes().await?;
    Ok(body.len().to_string())
}

/// The same in the dialect of some client, which has its own words for what is too large.
async fn dialect(mut request: Request) -> Response {
    use futures::TryStreamExt;
    let stream = request.take_body().into_bytes_stream();
    let read: Result<u64, io::Error> =
        stream.try_fold(0, |sum, chunk| async move { Ok(sum + chunk.len() as u64) }).await;
    match read {
        Ok(length) => length.to_string().into(),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, r#"{"error":"too big"}"#).into()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into(),
    }
}

async fn server_with(timeouts: Timeouts, limits: Limits) -> Server {
    let routes = Route::new()
        .at("/measure", make(measure))
        .at("/dialect", make(dialect))
        .at("/raised", make(measure).with(BodyLimit(LIMIT * 20)))
        .at("/deaf", make(|_| async { "I did not listen" }));
    Setup { timeouts, limits, ..Setup::default() }.serve(routes).await
}

async fn server() -> Server {
    server_with(Timeouts::default(), Limits { body: LIMIT, ..Limits::default() }).await
}

fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n\r\n")
}

#[tokio::test]
async fn a_body_within_the_limit_passes_declared_or_chunked() {
    let server = server().await;
    let mut client = server.connect().await;
    let body = vec![b'x'; LIMIT as usize];
    client.send(post("/measure", &format!("content-length: {LIMIT}"))).await;
    client.send(&body).await;
    assert_eq!(client.answer().await.body, b"100000");
    client.send(post("/measure", "transfer-encoding: chunked")).await;
    client.send(format!("{LIMIT:x}\r\n")).await;
    client.send(&body).await;
    client.send("\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, b"100000");
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_a_byte_of_it_came() {
    let server = server().await;
    let mut client = server.connect().await;
    client.send(post("/measure", &format!("content-length: {}\r\nexpect: 100-continue", LIMIT + 1))).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("content-type"), Some(PROBLEM_JSON));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.json()["status"], 413);
    assert!(answer.json()["detail"].as_str().unwrap().contains("100000"));
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_while_it_comes() {
    let server = server().await;
    let mut client = server.connect().await;
    client.send(post("/measure", "transfer-encoding: chunked")).await;
    for _ in 0..=10 {
        client.send(format!("{:x}\r\n{}\r\n", LIMIT / 10, "x".repeat(LIMIT as usize / 10))).await;
    }
    let answer = client.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("content-type"), Some(PROBLEM_JSON));
}

#[tokio::test]
async fn a_handler_never_sees_more_than_the_limit() {
    use futures::TryStreamExt;
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let count = make(move |mut request: Request| {
        let counter = Arc::clone(&counter);
        async move {
            let mut stream = std::pin::pin!(request.take_body().into_bytes_stream());
            while let Some(chunk) = stream.try_next().await.map_err(poem::error::BadRequest)? {
                counter.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
            Ok::<_, poem::Error>("all")
        }
    });
    let limits = Limits { body: LIMIT, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.serve(Route::new().at("/count", count)).await;
    let mut client = server.connect().await;
    client.send(post("/count", "transfer-encoding: chunked")).await;
    client.send(format!("{:x}\r\n", LIMIT * 2)).await;
    client.send(vec![b'x'; LIMIT as usize * 2]).await;
    assert_eq!(client.answer().await.status, 413);
    let seen = seen.load(Ordering::SeqCst);
    assert!(0 < seen && seen <= LIMIT, "{seen} bytes were let through");
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_still_reads_the_refusal() {
    let server = server().await;
    for headers in ["content-length: 3000000", "transfer-encoding: chunked"] {
        let mut client = server.connect().await;
        client.send(post("/measure", headers)).await;
        if headers.starts_with("transfer") {
            client.send("2dc6c0\r\n").await;
        }
        // Must not end in a reset: each piece is taken although nobody wants it. The pauses let
        // the server refuse and close while the client still has much to say.
        for _ in 0..30 {
            client.socket.write_all(&[b'x'; 100_000]).await.expect("the connection was reset");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(client.answer().await.status, 413, "{headers}");
    }
}

#[tokio::test]
async fn a_route_may_raise_its_limit() {
    let server = server().await;
    let client = reqwest::Client::new();
    let send = |path: &str, length: u64| {
        let url = server.url(path);
        let client = client.clone();
        async move { client.post(url).body(vec![0u8; length as usize]).send().await.unwrap() }
    };
    assert_eq!(send("/raised", LIMIT * 20).await.text().await.unwrap(), "2000000");
    assert_eq!(send("/raised", LIMIT * 20 + 1).await.status(), 413);
    assert_eq!(send("/measure", LIMIT + 1).await.status(), 413);
}

#[tokio::test]
async fn a_handler_that_says_413_in_its_clients_dialect_keeps_its_words() {
    let server = server().await;
    let mut client = server.connect().await;
    client.send(post("/dialect", "content-length: 100001")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("too big")));
}

#[tokio::test]
async fn a_handler_that_does_not_look_at_the_body_answers_as_it_likes() {
    let server = server().await;
    let mut client = server.connect().await;
    client.send(post("/deaf", "content-length: 9000000000")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(answer.body, b"I did not listen");
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_408_and_closed() {
    let server = server_with(Timeouts { body_chunk: SHORT, ..Timeouts::default() }, Limits::default()).await;
    for headers in ["content-length: 10", "transfer-encoding: chunked"] {
        let mut client = server.connect().await;
        client.send(post("/measure", headers)).await;
        client.send("5\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")), "{headers}");
        assert_eq!(answer.header("content-type"), Some(PROBLEM_JSON));
        client.closed().await;
    }
}

#[tokio::test]
async fn a_body_that_crawls_is_answered_408() {
    let timeouts = Timeouts { body_chunk: SHORT, ..Timeouts::default() };
    let limits = Limits { body_rate: 1 << 20, ..Limits::default() };
    let server = server_with(timeouts, limits).await;
    let mut client = server.connect().await;
    client.send(post("/measure", "content-length: 100000")).await;
    let (reading, mut writing) = tokio::io::split(client.socket);
    // Never still for as long as the limit, and never fast enough.
    let crawl = tokio::spawn(async move {
        while writing.write_all(b"xx").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let answer = Raw::new(reading).answer().await;
    crawl.abort();
    assert_eq!(answer.status, 408);
    let text = answer.json()["detail"].to_string();
    assert!(text.contains("1048576 bytes per second"), "{text}");
}

#[tokio::test]
async fn a_slow_handler_does_not_count_against_the_client() {
    let routes = Route::new().at(
        "/slow",
        make(|request: Request| async {
            tokio::time::sleep(SHORT * 3).await;
            measure(request).await
        }),
    );
    let timeouts = Timeouts { body_chunk: SHORT, ..Timeouts::default() };
    let limits = Limits { body_rate: 1 << 20, ..Limits::default() };
    let server = Setup { timeouts, limits, ..Setup::default() }.serve(routes).await;
    let mut client = server.connect().await;
    client.send(post("/slow", "content-length: 4")).await;
    client.send("late").await;
    assert_eq!(client.answer().await.body, b"4");
}

#[tokio::test]
async fn nothing_is_asked_for_before_the_handler_reads() {
    let reading = Arc::new(Notify::new());
    let routes = {
        let reading = Arc::clone(&reading);
        Route::new()
            .at(
                "/later",
                make(move |request: Request| {
                    let reading = Arc::clone(&reading);
                    async move {
                        reading.notified().await;
                        measure(request).await
                    }
                }),
            )
            .at("/refused", make(|_| async { StatusCode::UNAUTHORIZED }))
    };
    let server = Setup::default().serve(routes).await;
    let mut client = server.connect().await;
    client.send(post("/later", "content-length: 4\r\nexpect: 100-continue")).await;
    assert!(client.is_quiet().await);
    reading.notify_one();
    assert_eq!(client.head().await.status, 100);
    client.send("data").await;
    assert_eq!(client.answer().await.body, b"4");

    client.send(post("/refused", "content-length: 4\r\nexpect: 100-continue")).await;
    assert_eq!(client.head().await.status, 401);
}

#[tokio::test]
async fn the_limits_hold_on_http2() {
    let server = server().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let declared = client.post(server.url("/measure")).body(vec![0u8; LIMIT as usize + 1]).send();
    assert_eq!(declared.await.unwrap().status(), 413);
    let pieces = futures::stream::iter((0..11).map(|_| Ok::<_, io::Error>(vec![0u8; LIMIT as usize / 10])));
    let streamed = client.post(server.url("/measure")).body(reqwest::Body::wrap_stream(pieces)).send();
    assert_eq!(streamed.await.unwrap().status(), 413);
    let fine = client.post(server.url("/measure")).body(vec![0u8; LIMIT as usize]).send();
    assert_eq!(fine.await.unwrap().text().await.unwrap(), "100000");
}
