//! What else cargo sends: a version again, yanks, owners, paths, callers, slow and lost connections.

use super::{LINE, altered, document, frame, lying_frame, manifest, tar, tar_saying};
use crate::request::{Caller, Ending, Request};
use crate::row::{Dialect, Kind, Row, Section, Traces};

fn put(
    name: &'static str,
    version: &'static str,
    content: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Request {
    Request::new(LINE).body(move || frame(document(name, version).to_string().as_bytes(), &content()))
}

/// More than is buffered before it is staged, and no end.
fn large_and_cut_off() -> Vec<u8> {
    lying_frame(
        document("widget", "1.0.0").to_string().len() as u32,
        document("widget", "1.0.0").to_string().as_bytes(),
        9_000_000,
        &vec![7; 2 << 20],
    )
}

pub(crate) fn rows() -> Vec<Row> {
    [duplicates(), paths(), callers()].into_iter().flatten().collect()
}

fn duplicates() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "A version that is there already, and changes to it");
    s.row(
        "the same bytes again",
        put("taken", "1.0.0", || tar("taken", "1.0.0").tgz()),
        200,
        r#""warnings""#,
    )
    .spoken(Dialect::Document)
    .leaves(Traces::Renewal);
    s.row(
        "other bytes",
        put("taken", "1.0.0", || tar("taken", "1.0.0").file("taken-1.0.0/more", "x").tgz()),
        409,
        "crate version `1.0.0` is already uploaded",
    );
    s.row(
        "the version with build metadata",
        put("taken", "1.0.0+mine", || tar("taken", "1.0.0+mine").tgz()),
        409,
        "crate version `1.0.0+mine` is already uploaded",
    );
    s.row(
        "the crate's name in another spelling",
        put("Taken", "2.0.0", || tar_saying("Taken-2.0.0", manifest("Taken", "2.0.0")).tgz()),
        400,
        "name: is written 'Taken', but the package is known here as 'taken'; write it so",
    );
    s.row(
        "yanking a version that is not there",
        Request::new("DELETE /cargo/rust/api/v1/crates/taken/9.9.9/yank"),
        404,
        "crate `taken` does not have a version `9.9.9`",
    );
    s.row(
        "yanking a crate that is not there",
        Request::new("DELETE /cargo/rust/api/v1/crates/absent/1.0.0/yank"),
        404,
        "there is no package absent in this feed",
    );
    s.row(
        "yanking by somebody who may only look",
        Request::new("DELETE /cargo/rust/api/v1/crates/taken/1.0.0/yank").from(Caller::Reader),
        403,
        "these credentials do not permit to remove or change packages",
    );
    s.row(
        "owners, which are not kept per crate",
        Request::new("PUT /cargo/rust/api/v1/crates/taken/owners").text(r#"{"users":["eve"]}"#),
        405,
        "owners are not kept per crate here",
    );
    s.row(
        "a search beyond what is counted",
        Request::new("GET /cargo/rust/api/v1/crates?q=a&page=99999"),
        400,
        "page: only the first 10000 results can be asked for",
    );
    s.row(
        "a search for a page that is no number",
        Request::new("GET /cargo/rust/api/v1/crates?q=a&page=last"),
        400,
        "query: q, per_page and page are expected",
    );
    s.rows
}

fn paths() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "Paths");
    let mut read = |sent, target: &str| {
        s.row(sent, Request::new(format!("GET /cargo/rust/{target}")), 404, "there is nothing at");
    };
    read("reading at a path with a zero byte", "ta/ke/taken%00");
    read("reading at a path that is not UTF-8", "ta/ke/%ff");
    read("reading a crate that climbs", "../../proget.db");
    read("reading a crate that climbs in code", "%2e%2e/%2e%2e/proget.db");
    read("reading a crate that climbs within a segment", "ta/ke/..%2f..%2fproget");
    read("reading a crate with a backslash", "ta/ke/..%5cproget");
    read("reading a crate in another crate's place", "xx/xx/taken");
    read("reading a crate in other letters than the index has", "TA/KE/TAKEN");
    read("reading at a path with empty segments", "ta//ke/taken");
    read("downloading a version that is none", "api/v1/crates/taken/newest/download");
    read("downloading a version that climbs", "api/v1/crates/taken/1.0.0%2f..%2f../download");
    s.row(
        "reading a crate of 60 KB",
        Request::new(format!("GET /cargo/rust/aa/aa/{}", "a".repeat(60_000))),
        404,
        "there is nothing at",
    );
    s.row(
        "downloading a version that is not there",
        Request::new("GET /cargo/rust/api/v1/crates/taken/9.9.9/download"),
        404,
        "crate `taken` does not have a version `9.9.9`",
    );
    s.row(
        "a range beyond the file's end",
        Request::new("GET /cargo/rust/api/v1/crates/taken/1.0.0/download").header("range: bytes=99999-"),
        416,
        "",
    )
    .spoken(Dialect::Document);
    s.row(
        "changing something at a path with a zero byte",
        Request::new("DELETE /cargo/rust/api/v1/crates/taken%00/1.0.0/yank"),
        400,
        "path: contains a control character or a backslash",
    );
    s.row(
        "changing something at a path that climbs",
        Request::new("DELETE /cargo/rust/api/v1/crates/../1.0.0/yank"),
        400,
        "path: contains an empty, '.' or '..' segment",
    );
    s.row(
        "changing a version that is none",
        Request::new("DELETE /cargo/rust/api/v1/crates/taken/newest/yank"),
        400,
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    s.row(
        "a method that the address does not take",
        Request::new("POST /cargo/rust/ta/ke/taken").text("x"),
        405,
        "this cannot be done at this address",
    );
    s.row("a feed of another type", Request::new("GET /cargo/js/config.json"), 404, "Feed js not found.");
    s.rows
}

fn callers() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "Callers");
    s.row(
        "a whole crate from nobody",
        altered(|_| {}).from(Caller::Nobody),
        401,
        "credentials are required to publish packages into this feed",
    );
    s.row(
        "the announcement of 16 GiB from nobody, of whom no byte is read",
        Request::new(LINE).from(Caller::Nobody).announcing("17179869184"),
        401,
        "credentials are required to publish",
    );
    s.row(
        "a whole crate from somebody who may only look",
        altered(|_| {}).from(Caller::Reader),
        403,
        "these credentials do not permit to publish packages into this feed",
    );
    s.row(
        "a whole crate with another feed's key",
        altered(|_| {}).from(Caller::Neighbour),
        403,
        "these credentials do not permit to publish",
    );
    s.row(
        "reading as nobody what is not there, which nobody is told",
        Request::new("GET /cargo/rust/ab/se/absent").from(Caller::Nobody),
        401,
        "credentials are required to view or download packages",
    );
    s.row(
        "a key that is none, without a scheme",
        Request::new("GET /cargo/rust/config.json").from(Caller::Saying("authorization: wrong")),
        401,
        "the credentials are not valid",
    );
    s.gone(
        "a client that leaves in the middle of its crate",
        Request::new(LINE).announcing("9999999").body(large_and_cut_off).ending(Ending::LeaveOnceStaged),
    );
    s.gone(
        "a client that leaves in the middle of its document",
        Request::new(LINE)
            .announcing("5000")
            .body(|| lying_frame(4000, b"{\"name\":", 0, &[]))
            .ending(Ending::Leave),
    );
    s.rows
}

/// Clients that are slow; tried on a server that does not wait for long.
pub(crate) fn slow() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "Slow clients");
    let stopped = "the request's body stopped coming";
    s.row(
        "a crate that stops coming",
        Request::new(LINE).announcing("9999999").body(large_and_cut_off),
        408,
        stopped,
    );
    s.row(
        "a document that stops coming",
        Request::new(LINE).announcing("5000").body(|| lying_frame(4000, b"{\"name\":", 0, &[])),
        408,
        stopped,
    );
    s.row(
        "a crate that crawls",
        Request::new(LINE).announcing("9999999").body(large_and_cut_off).ending(Ending::Crawl),
        408,
        stopped,
    );
    s.rows
}
