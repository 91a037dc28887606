//! Settings, hosts and prefixes, good and bad.

use poem::{
    RequestParts,
    web::{LocalAddr, RemoteAddr},
};

use super::*;

fn request(target: &str, version: Version, host: &[&str]) -> Request {
    let mut builder = poem::http::Request::builder().uri(target).version(version);
    for host in host {
        builder = builder.header("host", *host);
    }
    let (parts, ()) = builder.body(()).unwrap().into_parts();
    let local = LocalAddr("127.0.0.1:8624".parse::<std::net::SocketAddr>().unwrap().into());
    let parts = RequestParts::from((parts, local, RemoteAddr::default(), Scheme::HTTP));
    Request::from_parts(parts, ().into())
}

fn get(host: &str) -> Request {
    request("/npm/f/p", Version::HTTP_11, &[host])
}

fn configured(url: &str) -> Addressing {
    Addressing { public_url: Some(url.parse().unwrap()), ..Addressing::default() }
}

#[test]
fn a_setting_loses_its_trailing_slashes_and_default_port() {
    for (given, origin, path) in [
        ("https://Packages.Example", "https://packages.example", ""),
        ("https://packages.example/", "https://packages.example", ""),
        ("http://packages.example:80/a/b//", "http://packages.example", "/a/b"),
        ("http://[::1]:8624/a", "http://[::1]:8624", "/a"),
        ("http://proget_server:8624", "http://proget_server:8624", ""),
    ] {
        let url: PublicUrl = given.parse().unwrap();
        assert_eq!((url.origin(), url.path()), (origin, path), "{given}");
        assert_eq!(url.as_str().parse::<PublicUrl>().unwrap(), url);
        assert_eq!(url.join("/npm/f"), format!("{origin}{path}/npm/f"));
        assert_eq!(url.join("npm/f"), format!("{origin}{path}/npm/f"));
    }
}

#[test]
fn a_setting_that_is_no_base_of_links_is_refused_with_the_reason() {
    for bad in [
        "",
        "packages.example",
        "/packages",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?y",
        "https://x#y",
        "https://x//y",
        "https://x/../y",
        "https://x/a b",
        " https://x",
        "https://x\\y",
        "https://x:99999",
    ] {
        let error = bad.parse::<PublicUrl>().unwrap_err().to_string();
        assert!(error.contains(bad), "{error}");
    }
}

#[test]
fn without_setting_and_proxy_the_requests_host_counts() {
    let plain = Addressing::default();
    let url = |request: &Request| plain.public_url(request, &Told::default()).map(|url| url.to_string());
    assert_eq!(url(&get("packages.example:8080")).as_deref(), Ok("http://packages.example:8080"));
    assert_eq!(url(&get("[2001:db8::1]:80")).as_deref(), Ok("http://[2001:db8::1]"));
    let absolute = request("http://target.example/x", Version::HTTP_11, &["other.example"]);
    assert_eq!(url(&absolute).as_deref(), Ok("http://target.example"));
    let old = request("/x", Version::HTTP_10, &[]);
    assert_eq!(url(&old).as_deref(), Ok("http://127.0.0.1:8624"));
    assert_eq!(url(&request("/x", Version::HTTP_11, &[])), Err(BadAddress::NoHost));
    assert_eq!(url(&request("/x", Version::HTTP_11, &["a", "b"])), Err(BadAddress::BadHost));
}

#[test]
fn a_malformed_host_is_refused_even_if_the_setting_decides() {
    for bad in ["", "a b", "a/b", "a?b", "u@a", "a:b", "a:99999", "a%2fb", "[::1", "a,b", "a\\b", "<x>"] {
        for addressing in [Addressing::default(), configured("https://packages.example")] {
            let outcome = addressing.public_url(&get(bad), &Told::default());
            assert_eq!(outcome, Err(BadAddress::BadHost), "{bad}");
        }
    }
}

#[test]
fn a_trusted_proxys_word_is_put_together_and_checked() {
    let url =
        |told: Told| Addressing::default().public_url(&get("inner:8624"), &told).map(|url| url.to_string());
    let text = |text: &str| Some(text.to_owned());
    let https = Told { scheme: text("HTTPS"), ..Told::default() };
    assert_eq!(url(https.clone()).as_deref(), Ok("https://inner:8624"));
    let host = Told { host: text("packages.example"), ..https };
    assert_eq!(url(host.clone()).as_deref(), Ok("https://packages.example"));
    let port = Told { port: text("8443"), ..host.clone() };
    assert_eq!(url(port.clone()).as_deref(), Ok("https://packages.example:8443"));
    let prefix = Told { prefix: text("/a/"), ..port };
    assert_eq!(url(prefix).as_deref(), Ok("https://packages.example:8443/a"));
    let standard = Told { port: text("443"), ..host.clone() };
    assert_eq!(url(standard).as_deref(), Ok("https://packages.example"));
    for bad in [
        Told { host: text("a/b"), ..Told::default() },
        Told { scheme: text("javascript"), ..Told::default() },
        Told { port: text("x"), ..host.clone() },
        Told { prefix: text("a"), ..host.clone() },
        Told { prefix: text("/a?b"), ..host.clone() },
        Told { prefix: text("/a//b"), ..host },
    ] {
        assert!(matches!(url(bad.clone()), Err(BadAddress::BadProxy(_))), "{bad:?}");
    }
}

#[test]
fn a_configured_path_is_taken_off_if_the_proxy_left_it_on() {
    let addressing = configured("https://packages.example/a/b");
    let inner = |target: &str| addressing.inner_uri(&target.parse().unwrap()).map(|uri| uri.to_string());
    assert_eq!(inner("/a/b/npm/f/@s%2fp?x=1").as_deref(), Some("/npm/f/@s%2fp?x=1"));
    assert_eq!(inner("/a/b").as_deref(), Some("/"));
    assert_eq!(inner("/a/b?x").as_deref(), Some("/?x"));
    assert_eq!(inner("/a/bc"), None);
    assert_eq!(inner("/npm/f"), None);
    assert_eq!(configured("https://packages.example").inner_uri(&"/x".parse().unwrap()), None);
    assert_eq!(Addressing::default().inner_uri(&"/x".parse().unwrap()), None);
}
