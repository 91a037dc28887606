//! Lengths and encodings of bodies: what one reader ends here and another there is how requests are
//! smuggled through proxies, <https://www.rfc-editor.org/rfc/rfc9112#section-6>.

use crate::request::Request;
use crate::row::{Dialect, Kind, Row, Section};

/// A publish by nobody with this framing, so that what gets through is refused with 401.
fn put(framing: &'static str, body: &'static str) -> Request {
    Request::raw("PUT /npm/js/widget", move || {
        format!("PUT /npm/js/widget HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{framing}\r\n\r\n{body}")
            .into_bytes()
    })
}

/// The same by somebody who may, so that the body is read.
fn read(framing: &'static str, body: &'static str) -> Request {
    Request::new("PUT /npm/js/widget").header(framing).untold().text(body)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut s = Section::new(Kind::Any, "Lengths and encodings of bodies");
    let mut bare = |sent, framing, body| {
        s.row(sent, put(framing, body), 400, "").spoken(Dialect::Bare);
    };
    bare("a length that is no number", "content-length: many", "{}");
    bare("a negative length", "content-length: -1", "{}");
    bare("a length with a sign", "content-length: +2", "{}");
    bare("a length beyond all numbers", "content-length: 18446744073709551616", "{}");
    bare("two different lengths", "content-length: 2\r\ncontent-length: 3", "{}");
    bare("two different lengths in one header", "content-length: 2, 3", "{}");
    bare("an encoding that does not exist", "transfer-encoding: brotli", "{}");
    bare("chunks that are not the last encoding", "transfer-encoding: chunked, gzip", "2\r\n{}\r\n0\r\n\r\n");
    bare("an encoding that only looks like chunks", "transfer-encoding: xchunked", "2\r\n{}\r\n0\r\n\r\n");
    s.row(
        "chunks in HTTP/1.0, which has none",
        Request::raw("PUT /npm/js/widget", || b"PUT /npm/js/widget HTTP/1.0\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec()),
        400,
        "",
    )
    .spoken(Dialect::Bare);
    // The chunks count, as the specification says, and nothing behind them is taken for a request: a
    // second answer behind the first would not be read as JSON.
    let mut smuggled = |sent, framing| {
        let request = Request::raw("PUT /npm/js/widget", move || {
            let first =
                format!("PUT /npm/js/widget HTTP/1.1\r\nhost: t\r\n{framing}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
            (first + "GET /health/live HTTP/1.1\r\nhost: t\r\n\r\n").into_bytes()
        });
        s.row(sent, request, 401, "credentials are required to publish packages").spoken(Dialect::Npm);
    };
    smuggled(
        "a length, chunks, and a second request behind",
        "content-length: 2\r\ntransfer-encoding: chunked",
    );
    smuggled(
        "chunks, a length, and a second request behind",
        "transfer-encoding: chunked\r\ncontent-length: 2",
    );
    let mut chunks = |sent, body| {
        s.row(
            sent,
            read("transfer-encoding: chunked", body),
            400,
            "body: ended before all of it had arrived",
        )
        .spoken(Dialect::Npm);
    };
    chunks("a chunk whose length is no number", "zz\r\n{}\r\n0\r\n\r\n");
    chunks("a chunk whose length is beyond all numbers", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n");
    chunks("a chunk with a negative length", "-2\r\n{}\r\n0\r\n\r\n");
    chunks("a chunk longer than its length", "2\r\n{}{}\r\n0\r\n\r\n");
    chunks("a chunk without a line's end", "2\r\n{}0\r\n\r\n");
    s.rows
}
