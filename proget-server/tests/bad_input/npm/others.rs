//! What else npm's clients send: a version again, tags, sign-ins, unpublishing, searches, paths.

use super::{altered, publish, publish_as};
use crate::bytes::{npm_document, npm_tar, npm_tgz};
use crate::request::{Caller, Ending, Request};
use crate::row::{Dialect, Kind, Row, Section, Traces};
use serde_json::json;

/// Publishes `taken 1.0.0`, which is there, with other bytes.
fn other_bytes() -> Request {
    Request::new("PUT /npm/js/taken").body(|| {
        let tarball = npm_tar(r#"{"name":"taken","version":"1.0.0","description":"another"}"#).tgz();
        npm_document("taken", "1.0.0", &tarball).to_string().into()
    })
}

pub(crate) fn rows() -> Vec<Row> {
    [duplicates(), changes(), paths(), callers()].into_iter().flatten().collect()
}

fn duplicates() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "A version that is there already");
    s.row("the same bytes again", publish_as("taken", "1.0.0", |_| {}), 201, r#""success":true"#)
        .spoken(Dialect::Document)
        .leaves(Traces::Renewal);
    s.row(
        "other bytes",
        other_bytes(),
        403,
        "You cannot publish over the previously published versions: 1.0.0.",
    );
    s.row(
        "other bytes under the same version with build metadata",
        Request::new("PUT /npm/js/taken").body(|| {
            let tarball = npm_tgz("taken", "1.0.0+build");
            npm_document("taken", "1.0.0+build", &tarball).to_string().into()
        }),
        403,
        "You cannot publish over the previously published versions: 1.0.0+build.",
    );
    s.rows
}

fn changes() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Tags, deprecations, unpublishing, sign-ins, searches");
    let tag = |body| Request::new("PUT /npm/js/-/package/taken/dist-tags/next").text(body);
    s.row(
        "a tag for a version that is not there",
        tag(r#""9.9.9""#),
        404,
        "there is no version 9.9.9 of taken in this feed",
    );
    s.row(
        "a tag for something that is no version",
        tag(r#""newest""#),
        400,
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    s.row(
        "a tag's version that is not a JSON text",
        tag("1.0.0"),
        400,
        "version: must be sent as a JSON text",
    );
    s.row(
        "a tag's version of more than 4 KiB",
        Request::new("PUT /npm/js/-/package/taken/dist-tags/next").body(|| vec![b'1'; 5000]),
        413,
        "more than the 4096 bytes that are allowed here",
    );
    s.row(
        "a tag that reads as a version",
        Request::new("PUT /npm/js/-/package/taken/dist-tags/v1").text(r#""1.0.0""#),
        400,
        "dist-tags: 'v1' must not be a version or a range",
    );
    s.row(
        "the removal of `latest`",
        Request::new("DELETE /npm/js/-/package/taken/dist-tags/latest"),
        400,
        "dist-tags: 'latest' can be moved to another version but not removed",
    );
    s.row(
        "a tag of a package that is not there",
        Request::new("PUT /npm/js/-/package/absent/dist-tags/next").text(r#""1.0.0""#),
        404,
        "there is no version 1.0.0 of absent in this feed",
    );
    let update = |body| Request::new("PUT /npm/js/taken").text(body);
    s.row(
        "a deprecation of more than 4 KiB",
        Request::new("PUT /npm/js/taken")
            .body(|| json!({"versions": {"1.0.0": {"deprecated": "x".repeat(4097)}}}).to_string().into()),
        400,
        "versions['1.0.0'].deprecated: must have at most 4096 bytes",
    );
    s.row(
        "a change of a revision that nobody has seen",
        update(r#"{"_rev":"1-0","versions":{"1.0.0":{"deprecated":"old"}}}"#),
        409,
        "the package was changed by somebody else meanwhile",
    );
    s.row(
        "an update of a package that is not there",
        Request::new("PUT /npm/js/absent").text(r#"{"versions":{}}"#),
        404,
        "there is no package absent in this feed",
    );
    s.row(
        "unpublishing by an old revision",
        Request::new("PUT /npm/js/taken/-rev/1-0").text(r#"{"versions":{}}"#),
        409,
        "the package was changed by somebody else meanwhile",
    );
    s.row(
        "deleting a package by an old revision",
        Request::new("DELETE /npm/js/taken/-rev/1-0"),
        409,
        "the package was changed by somebody else meanwhile",
    );
    s.row(
        "deleting a file by an old revision",
        Request::new("DELETE /npm/js/taken/-/taken-1.0.0.tgz/-rev/1-0"),
        409,
        "the package was changed by somebody else meanwhile",
    );
    let sign_in =
        |body| Request::new("PUT /npm/js/-/user/org.couchdb.user:eve").from(Caller::Nobody).text(body);
    s.row(
        "a sign-in that is no JSON, whose text is not repeated",
        sign_in("name=eve&password=secret"),
        400,
        "body: must be a JSON object with name and password",
    );
    s.row(
        "a sign-in under another name than the address's",
        sign_in(r#"{"name":"ann","password":"x"}"#),
        400,
        "name: must be the name in the address",
    );
    s.row(
        "a sign-in of somebody who does not exist",
        sign_in(r#"{"name":"eve","password":"x"}"#),
        401,
        "the credentials are not valid",
    );
    s.row(
        "a sign-in of more than 64 KiB",
        Request::new("PUT /npm/js/-/user/org.couchdb.user:eve")
            .from(Caller::Nobody)
            .body(|| vec![b' '; 70_000]),
        413,
        "more than the 65536 bytes that are allowed here",
    );
    s.row(
        "a search from a negative place",
        Request::new("GET /npm/js/-/v1/search?text=a&from=-1"),
        400,
        "query: text, size and from are expected",
    );
    s.row(
        "a search from beyond what is counted",
        Request::new("GET /npm/js/-/v1/search?text=a&from=99999"),
        400,
        "from: only the first 10000 results can be asked for",
    );
    s.row(
        "a search for a size beyond all numbers",
        Request::new("GET /npm/js/-/v1/search?size=99999999999999999999"),
        400,
        "query: text, size and from are expected",
    );
    s.row(
        "an audit that is no JSON but compressed nonsense",
        Request::new("POST /npm/js/-/npm/v1/security/advisories/bulk")
            .header("content-encoding: gzip")
            .body(|| vec![0xff; 100]),
        200,
        "{}",
    )
    .spoken(Dialect::Document);
    s.row(
        "a range beyond the file's end",
        Request::new("GET /npm/js/taken/-/taken-1.0.0.tgz").header("range: bytes=99999-"),
        416,
        "",
    )
    .spoken(Dialect::Document);
    s.row(
        "a method that the address does not take",
        Request::new("PATCH /npm/js/taken").text("{}"),
        405,
        "this cannot be done at this address",
    );
    s.rows
}

fn paths() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Paths");
    let mut write = |sent, target: &str, says| {
        s.row(sent, Request::new(format!("PUT /npm/js/{target}")).text("{}"), 400, says);
    };
    const CONTROL: &str = "path: contains a control character or a backslash";
    const CLIMBS: &str = "path: contains an empty, '.' or '..' segment";
    write("publishing at a path with a zero byte", "wid%00get", CONTROL);
    write("publishing at a path that is not UTF-8", "wid%ffget", "path: is not UTF-8 after percent-decoding");
    write(
        "publishing at a path with UTF-8 in too many bytes",
        "wid%c0%aeget",
        "path: is not UTF-8 after percent-decoding",
    );
    write("publishing at a path that climbs", "../widget", CLIMBS);
    write("publishing at a path that climbs in code", "%2e%2e/widget", CLIMBS);
    write("publishing at a path that climbs within a segment", "a%2f..%2f..%2fwidget", CLIMBS);
    write("publishing at a path with an encoded backslash", "a%5cwidget", CONTROL);
    write("publishing at a path with an empty segment", "widget//1.0.0", CLIMBS);
    write("publishing at a path with an encoded line break", "widget%0d%0aset-cookie:%20a", CONTROL);
    write("publishing at a path that is encoded twice", "%252e%252e", "name: may contain only URL-friendly");
    write("publishing at a path with half a code", "widget%2", "name: may contain only URL-friendly");
    let mut read = |sent, target: &str, says| {
        s.row(sent, Request::new(format!("GET /npm/js/{target}")), 404, says);
    };
    read("reading at a path with a zero byte", "taken%00", "there is nothing at 'taken%00' in this feed");
    read("reading at a path that is not UTF-8", "%ff", "there is nothing at '%ff' in this feed");
    read(
        "reading a file above the package",
        "taken/-/..%2f..%2f..%2fproget.db",
        "there is nothing at 'taken/-/..%2f..%2f..%2fproget.db'",
    );
    read("reading a file above the feed", "../../proget.db", "there is nothing at '../../proget.db'");
    read("reading a file with a backslash", "taken/-/..%5cproget.db", "there is nothing at");
    read("reading at a path with empty segments", "taken//-//taken-1.0.0.tgz", "there is nothing at");
    read("reading a file of an absolute path", "taken/-/%2fetc%2fpasswd", "there is nothing at");
    s.row(
        "reading at a path of 60 KB",
        Request::new(format!("GET /npm/js/{}", "a".repeat(60_000))),
        404,
        "there is nothing at",
    );
    s.row(
        "a feed that is not there",
        Request::new("PUT /npm/absent/widget").text("{}"),
        404,
        "Feed absent not found.",
    );
    s.row("a feed of another type", Request::new("PUT /npm/py/widget").text("{}"), 404, "Feed py not found.");
    s.row(
        "a feed's name that climbs",
        Request::new("GET /npm/..%2f..%2fetc/passwd"),
        404,
        "Feed ../../etc not found.",
    );
    s.row(
        "a feed's name with a zero byte",
        Request::new("GET /npm/js%00/taken"),
        404,
        "Feed js\u{fffd} not found.",
    );
    s.rows
}

fn callers() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Callers");
    s.row(
        "a whole package from nobody",
        altered(|_| {}).from(Caller::Nobody),
        401,
        "credentials are required to publish packages into this feed",
    );
    s.row(
        "the announcement of 16 GiB from nobody, of whom no byte is read",
        Request::new("PUT /npm/js/widget").from(Caller::Nobody).announcing("17179869184"),
        401,
        "credentials are required to publish",
    );
    s.row(
        "a whole package from somebody who may only look",
        altered(|_| {}).from(Caller::Reader),
        403,
        "these credentials do not permit to publish packages into this feed",
    );
    s.row(
        "a whole package with another feed's key",
        altered(|_| {}).from(Caller::Neighbour),
        403,
        "these credentials do not permit to publish",
    );
    s.row(
        "reading with another feed's key",
        Request::new("GET /npm/js/taken").from(Caller::Neighbour),
        403,
        "these credentials do not permit to view or download packages",
    );
    s.row(
        "reading as nobody what is not there, which nobody is told",
        Request::new("GET /npm/js/absent").from(Caller::Nobody),
        401,
        "credentials are required to view or download packages",
    );
    s.row(
        "a token that is none",
        Request::new("GET /npm/js/taken").from(Caller::Saying("authorization: Bearer wrong")),
        401,
        "the credentials are not valid",
    );
    s.gone(
        "a client that leaves in the middle of its tarball",
        publish(|| npm_tgz("widget", "1.0.0"))
            .announcing("9999999")
            .body(large_and_cut_off)
            .ending(Ending::LeaveOnceStaged),
    );
    s.gone(
        "a client that leaves in the middle of its document",
        Request::new("PUT /npm/js/widget").announcing("5000").text(r#"{"name":"wid"#).ending(Ending::Leave),
    );
    s.rows
}

/// More than is buffered before it is staged, and no end.
fn large_and_cut_off() -> Vec<u8> {
    format!(r#"{{"name":"widget","_attachments":{{"a":{{"data":"{}"#, "A".repeat(4 << 20)).into_bytes()
}

/// Clients that are slow; tried on a server that does not wait for long.
pub(crate) fn slow() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Slow clients");
    let stopped = "the request's body stopped coming";
    s.row(
        "a document that stops coming",
        Request::new("PUT /npm/js/widget").announcing("5000").text(r#"{"name":"wid"#),
        408,
        stopped,
    );
    s.row(
        "a tarball that stops coming",
        Request::new("PUT /npm/js/widget").announcing("9999999").body(large_and_cut_off),
        408,
        stopped,
    );
    s.row(
        "a tarball that crawls",
        Request::new("PUT /npm/js/widget")
            .announcing("9999999")
            .text(r#"{"_attachments":{"a":{"data":""#)
            .ending(Ending::Crawl),
        408,
        stopped,
    );
    s.rows
}
