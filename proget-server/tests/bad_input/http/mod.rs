//! Rows of HTTP itself: what no handler ever sees, or what no handler may be confused by.

mod framing;
mod heads;

use crate::request::{Ending, Request};
use crate::row::{Dialect, Kind, Row, Section};

pub(crate) fn rows() -> Vec<Row> {
    [heads::rows(), framing::rows()].into_iter().flatten().collect()
}

/// Exactly this, over a connection of its own.
fn raw(line: &'static str, bytes: &'static str) -> Request {
    Request::raw(line, || bytes.as_bytes().to_vec())
}

/// Clients that are slow; tried on a server that does not wait for long.
pub(crate) fn slow() -> Vec<Row> {
    let mut s = Section::new(Kind::Any, "Slow clients");
    s.closed("nothing at all", raw("(no bytes)", ""));
    s.closed("half a request line, and silence", raw("GET /npm/js", "GET /npm/js"));
    s.closed(
        "half a head, and silence",
        raw("GET /npm/js/taken", "GET /npm/js/taken HTTP/1.1\r\nhost: t\r\n"),
    );
    s.closed("half of HTTP/2's preface, and silence", raw("PRI * HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM"));
    s.closed(
        "a head that never ends, byte by byte",
        raw("GET /npm/js/taken", "GET /npm/js/taken HTTP/1.1\r\nhost: t\r\nx: ").ending(Ending::Crawl),
    );
    s.row(
        "a body announced to an address that takes none, and silence",
        raw("POST /nowhere", "POST /nowhere HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\n"),
        404,
        "there is nothing at this address",
    )
    .spoken(Dialect::Plain);
    s.rows
}
