//! The document that npm publishes with: JSON, attachments, digests, names and versions.

use super::{altered, publish_as};
use crate::bytes::{gzip, nested, npm_document, npm_tgz};
use crate::request::Request;
use crate::row::{Kind, Row, Section};
use serde_json::{Value, json};

fn put(body: &'static str) -> Request {
    Request::new("PUT /npm/js/widget").text(body)
}

fn version(document: &mut Value) -> &mut Value {
    &mut document["versions"]["1.0.0"]
}

fn attachment(document: &mut Value) -> &mut Value {
    &mut document["_attachments"]["widget-1.0.0.tgz"]
}

fn whole() -> Vec<u8> {
    npm_document("widget", "1.0.0", &npm_tgz("widget", "1.0.0")).to_string().into_bytes()
}

pub(crate) fn rows() -> Vec<Row> {
    [json_rows(), digests(), names(), versions()].into_iter().flatten().collect()
}

fn json_rows() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "The publish document");
    s.row("no body", put(""), 400, "publish document: must be a JSON object");
    s.row("a body that is no JSON", put("hello"), 400, "publish document: must be a JSON object");
    s.row("a list", put("[]"), 400, "publish document: must be a JSON object");
    s.row(
        "a document cut off before its end",
        Request::new("PUT /npm/js/widget").body(|| crate::bytes::without_last(whole(), 3)),
        400,
        "publish document: ends before it is complete",
    );
    s.row(
        "a document with something behind it",
        Request::new("PUT /npm/js/widget").body(|| [whole(), b"{}".to_vec()].concat()),
        400,
        "publish document: must be a JSON object: trailing characters",
    );
    s.row(
        "lists 10,000 deep",
        Request::new("PUT /npm/js/widget").body(|| nested(10_000, "[", "]").into()),
        400,
        "publish document: must not be nested deeper than 64 levels",
    );
    s.row(
        "objects 10,000 deep",
        Request::new("PUT /npm/js/widget").body(|| nested(10_000, r#"{"a":"#, "}").into()),
        400,
        "publish document: must not be nested deeper than 64 levels",
    );
    s.row(
        "more than 16 MiB beside the tarball",
        Request::new("PUT /npm/js/widget")
            .body(|| format!(r#"{{"name":"widget","x":"{}"}}"#, "x".repeat(17 << 20)).into()),
        400,
        "publish document: must have at most 16777216 bytes beside its attachment",
    );
    s.row(
        "a member name of 16 MiB",
        Request::new("PUT /npm/js/widget").body(|| format!(r#"{{"{}":1}}"#, "x".repeat(17 << 20)).into()),
        400,
        "publish document: must have at most 16777216 bytes",
    );
    s.row(
        "text that is not UTF-8",
        Request::new("PUT /npm/js/widget").body(|| b"{\"name\":\"\xff\"}".to_vec()),
        400,
        "publish document: must be a JSON object: invalid unicode",
    );
    s.row(
        "a byte order mark of UTF-16",
        Request::new("PUT /npm/js/widget").body(|| b"\xff\xfe{\0}\0".to_vec()),
        400,
        "publish document: must be a JSON object",
    );
    s.row(
        "a document that is compressed",
        Request::new("PUT /npm/js/widget").header("content-encoding: gzip").body(|| gzip(&whole())),
        400,
        "content-encoding: must not be used on this request",
    );
    s.row(
        "a member twice, the last of them wrong",
        Request::new("PUT /npm/js/widget")
            .body(|| String::from_utf8(whole()).unwrap().replacen('{', r#"{"name":"widget","#, 1).into()),
        400,
        "publish document: must be a JSON object: duplicate field `name`",
    );
    s.row(
        "no attachment and nothing to change",
        put(r#"{"name":"widget"}"#),
        405,
        "a document without versions changes nothing",
    );
    s.row(
        "owners, which are not kept per package",
        put(r#"{"maintainers":[{"name":"eve"}]}"#),
        405,
        "owners and stars are not kept per package",
    );
    s.row(
        "two attachments",
        altered(|document| document["_attachments"]["a.sigstore"] = json!({"data": "AAAA"})),
        400,
        "_attachments: must hold one tarball and nothing else",
    );
    s.row(
        "an attachment that is no base64",
        altered(|document| attachment(document)["data"] = json!("%%%%")),
        400,
        "_attachments.data: must be base64, but at character 0",
    );
    s.row(
        "base64 that is cut off",
        altered(|document| attachment(document)["data"] = json!("AAAAA")),
        400,
        "it ends within a group of four characters",
    );
    s.row(
        "base64 that goes on behind its padding",
        altered(|document| attachment(document)["data"] = json!("AA==AAAA")),
        400,
        "_attachments.data: must be base64",
    );
    s.row(
        "base64 with line breaks",
        altered(|document| attachment(document)["data"] = json!("AAAA\nAAAA")),
        400,
        "_attachments.data: must be base64",
    );
    s.row(
        "a length that is not the tarball's",
        altered(|document| attachment(document)["length"] = json!(3)),
        400,
        "_attachments.length: is 3, but the tarball has",
    );
    s.row(
        "a negative length",
        altered(|document| attachment(document)["length"] = json!(-1)),
        400,
        "_attachments: must be an object of attachments: invalid value",
    );
    s.row(
        "no versions",
        altered(|document| document["versions"] = json!({})),
        400,
        "versions: must hold the one version that is published and nothing else, but holds 0",
    );
    s.row(
        "two versions",
        altered(|document| document["versions"]["2.0.0"] = json!({})),
        400,
        "versions: must hold the one version that is published and nothing else, but holds 2",
    );
    s.row(
        "versions that are a list",
        altered(|document| document["versions"] = json!([])),
        400,
        "versions: must be an object of version objects",
    );
    s.row(
        "dependencies that are a list",
        altered(|document| version(document)["dependencies"] = json!(["a"])),
        400,
        "dependencies: must be an object whose values are texts",
    );
    s.row(
        "a version object of more than 1 MiB",
        altered(|document| version(document)["x"] = "x".repeat(1 << 20).into()),
        400,
        "versions: must have at most 1048576 bytes",
    );
    s.row(
        "a tag that reads as a range",
        altered(|document| document["dist-tags"] = json!({"1.x": "1.0.0"})),
        400,
        "dist-tags: '1.x' must not be a version or a range",
    );
    s.row(
        "a tag with a slash",
        altered(|document| document["dist-tags"] = json!({"a/b": "1.0.0"})),
        400,
        "dist-tags: may contain only URL-friendly characters",
    );
    s.row(
        "a tag of 300 characters",
        altered(|document| document["dist-tags"] = json!({"t".repeat(300): "1.0.0"})),
        400,
        "tag: must have 1 to 128 bytes, no control characters and no '/'",
    );
    s.row(
        "a tag that points at another version",
        altered(|document| document["dist-tags"] = json!({"latest": "2.0.0"})),
        400,
        "dist-tags: 'latest' points at '2.0.0'",
    );
    s.row(
        "a body larger than the limit, by its announced length",
        Request::new("PUT /npm/js/widget").announcing("33554433"),
        413,
        "bytes than are allowed here",
    );
    s.row(
        "a body larger than the limit, in chunks",
        Request::new("PUT /npm/js/widget")
            .chunked()
            .body(|| format!(r#"{{"_attachments":{{"a":{{"data":"{}"#, "A".repeat(33 << 20)).into()),
        413,
        "bytes than are allowed here",
    );
    s.rows
}

fn digests() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Digests that were declared");
    let mut wrong = |sent, claim: fn() -> Value, says| {
        s.row(sent, altered(move |document| version(document)["dist"]["integrity"] = claim()), 400, says);
    };
    wrong(
        "another tarball's SHA-512",
        || json!(format!("sha512-{}", crate::bytes::base64(&[7; 64]))),
        "dist.integrity: does not match the tarball, whose sha512 is",
    );
    wrong(
        "another tarball's SHA-256",
        || json!(format!("sha256-{}", crate::bytes::base64(&[7; 32]))),
        "dist.integrity: does not match the tarball, whose sha256 is",
    );
    wrong(
        "another tarball's SHA-1",
        || json!(format!("sha1-{}", crate::bytes::base64(&[7; 20]))),
        "dist.integrity: does not match the tarball, whose sha1 is",
    );
    wrong(
        "an integrity that is no base64",
        || json!("sha512-!!"),
        "dist.integrity: does not match the tarball",
    );
    s.row(
        "a right SHA-512 beside a wrong SHA-1",
        altered(|document| {
            let integrity = &mut version(document)["dist"]["integrity"];
            *integrity = json!(format!("{} sha1-AAAA", integrity.as_str().unwrap()));
        }),
        400,
        "dist.integrity: does not match the tarball, whose sha1 is",
    );
    s.row(
        "another tarball's shasum",
        altered(|document| version(document)["dist"]["shasum"] = json!("7".repeat(40))),
        400,
        "dist.shasum: does not match the tarball, whose SHA-1 is",
    );
    s.row(
        "a shasum that is no hexadecimal number",
        altered(|document| version(document)["dist"]["shasum"] = json!("xyz")),
        400,
        "dist.shasum: does not match the tarball",
    );
    s.rows
}

fn names() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Names of packages");
    let mut name = |sent, line: &str, says| {
        s.row(sent, Request::new(line).text("{}"), 400, says);
    };
    const LETTERS: &str = "name: may contain only URL-friendly characters";
    name("a name with capital letters", "PUT /npm/js/Widget", "name: must not contain capital letters");
    name("a name with letters beyond ASCII", "PUT /npm/js/cr%C3%A8me", LETTERS);
    name("a name that looks like another (Cyrillic)", "PUT /npm/js/w%D1%96dget", LETTERS);
    name("a name with a zero-width space", "PUT /npm/js/wid%E2%80%8Bget", LETTERS);
    name("a name that writes backwards", "PUT /npm/js/%E2%80%AEtegdiw", LETTERS);
    name("a name with a space", "PUT /npm/js/wid%20get", LETTERS);
    name("a name that begins with a dot", "PUT /npm/js/.widget", "name: must not begin with '.', '_' or '-'");
    name("a reserved name", "PUT /npm/js/node_modules", "name: 'node_modules' is reserved");
    name("a reserved name in other letters", "PUT /npm/js/FavIcon.ico", "name: 'FavIcon.ico' is reserved");
    name("a scope without a name", "PUT /npm/js/@acme", "name: must be written 'name' or '@scope/name'");
    name(
        "a name without a scope's name",
        "PUT /npm/js/@%2Fwidget",
        "name: must be written 'name' or '@scope/name'",
    );
    name(
        "a scope that begins with a dot",
        "PUT /npm/js/@.acme%2Fwidget",
        "name: must not begin with '.', '_' or '-'",
    );
    name("a scope within a scope", "PUT /npm/js/@a%2F@b", LETTERS);
    s.row(
        "a name of 215 characters",
        Request::new(format!("PUT /npm/js/{}", "w".repeat(215))).text("{}"),
        400,
        "name: must have 1 to 214 characters",
    );
    s.row(
        "another name in the document than in the address",
        altered(|document| document["name"] = json!("gadget")),
        400,
        "name: is 'gadget', but the address is that of 'widget'",
    );
    s.row(
        "a name in the document that is a number",
        altered(|document| document["name"] = json!(1)),
        400,
        "name: must be a text",
    );
    s.row(
        "another name in the version object",
        altered(|document| version(document)["name"] = json!("gadget")),
        400,
        "versions['1.0.0'].name: must be 'widget'",
    );
    s.rows
}

fn versions() -> Vec<Row> {
    let mut s = Section::new(Kind::Npm, "Versions of packages");
    let mut bad = |sent, version: &'static str, says| {
        s.row(sent, publish_as("widget", version, |_| {}), 400, says);
    };
    bad("a version of two numbers", "1.0", "version: must begin with three numbers separated by dots");
    bad("a version of four numbers", "1.0.0.0", "version: must begin with three numbers separated by dots");
    bad("an empty version", "", "version: must be there and be a text");
    bad("a version with a leading zero", "1.00.0", "version: '00' must not have leading zeros");
    bad(
        "a negative version",
        "-1.0.0",
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    bad(
        "a number that JavaScript cannot count",
        "9007199254740993.0.0",
        "version: has a number above 9007199254740991",
    );
    bad(
        "a number that no computer counts",
        "99999999999999999999.0.0",
        "version: '99999999999999999999' is too large",
    );
    bad(
        "an empty prerelease",
        "1.0.0-",
        "version: the prerelease must be dot-separated parts of letters, digits and '-', none of them empty",
    );
    bad(
        "a prerelease with a leading zero",
        "1.0.0-01",
        "version: '01' in the prerelease must not have leading zeros",
    );
    bad(
        "a version with a path in it",
        "1.0.0-../../evil",
        "version: the prerelease must be dot-separated parts of letters, digits and '-', none of them empty",
    );
    bad(
        "a version with a line break",
        "1.0.0-a\nb",
        "version: the prerelease must be dot-separated parts of letters, digits and '-', none of them empty",
    );
    bad(
        "digits that are not ASCII",
        "1.0.\u{0662}",
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    s.row(
        "a version of 300 characters",
        Request::new("PUT /npm/js/widget").body(|| {
            let version = format!("1.0.0-{}", "a".repeat(294));
            npm_document("widget", &version, &npm_tgz("widget", &version)).to_string().into()
        }),
        400,
        "version: must have at most 255 characters",
    );
    s.row(
        "another version in the version object",
        altered(|document| version(document)["version"] = json!("2.0.0")),
        400,
        "versions['1.0.0'].version: must be '1.0.0'",
    );
    s.rows
}
