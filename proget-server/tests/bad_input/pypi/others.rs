//! What else Python's clients send: a file again, paths, callers, slow and lost connections.

use super::{LINE, TYPE, Upload, altered, files, form, wheel};
use crate::request::{Caller, Ending, Request};
use crate::row::{Dialect, Kind, Row, Section, Traces};
use crate::zip::{ZipFile, zip};

fn taken(content: Vec<u8>) -> Vec<u8> {
    Upload::new("taken", "1.0.0", "taken-1.0.0-py3-none-any.whl", content).body()
}

/// More than is buffered before it is staged, and no end.
fn large_and_cut_off() -> Vec<u8> {
    let mut upload = Upload::new("widget", "1.0.0", "widget-1.0.0-py3-none-any.whl", vec![7; 2 << 20]);
    upload.remove("sha256_digest");
    upload.body()[..1 << 21].to_vec()
}

pub(crate) fn rows() -> Vec<Row> {
    [duplicates(), paths(), callers()].into_iter().flatten().collect()
}

fn duplicates() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "A file that is there already");
    s.row("the same bytes again", form(|| taken(wheel("taken", "1.0.0"))), 200, "ok").leaves(Traces::Renewal);
    s.row(
        "other bytes under the same name",
        form(|| {
            let mut files = files("taken", "1.0.0");
            files.push(ZipFile::new("taken/more.py", "y = 2\n"));
            taken(zip(&files))
        }),
        400,
        "File already exists ('taken-1.0.0-py3-none-any.whl'), with other contents",
    );
    s.rows
}

fn paths() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Paths");
    let mut read = |sent, target: &str, says| {
        s.row(sent, Request::new(format!("GET /pypi/py/{target}")), 404, says);
    };
    let nothing = "there is nothing at";
    read("reading at a path with a zero byte", "simple/taken%00/", nothing);
    read("reading at a path that is not UTF-8", "simple/%ff/", nothing);
    read("reading a project that climbs", "simple/../../proget.db", nothing);
    read("reading a project that climbs in code", "simple/%2e%2e%2f%2e%2e/", nothing);
    read("reading a file above the project", "packages/taken/..%2f..%2fproget.db", nothing);
    read("reading a file with a backslash", "packages/taken/..%5cproget.db", nothing);
    read("reading a file of an absolute path", "packages/taken/%2fetc%2fpasswd", nothing);
    read("reading at a path with empty segments", "simple//taken/", nothing);
    read("reading a version that is none", "pypi/taken/newest/json", nothing);
    s.row(
        "reading a project of 60 KB",
        Request::new(format!("GET /pypi/py/simple/{}/", "a".repeat(60_000))),
        404,
        nothing,
    );
    s.row(
        "reading a project that is not there",
        Request::new("GET /pypi/py/simple/absent/"),
        404,
        "there is no package absent in this feed",
    );
    s.row(
        "reading metadata of a file that is not there",
        Request::new("GET /pypi/py/packages/taken/absent.whl.metadata"),
        404,
        "there is no file absent.whl in taken",
    );
    s.row(
        "asking for a document of a kind that there is not",
        Request::new("GET /pypi/py/simple/taken/").header("accept: image/png"),
        406,
        "none of what the Accept header names is served here",
    );
    s.row(
        "uploading at a path with a zero byte",
        Request::new("POST /pypi/py/legacy%00").header(TYPE).text("x"),
        400,
        "path: contains a control character or a backslash",
    );
    s.row(
        "uploading at a path that climbs",
        Request::new("POST /pypi/py/../js/legacy/").header(TYPE).text("x"),
        400,
        "path: contains an empty, '.' or '..' segment",
    );
    s.row(
        "a method that the address does not take",
        Request::new("PUT /pypi/py/simple/taken/").text("x"),
        405,
        "this cannot be done at this address",
    );
    s.row(
        "a range beyond the file's end",
        Request::new("GET /pypi/py/packages/taken/taken-1.0.0-py3-none-any.whl")
            .header("range: bytes=99999-"),
        416,
        "",
    )
    .spoken(Dialect::Document);
    s.row("a feed of another type", Request::new("GET /pypi/js/simple/"), 404, "Feed js not found.");
    s.rows
}

fn callers() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Callers");
    s.row(
        "a whole file from nobody",
        altered(|_| {}).from(Caller::Nobody),
        401,
        "credentials are required to publish packages into this feed",
    );
    s.row(
        "the announcement of 16 GiB from nobody, of whom no byte is read",
        Request::new(LINE).header(TYPE).from(Caller::Nobody).announcing("17179869184"),
        401,
        "credentials are required to publish",
    );
    s.row(
        "a whole file from somebody who may only look",
        altered(|_| {}).from(Caller::Reader),
        403,
        "these credentials do not permit to publish packages into this feed",
    );
    s.row(
        "a whole file with another feed's key",
        altered(|_| {}).from(Caller::Neighbour),
        403,
        "these credentials do not permit to publish",
    );
    s.row(
        "reading as nobody what is not there, which nobody is told",
        Request::new("GET /pypi/py/simple/absent/").from(Caller::Nobody),
        401,
        "credentials are required to view or download packages",
    );
    s.row(
        "a user with a wrong password",
        Request::new("GET /pypi/py/simple/").from(Caller::Saying("authorization: Basic Ym9iOng=")),
        401,
        "the credentials are not valid",
    );
    s.gone(
        "a client that leaves in the middle of its file",
        Request::new(LINE)
            .header(TYPE)
            .announcing("9999999")
            .body(large_and_cut_off)
            .ending(Ending::LeaveOnceStaged),
    );
    s.gone(
        "a client that leaves in the middle of a field",
        Request::new(LINE)
            .header(TYPE)
            .announcing("5000")
            .text("--edge\r\ncontent-disposition: form-data; name=\"na")
            .ending(Ending::Leave),
    );
    s.rows
}

/// Clients that are slow; tried on a server that does not wait for long.
pub(crate) fn slow() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Slow clients");
    let stopped = "the request's body stopped coming";
    s.row(
        "a file that stops coming",
        Request::new(LINE).header(TYPE).announcing("9999999").body(large_and_cut_off),
        408,
        stopped,
    );
    s.row(
        "a field that stops coming",
        Request::new(LINE)
            .header(TYPE)
            .announcing("5000")
            .text("--edge\r\ncontent-disposition: form-data; name=\"na"),
        408,
        stopped,
    );
    s.row(
        "a field that crawls",
        Request::new(LINE)
            .header(TYPE)
            .announcing("9999999")
            .text("--edge\r\ncontent-disposition: form-data; name=\"summary\"\r\n\r\n")
            .ending(Ending::Crawl),
        408,
        stopped,
    );
    s.rows
}
