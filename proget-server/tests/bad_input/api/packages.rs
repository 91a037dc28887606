//! Packages of any type, by their bare bytes; and questions about them.

use crate::bytes::{gzip, npm_tar, npm_tgz, without_last};
use crate::request::{Caller, Ending, Request};
use crate::row::{Dialect, Kind, Row, Section, Traces};

const UPLOAD: &str = "PUT /api/packages/js/upload";

fn upload(bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    Request::new(UPLOAD).body(bytes)
}

pub(crate) fn rows() -> Vec<Row> {
    [uploads(), questions(), credentials()].into_iter().flatten().collect()
}

fn uploads() -> Vec<Row> {
    let mut s = Section::new(Kind::Api, "Uploads");
    let unreadable = "archive: cannot be read as a gzip-compressed tar file";
    s.row("no bytes", upload(Vec::new), 400, unreadable);
    s.row("a package cut off", upload(|| without_last(npm_tgz("widget", "1.0.0"), 20)), 400, unreadable);
    s.row(
        "a package without a version",
        upload(|| npm_tar(r#"{"name":"widget"}"#).tgz()),
        400,
        "version: must be there and be a text",
    );
    s.row(
        "a form with a file in it",
        upload(|| b"--x--".to_vec()).header("content-type: multipart/form-data; boundary=x"),
        400,
        "content-type: must not be a form",
    );
    s.row(
        "a package that is compressed for the way",
        upload(|| gzip(&npm_tgz("widget", "1.0.0"))).header("content-encoding: gzip"),
        400,
        "content-encoding: must not be used on this request",
    );
    s.row(
        "more than the limit",
        Request::new(UPLOAD).announcing("33554433"),
        413,
        "bytes than are allowed here",
    );
    s.row("the same bytes again", upload(|| npm_tgz("taken", "1.0.0")), 200, "")
        .spoken(Dialect::Document)
        .leaves(Traces::Renewal);
    s.row(
        "other bytes of a version that is there",
        upload(|| npm_tar(r#"{"name":"taken","version":"1.0.0","x":1}"#).tgz()),
        409,
        "taken 1.0.0 is published already, with other contents",
    );
    s.row(
        "a file name that climbs",
        Request::new("PUT /api/packages/js/upload/..%2f..%2fevil.tgz").body(|| npm_tgz("widget", "1.0.0")),
        400,
        "file name: must not contain empty, '.' or '..' path segments",
    );
    s.row(
        "a file name with a zero byte",
        Request::new("PUT /api/packages/js/upload/a%00.tgz").body(|| npm_tgz("widget", "1.0.0")),
        400,
        "file name: must not contain control characters or backslashes",
    );
    s.row(
        "a file name that is not UTF-8",
        Request::new("PUT /api/packages/js/upload/%ff.tgz").body(|| npm_tgz("widget", "1.0.0")),
        400,
        "file name: is not UTF-8 after percent-decoding",
    );
    s.row(
        "a file name of 300 bytes",
        Request::new(format!("PUT /api/packages/js/upload/{}.tgz", "a".repeat(300)))
            .body(|| npm_tgz("widget", "1.0.0")),
        400,
        "file name: must have 1 to 255 bytes",
    );
    s.row(
        "a feed that is not there",
        Request::new("PUT /api/packages/absent/upload").text("x"),
        404,
        "Feed absent not found.",
    );
    s.row(
        "a package from somebody who may only look",
        upload(|| npm_tgz("widget", "1.0.0")).from(Caller::Reader),
        403,
        "does not have the proper permissions",
    );
    s.row(
        "16 GiB announced by nobody, of whom no byte is read",
        Request::new(UPLOAD).from(Caller::Nobody).announcing("17179869184"),
        401,
        "credentials are required to publish packages into this feed",
    );
    s.gone(
        "a client that leaves in the middle of its package",
        Request::new(UPLOAD).announcing("9999999").body(|| vec![7; 2 << 20]).ending(Ending::LeaveOnceStaged),
    );
    s.rows
}

fn questions() -> Vec<Row> {
    let mut s = Section::new(Kind::Api, "Questions about packages and changes to them");
    s.row(
        "no name",
        Request::new("POST /api/packages/js/delete?version=1.0.0"),
        400,
        "name: must be given in the query",
    );
    s.row(
        "no version",
        Request::new("POST /api/packages/js/delete?name=taken"),
        400,
        "version: must be given in the query",
    );
    s.row(
        "a name that no package can have",
        Request::new("POST /api/packages/js/delete?name=..%2F..&version=1.0.0"),
        400,
        "name: must not begin with '.', '_' or '-'",
    );
    s.row(
        "a version that is none",
        Request::new("POST /api/packages/js/delete?name=taken&version=newest"),
        400,
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    s.row(
        "a package that is not there",
        Request::new("POST /api/packages/js/delete?name=absent&version=1.0.0"),
        404,
        "Package absent 1.0.0 not found.",
    );
    s.row(
        "one file of a version",
        Request::new("POST /api/packages/js/delete?name=taken&version=1.0.0&qualifier=file%3Da"),
        400,
        "qualifier: cannot be used here",
    );
    s.row(
        "a package URL that is none",
        Request::new("GET /api/packages/js/versions?purl=taken"),
        400,
        "purl: must begin with 'pkg:'",
    );
    s.row(
        "a package URL of another type",
        Request::new("GET /api/packages/js/versions?purl=pkg:pypi/taken@1.0.0"),
        400,
        "purl: names a package of type 'pypi', and this feed has 'npm'",
    );
    s.row(
        "a package URL that is not UTF-8",
        Request::new("GET /api/packages/js/versions?purl=pkg:npm/%25ff"),
        400,
        "purl: is not UTF-8 after percent-decoding",
    );
    s.row(
        "a status that is no JSON",
        Request::new("POST /api/packages/js/status?name=taken&version=1.0.0").text("blocked"),
        400,
        "body: is not JSON",
    );
    s.row(
        "a status of the wrong type",
        Request::new("POST /api/packages/js/status?name=taken&version=1.0.0").text(r#"{"allow":"no"}"#),
        400,
        "allow: must be true or false",
    );
    s.row(
        "a status of a version that is not there",
        Request::new("POST /api/packages/js/status?name=taken&version=9.9.9").text(r#"{"allow":false}"#),
        404,
        "Package taken 9.9.9 not found.",
    );
    s.row(
        "a download of a version that is not there",
        Request::new("GET /api/packages/js/download?name=taken&version=9.9.9"),
        404,
        "Package taken 9.9.9 not found.",
    );
    s.row(
        "a deletion by somebody who may only look",
        Request::new("POST /api/packages/js/delete?name=taken&version=1.0.0").from(Caller::Reader),
        403,
        "does not have the proper permissions",
    );
    s.row(
        "a feed's name with half a code",
        Request::new("GET /api/packages/%2/latest"),
        404,
        "Feed %2 not found.",
    );
    s.row(
        "a feed's name that would clear the terminal it is shown on",
        Request::new("GET /api/packages/%1b%5b2J/latest"),
        404,
        "Feed \u{fffd}[2J not found.",
    );
    s.rows
}

fn credentials() -> Vec<Row> {
    let mut s = Section::new(Kind::Api, "Credentials");
    let mut saying = |sent, lines, says| {
        s.row(sent, Request::new("GET /api/packages/js").from(Caller::Saying(lines)), 401, says);
    };
    saying("a key that does not exist", "x-apikey: wrong", "the credentials are not valid");
    saying(
        "a key that is not text",
        "x-apikey: \u{e9}\u{ff}",
        "the credentials cannot be read: the X-ApiKey header is not plain text",
    );
    saying(
        "Basic without credentials",
        "authorization: Basic",
        "the Authorization header has a scheme and no credentials",
    );
    saying("Basic that is no base64", "authorization: Basic ?!", "the Basic credentials are not base64");
    saying("Basic in Latin-1", "authorization: Basic Ym9iOuQ=", "the Basic credentials are not UTF-8");
    saying(
        "Basic without a colon",
        "authorization: Basic Ym9i",
        "the Basic credentials have no colon between user and password",
    );
    saying("a user who does not exist", "authorization: Basic Ym9iOng=", "the credentials are not valid");
    saying(
        "another scheme",
        "authorization: Negotiate YII=",
        "the Authorization header has a scheme other than Basic and Bearer",
    );
    saying(
        "an empty Authorization",
        "authorization: ",
        "the Authorization header has a scheme and no credentials",
    );
    saying(
        "two Authorization headers",
        "authorization: Bearer a\r\nauthorization: Bearer b",
        "there is more than one Authorization header",
    );
    s.row(
        "a key of 60 KB",
        Request::new("GET /api/packages/js")
            .from(Caller::Nobody)
            .header(format!("x-apikey: {}", "k".repeat(60_000))),
        401,
        "the credentials are not valid",
    );
    s.row(
        "a wrong key in the query",
        Request::new("GET /api/packages/js?key=wrong").from(Caller::Nobody),
        401,
        "the credentials are not valid",
    );
    s.row(
        "another feed's key",
        Request::new("GET /api/packages/js").from(Caller::Neighbour),
        403,
        "does not have the proper permissions",
    );
    s.rows
}

pub(crate) fn slow() -> Vec<Row> {
    let mut s = Section::new(Kind::Api, "Slow clients");
    s.row(
        "a package that stops coming",
        Request::new(UPLOAD).announcing("9999999").body(|| vec![7; 2 << 20]),
        408,
        "the request's body stopped coming",
    );
    s.row(
        "a document that stops coming",
        Request::new("POST /api/management/feeds/create").announcing("100").text(r#"{"name":"#),
        408,
        "the request's body stopped coming",
    );
    s.rows
}
