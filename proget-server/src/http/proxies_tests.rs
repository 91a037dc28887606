//! Proxies that tell, proxies that are not ours, and chains of them.

use super::*;

fn trust(networks: &[&str], dialect: ProxyDialect) -> ProxyTrust {
    ProxyTrust {
        networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
        dialect,
        ..ProxyTrust::default()
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn hear(trust: &ProxyTrust, peer: &str, lines: &[(&'static str, &str)]) -> Told {
    trust.hear(Some(peer.parse().unwrap()), &headers(lines)).unwrap()
}

const TELLING: &[(&str, &str)] = &[
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "packages.example"),
    ("x-forwarded-port", "8443"),
    ("x-forwarded-prefix", "/packages"),
];

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_sends() {
    let expected = Told { client: Some("198.51.100.1".parse().unwrap()), ..Told::default() };
    assert_eq!(hear(&ProxyTrust::default(), "198.51.100.1", TELLING), expected);
    assert_eq!(hear(&trust(&["10.0.0.0/8"], ProxyDialect::XForwarded), "198.51.100.1", TELLING), expected);
}

#[test]
fn a_trusted_peer_is_believed_also_through_a_socket_for_both_families() {
    let ours = trust(&["10.0.0.0/8"], ProxyDialect::XForwarded);
    for peer in ["10.1.2.3", "::ffff:10.1.2.3"] {
        let told = hear(&ours, peer, TELLING);
        assert_eq!(told.client, Some("203.0.113.9".parse().unwrap()));
        assert_eq!(told.scheme.as_deref(), Some("https"));
        assert_eq!(told.host.as_deref(), Some("packages.example"));
        assert_eq!(told.port.as_deref(), Some("8443"));
        assert_eq!(told.prefix.as_deref(), Some("/packages"));
    }
}

#[test]
fn what_the_client_put_before_our_proxies_words_is_ignored() {
    let ours = trust(&["10.0.0.0/8"], ProxyDialect::XForwarded);
    let told = hear(
        &ours,
        "10.0.0.1",
        &[
            ("x-forwarded-for", "1.1.1.1, 203.0.113.9"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-host", "evil.example, packages.example, inner"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=9.9.9.9;host=evil.example"),
        ],
    );
    assert_eq!(told.client, Some("203.0.113.9".parse().unwrap()));
    assert_eq!(told.host.as_deref(), Some("packages.example"));
    assert_eq!(told.scheme.as_deref(), Some("https"));
}

#[test]
fn an_unknown_node_ends_the_walk() {
    let ours = trust(&["10.0.0.1"], ProxyDialect::XForwarded);
    let told = hear(&ours, "10.0.0.1", &[("x-forwarded-for", "203.0.113.9, unknown")]);
    assert_eq!(told.client, Some("10.0.0.1".parse().unwrap()));
}

#[test]
fn forwarded_is_read_when_it_is_our_proxies_dialect() {
    let ours = trust(&["10.0.0.0/8"], ProxyDialect::Forwarded);
    let told = hear(
        &ours,
        "10.0.0.1",
        &[
            (
                "forwarded",
                "for=1.1.1.1;host=evil.example , For=\"[2001:db8::7]:4711\" ; proto=https;host=\"a.example:8443\"",
            ),
            ("forwarded", "for=10.0.0.2;by=_hidden;proto=http"),
            ("x-forwarded-host", "evil.example"),
        ],
    );
    assert_eq!(told.client, Some("2001:db8::7".parse().unwrap()));
    assert_eq!(told.scheme.as_deref(), Some("https"));
    assert_eq!(told.host.as_deref(), Some("a.example:8443"));
    assert_eq!(told.prefix, None);
}

#[test]
fn a_quoted_string_may_hold_commas_and_escapes_and_must_end() {
    let elements = forwarded_elements(r#"host="a\"b,c;d=e", for=x"#).unwrap();
    assert_eq!(elements.len(), 2);
    assert_eq!(elements[0].host.as_deref(), Some(r#"a"b,c;d=e"#));
    for bad in ["for", "host=\"open", "host=\"a\"b", "for=\"\\"] {
        assert_eq!(forwarded_elements(bad), None, "{bad}");
    }
    let ours = trust(&["10.0.0.1"], ProxyDialect::Forwarded);
    assert!(ours.hear(Some("10.0.0.1".parse().unwrap()), &headers(&[("forwarded", "for")])).is_err());
}

#[test]
fn networks_are_written_with_or_without_a_length() {
    for (text, shown) in
        [("10.0.0.0/8", "10.0.0.0/8"), (" 192.168.1.7", "192.168.1.7/32"), ("fd00::/8", "fd00::/8")]
    {
        assert_eq!(text.parse::<ProxyNetwork>().unwrap().to_string(), shown);
    }
    for bad in ["", "10.0.0.0/33", "proxy.example"] {
        assert!(bad.parse::<ProxyNetwork>().is_err(), "{bad}");
    }
}
