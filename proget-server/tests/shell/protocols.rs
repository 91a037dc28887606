//! HTTP/2 without and with TLS, and what goes wrong in a handshake.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use poem::{Request, Route, endpoint::make_sync};
use proget_server::http::{PublicUrl, Timeouts, TlsFiles};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use crate::kit::{DEADLINE, Raw, SHORT, Server, Setup};

/// Tells protocol version and public URL.
fn tell(request: Request) -> String {
    let url = request.data::<PublicUrl>().map(ToString::to_string).unwrap_or_default();
    format!("{:?} {url}", request.version())
}

fn routes() -> Route {
    Route::new().at("/tell", make_sync(tell))
}

#[tokio::test]
async fn http2_with_prior_knowledge_and_http1_share_an_address() {
    let server = Setup::default().serve(routes()).await;
    let expected = |version: &str| format!("{version} http://{}", server.address);
    let h2 = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let answer = h2.get(server.url("/tell")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), expected("HTTP/2.0"));
    let h1 = reqwest::Client::builder().http1_only().build().unwrap();
    let answer = h1.get(server.url("/tell")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), expected("HTTP/1.1"));
}

struct Secure {
    server: Server,
    trusted: RootCertStore,
    _folder: tempfile::TempDir,
}

async fn secure(timeouts: Timeouts) -> Secure {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let server = Setup { timeouts, tls: Some(files), ..Setup::default() }.serve(routes()).await;
    let mut trusted = RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    Secure { server, trusted, _folder: folder }
}

impl Secure {
    async fn connect(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.trusted.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let socket = TcpStream::connect(self.server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }
}

#[tokio::test]
async fn http2_is_agreed_on_in_the_tls_handshake() {
    let secure = secure(Timeouts::default()).await;
    let socket = secure.connect(&["h2", "http/1.1"]).await;
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = TokioIo::new(socket);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = poem::http::Request::get("https://localhost/tell").body(String::new()).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "HTTP/2.0 https://localhost");
}

#[tokio::test]
async fn http1_is_spoken_over_tls_with_a_client_that_wants_it() {
    let secure = secure(Timeouts::default()).await;
    for protocols in [&["http/1.1"][..], &[]] {
        let mut client = Raw::new(secure.connect(protocols).await);
        client.get("/tell").await;
        assert_eq!(client.answer().await.body, b"HTTP/1.1 https://test");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_closed_and_so_is_plain_http() {
    let secure = secure(Timeouts { handshake: SHORT, ..Timeouts::default() }).await;
    let mut client = secure.server.connect().await;
    // The first byte of a TLS record, so that only the handshake's own limit can end it.
    client.send([0x16]).await;
    client.closed().await;
    let mut client = secure.server.connect().await;
    client.get("/tell").await;
    assert!(!client.closed().await.contains("200"), "plain HTTP was answered on a TLS address");
    // Neither disturbs the others.
    let mut client = Raw::new(secure.connect(&[]).await);
    client.get("/tell").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_handshake_under_way_does_not_hold_up_a_shutdown() {
    let secure =
        secure(Timeouts { handshake: DEADLINE * 2, drain: DEADLINE * 2, ..Timeouts::default() }).await;
    let mut slow = secure.server.connect().await;
    slow.send([0x16]).await;
    // When this one is through, the server has seen the other's byte.
    let mut quick = Raw::new(secure.connect(&[]).await);
    quick.get("/tell").await;
    assert_eq!(quick.answer().await.status, 200);
    assert_eq!(secure.server.shut_down().await.cut, 0);
    slow.closed().await;
}
