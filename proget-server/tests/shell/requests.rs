//! What happens to every request: ids, panics, overload, HEAD, addresses, records.

use std::{
    io,
    sync::{Arc, Mutex},
};

use poem::{
    Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Route,
    endpoint::{make, make_sync},
    get, handler,
    listener::{Acceptor, Listener, TcpListener},
};
use proget_server::http::{
    Addressing, ClientAddress, FeedTypeLabel, Limits, Metrics, ProxyDialect, ProxyTrust, PublicUrl,
    RequestId, Shell, Timeouts,
};
use tokio::sync::Notify;

use crate::kit::{Answer, Server, Setup, Witness, eventually};

async fn get_path(server: &Server, path: &str, headers: &str) -> Answer {
    let mut client = server.connect().await;
    client.send(format!("GET {path} HTTP/1.1\r\nhost: own.example\r\n{headers}\r\n")).await;
    client.answer().await
}

#[tokio::test]
async fn a_panic_is_a_500_with_a_reference_and_nobody_else_notices() {
    let routes = Route::new()
        .at("/panic", make(|_| async { if true { panic!("a bug with inner details") } else { "" } }))
        .at("/hello", make_sync(|_| "hello"));
    let server = Setup::default().serve(routes).await;
    let mut client = server.connect().await;
    client.get("/panic").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 500);
    let (detail, id) = (answer.json()["detail"].to_string(), answer.header("x-request-id").unwrap());
    assert!(detail.contains(id) && !detail.contains("inner"), "{detail}");
    client.get("/hello").await;
    assert_eq!(client.answer().await.body, b"hello");

    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let [panic, hello] = ["/panic", "/hello"].map(|path| client.get(server.url(path)).send());
    let (panic, hello) = tokio::join!(panic, hello);
    assert_eq!((panic.unwrap().status().as_u16(), hello.unwrap().status().as_u16()), (500, 200));
}

#[tokio::test]
async fn every_answer_carries_the_id_that_the_handler_saw() {
    let tell = |request: Request| request.data::<RequestId>().map(ToString::to_string).unwrap_or_default();
    let server = Setup::default().serve(Route::new().at("/id", make_sync(tell))).await;
    let answer = get_path(&server, "/id", "x-request-id: build-7\r\n").await;
    assert_eq!((answer.header("x-request-id"), &*answer.body), (Some("build-7"), &b"build-7"[..]));
    let answer = get_path(&server, "/id", "x-request-id: <script>\r\n").await;
    assert_eq!(answer.header("x-request-id").map(str::as_bytes), Some(&*answer.body));
    assert_eq!(answer.body.len(), 32);
    assert_eq!(get_path(&server, "/nowhere", "x-request-id: a\r\n").await.header("x-request-id"), Some("a"));
}

#[tokio::test]
async fn under_overload_requests_are_sent_away_with_a_time_and_probes_are_answered() {
    let witness = Witness::default();
    let release = Arc::new(Notify::new());
    let routes = {
        let (witness, release) = (witness.clone(), Arc::clone(&release));
        let work = make(move |_| {
            let (_present, release) = (witness.enter(), Arc::clone(&release));
            async move {
                release.notified().await;
                "done"
            }
        });
        Route::new().at("/work", work).at("/health/live", make_sync(|_| "alive"))
    };
    let limits = Limits { in_flight: 1, waiting: 0, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.serve(routes).await;
    let mut working = server.connect().await;
    working.get("/work").await;
    witness.until_entered(1).await;

    let answer = get_path(&server, "/work", "").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    assert_eq!(answer.json()["status"], 503);
    assert_eq!(witness.entered(), 1);
    assert_eq!(get_path(&server, "/health/live", "").await.body, b"alive");

    release.notify_one();
    assert_eq!(working.answer().await.body, b"done");
    release.notify_one();
    assert_eq!(get_path(&server, "/work", "").await.body, b"done");
}

#[handler]
fn with_length() -> Response {
    Response::builder().header("content-length", 5).body("hello")
}

/// A body whose length nobody knows beforehand.
fn stream() -> Body {
    Body::from_bytes_stream(futures::stream::iter([Ok::<_, io::Error>("hello")]))
}

#[tokio::test]
async fn head_keeps_the_length_and_sends_no_body() {
    let routes = Route::new()
        .at("/declared", get(with_length))
        .at("/known", make_sync(|_| "hello"))
        .at("/unknown", make_sync(|_| Response::builder().body(stream())));
    let server = Setup::default().serve(routes).await;
    let mut client = server.connect().await;
    for (path, length) in [("/declared", Some("5")), ("/known", Some("5")), ("/unknown", None)] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        let answer = client.head().await;
        assert_eq!((answer.status, answer.header("content-length")), (200, length), "{path}");
    }
    // A body after any of these heads would now be taken for the head of this answer.
    client.get("/known").await;
    assert_eq!(client.answer().await.body, b"hello");

    let h2 = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for path in ["/declared", "/known"] {
        let answer = h2.head(server.url(path)).send().await.unwrap();
        assert_eq!(answer.headers()["content-length"], "5", "{path}");
        assert_eq!(answer.bytes().await.unwrap().len(), 0, "{path}");
    }
}

/// Tells who asked, how he calls us, and which path the routes saw.
fn tell(request: Request) -> String {
    let client = request.data::<ClientAddress>().unwrap();
    let url = request.data::<PublicUrl>().unwrap();
    format!("{client} {url} {} {}", request.uri().path(), request.original_uri().path())
}

const FORWARDED: &str = "x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n\
                         x-forwarded-host: packages.example\r\nx-forwarded-prefix: /p\r\n";

async fn teller(addressing: Addressing) -> Server {
    let setup = Setup { addressing, ..Setup::default() };
    setup.serve(Route::new().at("/npm/*rest", make_sync(tell))).await
}

#[tokio::test]
async fn forwarding_headers_count_only_from_trusted_peers() {
    let strangers = teller(Addressing::default()).await;
    let told = get_path(&strangers, "/npm/f", FORWARDED).await.body;
    assert_eq!(told, b"127.0.0.1 http://own.example /npm/f /npm/f");

    let proxies = ProxyTrust {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        dialect: ProxyDialect::XForwarded,
        ..ProxyTrust::default()
    };
    let behind_proxy = teller(Addressing { proxies, public_url: None }).await;
    let told = get_path(&behind_proxy, "/npm/f", FORWARDED).await.body;
    assert_eq!(told, b"203.0.113.9 https://packages.example/p /npm/f /npm/f");
    let answer = get_path(&behind_proxy, "/npm/f", "x-forwarded-host: a/b\r\n").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_configured_public_url_rules_and_its_path_may_be_left_on() {
    let public_url = Some("https://packages.example/sub".parse().unwrap());
    let server = teller(Addressing { public_url, ..Addressing::default() }).await;
    for path in ["/npm/f/@s%2fp", "/sub/npm/f/@s%2fp"] {
        let told = get_path(&server, path, "").await.body;
        assert_eq!(
            String::from_utf8(told).unwrap(),
            "127.0.0.1 https://packages.example/sub /npm/f/@s%2fp /npm/f/@s%2fp"
        );
    }
}

#[tokio::test]
async fn a_request_that_does_not_say_whom_it_means_is_refused() {
    let server = teller(Addressing::default()).await;
    for host in ["", "host:\r\n", "host: a/b\r\n", "host: a\r\nhost: b\r\n", "host: u@a\r\n"] {
        let mut client = server.connect().await;
        client.send(format!("GET /npm/f HTTP/1.1\r\n{host}\r\n")).await;
        assert_eq!(client.answer().await.status, 400, "{host}");
    }
    let mut client = server.connect().await;
    client.send("GET /npm/f HTTP/1.0\r\n\r\n").await;
    assert!(client.closed().await.contains(&format!("http://{}", server.address)));
}

#[tokio::test]
async fn below_a_path_of_another_application_the_public_url_has_that_path() {
    let shell = Shell::new(
        Route::new().at("/npm/*rest", make_sync(tell)),
        &Limits::default(),
        &Timeouts::default(),
        Addressing::default(),
    );
    let app = Route::new().nest("/registry", shell);
    // Served by Poem's own server, as an embedder's application would be.
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    let serving = tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(app));
    let told = reqwest::get(format!("http://{address}/registry/npm/f")).await.unwrap().text().await.unwrap();
    assert_eq!(told, format!("127.0.0.1 http://{address}/registry /npm/f /registry/npm/f"));
    serving.abort();

    // Called within the process, without any socket.
    let shell = Shell::new(make_sync(tell), &Limits::default(), &Timeouts::default(), Addressing::default());
    let told = shell.get_response(Request::builder().uri_str("/npm/f").finish()).await;
    assert!(told.into_body().into_string().await.unwrap().starts_with("- http://localhost /npm/f"));
}

fn figure(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

#[tokio::test]
async fn requests_are_counted_by_feed_type_and_outcome() {
    let metrics = Metrics::install();
    let witness = Witness::default();
    let seen = witness.clone();
    let pending = make(move |_| {
        let _present = seen.enter();
        std::future::pending::<()>()
    });
    let routes = Route::new()
        .at("/ok", make_sync(|_| "ok").with(FeedTypeLabel("shelltest")))
        .at("/stream", make_sync(|_| Response::builder().body(stream())).with(FeedTypeLabel("shelltest")))
        .at(
            "/bad",
            make_sync(|_| poem::http::StatusCode::NOT_FOUND.into_response()).with(FeedTypeLabel("shelltest")),
        )
        .at("/pending", pending.with(FeedTypeLabel("shelltest")));
    let server = Setup::default().serve(routes).await;
    for path in ["/ok", "/bad"] {
        get_path(&server, path, "").await;
    }
    assert_eq!(reqwest::get(server.url("/stream")).await.unwrap().text().await.unwrap(), "hello");
    let mut leaving = server.connect().await;
    leaving.get("/pending").await;
    witness.until_entered(1).await;
    drop(leaving);
    let count = |outcome: &str| {
        let name = format!("http_requests_total{{feed_type=\"shelltest\",outcome=\"{outcome}\"}}");
        figure(&metrics.render().unwrap(), &name)
    };
    eventually("two were answered, one refused, one abandoned", || {
        (count("ok"), count("refused"), count("abandoned")) == (2, 1, 1)
    })
    .await;
    let text = metrics.render().unwrap();
    assert_eq!(figure(&text, "http_request_seconds_count{feed_type=\"shelltest\"}"), 3);
}

/// A writer that remembers.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_leaves_one_line_with_its_facts_and_without_its_query() {
    let lines = Lines::default();
    let written = lines.clone();
    // For the whole process, since a thread's own subscriber misses what other threads met first;
    // the request's id tells its line from those of the other tests.
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || written.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = Setup::default().serve(Route::new().at("/a", make_sync(|_| "hello"))).await;
    let answer = get_path(&server, "/a?token=secret", "x-request-id: the-logged-one\r\n").await;
    assert_eq!(answer.status, 200);
    let found = || -> Vec<serde_json::Value> {
        let text = String::from_utf8_lossy(&lines.0.lock().unwrap()).into_owned();
        assert!(!text.contains("secret"), "{text}");
        let complete = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        complete
            .filter(|line: &serde_json::Value| {
                line["target"] == "proget::access" && line["fields"]["id"] == "the-logged-one"
            })
            .collect()
    };
    eventually("a line is written", || !found().is_empty()).await;
    drop(server);
    let found = found();
    assert_eq!(found.len(), 1, "{found:?}");
    let fields = &found[0]["fields"];
    for (field, value) in [("method", "GET"), ("path", "/a"), ("remote", "127.0.0.1"), ("outcome", "ok")] {
        assert_eq!(fields[field], value, "{fields}");
    }
    assert_eq!((&fields["status"], &fields["bytes"]), (&200.into(), &5.into()), "{fields}");
    assert!(fields["ms"].is_u64());
}
