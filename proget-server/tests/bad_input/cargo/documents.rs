//! The body of a publish: its frame, its document, names and versions.

use super::{LINE, altered, document, frame, lying_frame, tar};
use crate::bytes::{gzip, nested, without_last};
use crate::request::Request;
use crate::row::{Kind, Row, Section};
use serde_json::json;

fn json() -> Vec<u8> {
    document("widget", "1.0.0").to_string().into_bytes()
}

fn content() -> Vec<u8> {
    tar("widget", "1.0.0").tgz()
}

fn put(body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    Request::new(LINE).body(body)
}

/// A good crate behind this document.
fn saying(document: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    put(move || frame(&document(), &content()))
}

pub(crate) fn rows() -> Vec<Row> {
    [frames(), documents(), names()].into_iter().flatten().collect()
}

fn frames() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "The frame around document and crate");
    let early = "body: ended before the document and the crate's length had arrived";
    s.row("no body", put(Vec::new), 400, early);
    s.row("half a length", put(|| vec![9, 0]), 400, early);
    s.row(
        "a document shorter than it is said to be",
        put(|| lying_frame(60_000, &json(), 0, &[])),
        400,
        early,
    );
    s.row(
        "a document longer than it is said to be",
        put(|| lying_frame(20, &json(), content().len() as u32, &content())),
        400,
        "publish document: must be a JSON object",
    );
    s.row(
        "a document of 4 GiB, announced",
        put(|| lying_frame(u32::MAX, &json(), 0, &[])),
        400,
        "publish document: must have at most 4194304 bytes, and 4294967295 are announced",
    );
    s.row(
        "no length of the crate",
        put(|| [&(json().len() as u32).to_le_bytes()[..], &json()].concat()),
        400,
        early,
    );
    s.row(
        "a crate shorter than it is said to be",
        put(|| lying_frame(json().len() as u32, &json(), 99_999, &content())),
        400,
        "for which 99999 are announced",
    );
    s.row(
        "a crate of 4 GiB, announced",
        put(|| lying_frame(json().len() as u32, &json(), u32::MAX, &content())),
        400,
        "for which 4294967295 are announced",
    );
    s.row(
        "bytes behind the crate",
        put(|| [frame(&json(), &content()), b"more".to_vec()].concat()),
        400,
        "body: goes on behind the end of the crate",
    );
    s.row(
        "a crate of no bytes, announced as such",
        put(|| lying_frame(json().len() as u32, &json(), 0, &content())),
        400,
        "body: goes on behind the end of the crate, for which 0 bytes are announced",
    );
    s.row(
        "lengths with their largest byte first",
        put(|| [&(json().len() as u32).to_be_bytes()[..], &json(), &content()].concat()),
        400,
        "publish document: must have at most 4194304 bytes",
    );
    s.row(
        "a JSON document without a frame",
        put(json),
        400,
        "publish document: must have at most 4194304 bytes",
    );
    s.row(
        "a compressed body",
        put(|| gzip(&frame(&json(), &content()))).header("content-encoding: gzip"),
        400,
        "content-encoding: must not be used on this request",
    );
    s.row(
        "a body that is larger than the limit",
        Request::new(LINE).announcing("33554433"),
        413,
        "bytes than are allowed here",
    );
    s.rows
}

fn documents() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "The publish document");
    s.row("an empty document", saying(Vec::new), 400, "publish document: must be a JSON object");
    s.row(
        "a list",
        saying(|| b"[\"widget\",\"1.0.0\"]".to_vec()),
        400,
        "publish document: must be a JSON object",
    );
    s.row(
        "a document cut off",
        saying(|| without_last(json(), 5)),
        400,
        "publish document: must be a JSON object: EOF",
    );
    s.row(
        "lists 10,000 deep",
        saying(|| format!(r#"{{"name":"widget","vers":"1.0.0","deps":[{{"name":"a","version_req":"1","artifact":{}}}]}}"#, nested(10_000, "[", "]")).into()),
        400,
        "publish document: must be a JSON object: recursion limit exceeded",
    );
    s.row(
        "text that is not UTF-8",
        saying(|| b"{\"name\":\"\xff\"}".to_vec()),
        400,
        "publish document: must be a JSON object: invalid unicode",
    );
    s.row(
        "a member twice, the last of them wrong",
        saying(|| String::from_utf8(json()).unwrap().replacen('{', r#"{"name":"other","#, 1).into()),
        400,
        "publish document: must be a JSON object: duplicate field `name`",
    );
    s.row(
        "no version",
        altered(|document| drop(document.as_object_mut().unwrap().remove("vers"))),
        400,
        "publish document: must be a JSON object: missing field `vers`",
    );
    s.row(
        "a name that is a number",
        altered(|document| document["name"] = json!(7)),
        400,
        "publish document: must be a JSON object: invalid type",
    );
    s.row(
        "features that are a list",
        altered(|document| document["features"] = json!([])),
        400,
        "publish document: must be a JSON object: invalid type",
    );
    let dependency = |change: fn(&mut serde_json::Value)| {
        altered(move |document| {
            let mut one = json!({"name": "left", "version_req": "^1", "features": [], "optional": false, "default_features": true, "target": null, "kind": "normal"});
            change(&mut one);
            document["deps"] = json!([one]);
        })
    };
    s.row(
        "a dependency of a kind that does not exist",
        dependency(|one| one["kind"] = json!("wish")),
        400,
        "unknown variant `wish`",
    );
    s.row(
        "a dependency of no version",
        dependency(|one| one["version_req"] = json!("newest")),
        400,
        "dependencies[\"left\"]: 'newest' is no version requirement",
    );
    s.row(
        "a dependency whose name climbs",
        dependency(|one| one["name"] = json!("../left")),
        400,
        "but a name may contain only ASCII letters",
    );
    s.row(
        "a dependency from what is no address",
        dependency(|one| one["registry"] = json!("mine")),
        400,
        "dependencies[\"left\"]: comes from \"mine\", which is not the address of an index",
    );
    s.row(
        "a dependency on a program",
        dependency(|one| one["artifact"] = json!(["bin"])),
        400,
        "is on a program (artifact)",
    );
    s.row(
        "a dependency for a target that is a line break",
        dependency(|one| one["target"] = json!("\n")),
        400,
        "dependencies[\"left\"]: is for a target that names nothing",
    );
    s.row(
        "a feature with a slash in its name",
        altered(|document| document["features"] = json!({"a/b": []})),
        400,
        "features[\"a/b\"]: must begin with a letter",
    );
    s.row(
        "a feature that turns on a line break",
        altered(|document| document["features"] = json!({"a": ["b\nc"]})),
        400,
        "features[\"a\"]: holds",
    );
    s.row(
        "more than 10,000 features",
        altered(|document| {
            document["features"] =
                (0..10_001).map(|at| (format!("f{at}"), json!([]))).collect::<serde_json::Map<_, _>>().into()
        }),
        400,
        "package: has more than 10000 dependencies or features",
    );
    s.row(
        "a Rust version that is none",
        altered(|document| document["rust_version"] = json!("nightly")),
        400,
        "rust-version: is 'nightly', but must be one to three numbers",
    );
    s.row(
        "a native library whose name is a line break",
        altered(|document| document["links"] = json!("\n")),
        400,
        "links: must be the name of a native library",
    );
    s.rows
}

fn names() -> Vec<Row> {
    let mut s = Section::new(Kind::Cargo, "Names and versions");
    let mut name = |sent, name: &'static str, says| {
        s.row(sent, altered(move |document| document["name"] = json!(name)), 400, says);
    };
    const LETTERS: &str = "name: may contain only ASCII letters, digits, '-' and '_'";
    name("an empty name", "", "name: must have 1 to 64 characters");
    name("a name with a dot", "wid.get", LETTERS);
    name("a name beyond ASCII", "wídget", LETTERS);
    name("a name that climbs", "../widget", LETTERS);
    name("a name with a zero byte", "wid\0get", LETTERS);
    name("a name that begins with a digit", "7widget", "name: must begin with a letter");
    name("a name that means the standard library", "std", "name: 'std' is reserved");
    name("a reserved name in other letters", "Proc_Macro", "name: 'Proc_Macro' is reserved");
    name("a name that is a device on Windows", "com1", "name: 'com1' is reserved");
    name(
        "another name than the crate's",
        "gadget",
        "name: is 'gadget', but the crate's Cargo.toml says 'widget'",
    );
    name(
        "the crate's name in other letters",
        "Widget",
        "name: is 'Widget', but the crate's Cargo.toml says 'widget'",
    );
    s.row(
        "a name of 65 characters",
        altered(|document| document["name"] = json!("w".repeat(65))),
        400,
        "name: must have 1 to 64 characters",
    );
    let mut version = |sent, version: &'static str, says| {
        s.row(sent, altered(move |document| document["vers"] = json!(version)), 400, says);
    };
    version("an empty version", "", "version: must begin with three numbers separated by dots, as in 1.2.3");
    version("a version of two numbers", "1.0", "version: must begin with three numbers");
    version(
        "a version with a leading v",
        "v1.0.0",
        "version: must begin with three numbers separated by dots, as in 1.2.3",
    );
    version(
        "a number beyond all numbers",
        "99999999999999999999.0.0",
        "version: '99999999999999999999' is too large",
    );
    version(
        "a version with a path in it",
        "1.0.0-../../evil",
        "version: the prerelease must be dot-separated parts of letters, digits and '-', none of them empty",
    );
    version(
        "another version than the crate's",
        "2.0.0",
        "is '2.0.0', but the crate's Cargo.toml says '1.0.0'",
    );
    version(
        "the crate's version with build metadata",
        "1.0.0+mine",
        "is '1.0.0+mine', but the crate's Cargo.toml says '1.0.0'",
    );
    s.row(
        "a version of 300 characters",
        altered(|document| document["vers"] = json!(format!("1.0.0-{}", "a".repeat(294)))),
        400,
        "version: must have at most 255 characters",
    );
    s.rows
}
