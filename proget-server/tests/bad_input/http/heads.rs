//! Request lines and headers.

use super::raw;
use crate::request::Request;
use crate::row::{Dialect, Kind, Row, Section};

/// A request whose head goes on like this; everything in it is otherwise good.
fn with(header: &'static str) -> Request {
    Request::raw("GET /health/live", move || {
        format!("GET /health/live HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{header}\r\n\r\n")
            .into_bytes()
    })
}

pub(crate) fn rows() -> Vec<Row> {
    [lines(), headers()].into_iter().flatten().collect()
}

fn lines() -> Vec<Row> {
    let mut s = Section::new(Kind::Any, "Request lines");
    let mut bare = |sent, line, bytes, status| {
        s.row(sent, raw(line, bytes), status, "").spoken(Dialect::Bare);
    };
    bare("no HTTP at all", "hello", "hello\r\n\r\n", 400);
    bare(
        "a TLS handshake on a port without TLS",
        "(TLS)",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}fc\u{3}\u{3}\r\n\r\n",
        400,
    );
    bare("HTTP/0.9", "GET /", "GET /\r\n\r\n", 400);
    bare("a version of HTTP that does not exist", "GET / HTTP/9.9", "GET / HTTP/9.9\r\nhost: t\r\n\r\n", 400);
    bare("a space in the target", "GET /a b", "GET /a b HTTP/1.1\r\nhost: t\r\n\r\n", 400);
    bare("a zero byte in the target", "GET /a", "GET /a\0b HTTP/1.1\r\nhost: t\r\n\r\n", 400);
    bare("no target", "GET  HTTP/1.1", "GET  HTTP/1.1\r\nhost: t\r\n\r\n", 400);
    bare("a method with a character that none has", "G@T /", "G@T / HTTP/1.1\r\nhost: t\r\n\r\n", 400);
    s.row(
        "a request line longer than the head may be",
        Request::raw("GET /aaaa…", || {
            format!("GET /{} HTTP/1.1\r\nhost: t\r\n\r\n", "a".repeat(70_000)).into()
        }),
        431,
        "",
    )
    .spoken(Dialect::Bare);
    let mut plain = |sent, line, bytes, status, says| {
        s.row(sent, raw(line, bytes), status, says).spoken(Dialect::Plain);
    };
    let nothing = "there is nothing at this address";
    plain(
        "a method that does not exist",
        "BREW /",
        "BREW / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    plain(
        "a method in small letters",
        "get /api/management/feeds/list",
        "get /api/management/feeds/list HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        405,
        "this address takes GET, HEAD",
    );
    plain(
        "TRACE, which would show credentials",
        "TRACE /api/management/feeds/list",
        "TRACE /api/management/feeds/list HTTP/1.1\r\nhost: t\r\nauthorization: secret\r\nconnection: close\r\n\r\n",
        405,
        "this address takes GET, HEAD",
    );
    plain(
        "CONNECT to another server",
        "CONNECT other:443",
        "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    plain(
        "the target `*`",
        "OPTIONS *",
        "OPTIONS * HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    plain(
        "an address outside everything",
        "GET /../../etc/passwd",
        "GET /../../etc/passwd HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    plain(
        "an address with a zero byte in code",
        "GET /%00",
        "GET /%00 HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    plain(
        "an address whose first segment is not UTF-8",
        "GET /%ff",
        "GET /%ff HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    plain(
        "an address that begins with two slashes",
        "GET //npm/js/taken",
        "GET //npm/js/taken HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        404,
        nothing,
    );
    s.rows
}

fn headers() -> Vec<Row> {
    let mut s = Section::new(Kind::Any, "Headers");
    let mut bare = |sent, header, status| {
        s.row(sent, with(header), status, "").spoken(Dialect::Bare);
    };
    bare("a header without a colon", "nonsense", 400);
    bare("a space before the colon", "x-a : b", 400);
    bare("a header without a name", ": b", 400);
    bare("a header folded over two lines", "x-a: b\r\n c", 400);
    bare("a zero byte in a header", "x-a: a\0b", 400);
    bare("a lone carriage return in a header", "x-a: a\rx-b: b", 400);
    s.row(
        "a header of 70 KB",
        Request::raw("GET /health/live", || {
            format!("GET /health/live HTTP/1.1\r\nhost: t\r\nx: {}\r\n\r\n", "a".repeat(70_000)).into()
        }),
        431,
        "",
    )
    .spoken(Dialect::Bare);
    s.row(
        "10,000 headers",
        Request::raw("GET /health/live", || {
            format!("GET /health/live HTTP/1.1\r\nhost: t\r\n{}\r\n", "a: b\r\n".repeat(10_000)).into()
        }),
        431,
        "",
    )
    .spoken(Dialect::Bare);
    s.row(
        "101 headers",
        Request::raw("GET /health/live", || {
            format!("GET /health/live HTTP/1.1\r\nhost: t\r\n{}\r\n", "a: b\r\n".repeat(101)).into()
        }),
        431,
        "",
    )
    .spoken(Dialect::Bare);
    s.row(
        "no host",
        raw("GET /npm/js/taken", "GET /npm/js/taken HTTP/1.1\r\nconnection: close\r\n\r\n"),
        400,
        "the request names no host; send a Host header",
    );
    s.row(
        "two hosts",
        with("host: other"),
        400,
        "the request's Host header is not a host name with an optional port",
    );
    s.row(
        "a host that is none",
        raw(
            "GET /npm/js/taken",
            "GET /npm/js/taken HTTP/1.1\r\nhost: a b<script>\r\nconnection: close\r\n\r\n",
        ),
        400,
        "the request's Host header is not a host name with an optional port",
    );
    s.rows
}
