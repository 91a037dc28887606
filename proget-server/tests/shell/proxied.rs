//! Connections that begin with a header of the PROXY protocol: whose word is believed, whose is
//! refused, in pieces, never ending, before TLS. The header's own rules are tested in `src/http`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use poem::{Request, Route, endpoint::make_sync};
use proget_server::http::{
    Addressing, ClientAddress, Drained, Limits, Listeners, ProxyProtocol, ProxyTrust, Shell, Timeouts,
    TlsFiles, serve,
};
use tokio::{net::TcpStream, task::JoinHandle, time::sleep};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use tokio_util::sync::CancellationToken;

use crate::kit::{Raw, SHORT};

const LINE: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
const BLOCK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\xdc\x04\x01\xbb";
const GET: &[u8] = b"GET /who HTTP/1.1\r\nhost: test\r\n\r\n";
/// What a client adds by itself, hoping to be believed.
const FORGED: &[u8] = b"GET /who HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 198.51.100.1\r\n\r\n";

fn tell(request: &Request) -> String {
    request.data::<ClientAddress>().map(ToString::to_string).unwrap_or_default()
}

struct Behind {
    address: SocketAddr,
    _end: tokio_util::sync::DropGuard,
    _serving: JoinHandle<Drained>,
}

async fn behind(networks: &[&str], proxy_protocol: ProxyProtocol, tls: Option<TlsFiles>) -> Behind {
    let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    let proxies = ProxyTrust { networks, proxy_protocol, ..ProxyTrust::default() };
    let addressing = Addressing { proxies: proxies.clone(), ..Addressing::default() };
    let limits = Limits::default();
    let timeouts = Timeouts { handshake: SHORT * 5, first_byte: SHORT * 10, ..Timeouts::default() };
    let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap().behind(proxies);
    let address = listeners.addresses()[0];
    let routes = Route::new().at("/who", make_sync(|request: Request| tell(&request)));
    let shell = Shell::new(routes, &limits, &timeouts, addressing).shared();
    let stop = CancellationToken::new();
    let end = stop.clone().drop_guard();
    let tls = tls.map(|files| files.load().unwrap());
    let serving = tokio::spawn(async move { serve(listeners, shell, tls, &limits, &timeouts, stop).await });
    Behind { address, _end: end, _serving: serving }
}

impl Behind {
    async fn connect(&self) -> Raw<TcpStream> {
        Raw::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// The client's address as the server sees it, or nothing if the connection is refused.
    async fn sees(&self, parts: &[&[u8]]) -> Option<String> {
        let mut client = self.connect().await;
        client.send(parts.concat()).await;
        let text = client.until_answered_or_closed().await;
        let (head, body) = text.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
    }
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_calls_and_its_clients_cannot() {
    let server = behind(&["127.0.0.1"], ProxyProtocol::Required, None).await;
    for header in [LINE, BLOCK] {
        assert_eq!(server.sees(&[header, GET]).await.as_deref(), Some("203.0.113.9"));
        assert_eq!(server.sees(&[header, FORGED]).await.as_deref(), Some("203.0.113.9"));
    }
    // The proxy does not know for whom it calls: then it is nobody, and not the trusted proxy.
    assert_eq!(server.sees(&[b"PROXY UNKNOWN\r\n", FORGED]).await.as_deref(), Some("-"));
    // It calls for itself, to see whether we are well.
    assert_eq!(server.sees(&[LOCAL, GET]).await.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_header_may_come_in_pieces_and_what_follows_it_is_the_clients() {
    let server = behind(&["127.0.0.1"], ProxyProtocol::Required, None).await;
    for header in [LINE, BLOCK] {
        let mut client = server.connect().await;
        client.socket.set_nodelay(true).unwrap();
        for byte in header {
            client.send([*byte]).await;
            sleep(Duration::from_millis(1)).await;
        }
        client.send(GET).await;
        assert_eq!(client.answer().await.body, b"203.0.113.9");
        // The connection goes on, without another header.
        client.send(GET).await;
        assert_eq!(client.answer().await.body, b"203.0.113.9");
    }
}

#[tokio::test]
async fn one_that_must_send_a_header_and_does_not_is_refused_or_served_as_the_setting_says() {
    let required = behind(&["127.0.0.1"], ProxyProtocol::Required, None).await;
    assert_eq!(required.sees(&[GET]).await, None);
    let accepted = behind(&["127.0.0.1"], ProxyProtocol::Accepted, None).await;
    assert_eq!(accepted.sees(&[GET]).await.as_deref(), Some("127.0.0.1"));
    assert_eq!(accepted.sees(&[BLOCK, GET]).await.as_deref(), Some("203.0.113.9"));
    // `P` alone could still become either.
    let mut client = accepted.connect().await;
    client.send("P").await;
    sleep(SHORT).await;
    client.send("UT /who HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, b"127.0.0.1");
}

#[tokio::test]
async fn one_who_is_not_trusted_is_served_without_a_header_and_refused_with_one() {
    for mode in [ProxyProtocol::Off, ProxyProtocol::Accepted, ProxyProtocol::Required] {
        let server = behind(&["192.0.2.0/24"], mode, None).await;
        assert_eq!(server.sees(&[GET]).await.as_deref(), Some("127.0.0.1"), "{mode:?}");
        for header in [LINE, BLOCK, LOCAL] {
            assert_eq!(server.sees(&[header, GET]).await, None, "{mode:?}");
        }
    }
    let off = behind(&["127.0.0.1"], ProxyProtocol::Off, None).await;
    for header in [LINE, BLOCK] {
        assert_eq!(off.sees(&[header, GET]).await, None);
    }
}

#[tokio::test]
async fn garbage_and_headers_that_do_not_end_are_closed() {
    let server = behind(&["127.0.0.1"], ProxyProtocol::Required, None).await;
    let endless = [&b"PROXY UNKNOWN "[..], &[b'x'; 5000]].concat();
    let long = [&LOCAL[..14], &[0xff; 5000]].concat();
    for garbage in
        [&b"PROXY TCP4 nonsense\r\n"[..], &endless, &long, b"\0\0\0\0", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"]
    {
        assert_eq!(server.sees(&[garbage, GET]).await, None);
    }
    // Half a header: only the limit of time ends it.
    for half in [&LINE[..3], &LINE[..20], &BLOCK[..5], &BLOCK[..20]] {
        let mut client = server.connect().await;
        client.send(half).await;
        assert_eq!(client.closed().await, "");
    }
    assert_eq!(server.sees(&[LINE, GET]).await.as_deref(), Some("203.0.113.9"), "others are served");
}

#[tokio::test]
async fn the_header_comes_before_the_tls_handshake() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let server = behind(&["127.0.0.1"], ProxyProtocol::Required, Some(files)).await;
    let mut trusted = RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = || ServerName::try_from("localhost").unwrap();
    for header in [LINE, BLOCK] {
        let mut plain = server.connect().await;
        plain.send(header).await;
        let mut client = Raw::new(connector.connect(name(), plain.socket).await.unwrap());
        client.send(GET).await;
        assert_eq!(client.answer().await.body, b"203.0.113.9");
    }
    let bare = TcpStream::connect(server.address).await.unwrap();
    assert!(connector.connect(name(), bare).await.is_err(), "served without a header");
}
