//! Upload forms: their framing, their fields, digests, names and versions.

use super::{LINE, Upload, altered, form, wheel};
use crate::bytes::{cut, gzip, without_last};
use crate::request::Request;
use crate::row::{Dialect, Kind, Row, Section};

fn good() -> Upload {
    Upload::new("widget", "1.0.0", "widget-1.0.0-py3-none-any.whl", wheel("widget", "1.0.0"))
}

fn raw(body: &'static str) -> Request {
    form(|| body.as_bytes().to_vec())
}

fn typed(content_type: &'static str) -> Request {
    Request::new(LINE).header(content_type).body(|| good().body())
}

pub(crate) fn rows() -> Vec<Row> {
    [framing(), fields(), names()].into_iter().flatten().collect()
}

fn framing() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Upload forms");
    let no_type = "content-type: must be multipart/form-data with a boundary";
    s.row("no content type", Request::new(LINE).body(|| good().body()), 400, no_type);
    s.row("another content type", typed("content-type: application/json"), 400, no_type);
    s.row("a form without a boundary", typed("content-type: multipart/form-data"), 400, no_type);
    s.row(
        "another boundary than is announced",
        typed("content-type: multipart/form-data; boundary=other"),
        400,
        "body: is no multipart form: incomplete multipart stream",
    );
    s.row(
        "a compressed form",
        Request::new(LINE).header(super::TYPE).header("content-encoding: gzip").body(|| gzip(&good().body())),
        400,
        "content-encoding: must not be used on this request",
    );
    s.row("no body", raw(""), 400, "body: is no multipart form: incomplete multipart stream");
    s.row("a form without fields", raw("--edge--\r\n"), 400, ":action: must be file_upload");
    s.row(
        "a form cut off in its file",
        form(|| without_last(good().body(), 30)),
        400,
        "body: is no multipart form: field \"content\" received with incomplete data",
    );
    s.row(
        "a form cut off in a field",
        form(|| cut(good().body(), 60)),
        400,
        "body: is no multipart form: field \":action\" received with incomplete data",
    );
    s.row(
        "a form without its last boundary",
        form(|| without_last(good().body(), 12)),
        400,
        "body: is no multipart form: field \"content\" received with incomplete data",
    );
    s.row(
        "a part whose head never ends",
        form(|| [b"--edge\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat()),
        400,
        "body: is no multipart form: incomplete multipart stream",
    );
    s.row(
        "10,000 heads in one part",
        form(|| format!("--edge\r\n{}\r\n--edge--\r\n", "a: b\r\n".repeat(10_000)).into()),
        400,
        "body: is no multipart form: failed to read headers",
    );
    s.row(
        "a part without a disposition",
        raw("--edge\r\nx: y\r\n\r\nvalue\r\n--edge--\r\n"),
        400,
        "form: has a field without a name",
    );
    s.row(
        "a field with a name of 10 KB",
        form(|| {
            format!(
                "--edge\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\nx\r\n--edge--\r\n",
                "n".repeat(10_000)
            )
            .into()
        }),
        400,
        "form: has a field with a name of more than 100 bytes",
    );
    s.row(
        "a body that is larger than the limit",
        Request::new(LINE).header(super::TYPE).announcing("33554433"),
        413,
        "bytes than are allowed here",
    );
    s.row(
        "a form at an address that takes none",
        Request::new("POST /pypi/py/").header(super::TYPE).body(|| good().body()),
        405,
        "packages are uploaded to",
    );
    s.rows
}

fn fields() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Fields of upload forms");
    s.row("no action", altered(|upload| upload.remove(":action")), 400, ":action: must be file_upload");
    s.row(
        "an action that does not exist",
        altered(|upload| upload.set(":action", "explode")),
        405,
        "the action 'explode' is not known here, only file_upload",
    );
    s.row(
        "the registration of a project",
        altered(|upload| upload.set(":action", "submit")),
        405,
        "projects need not be registered: upload a file",
    );
    s.row(
        "another version of the protocol",
        altered(|upload| upload.set("protocol_version", "2")),
        400,
        "protocol_version: must be 1",
    );
    s.row(
        "no file",
        raw("--edge\r\ncontent-disposition: form-data; name=\":action\"\r\n\r\nfile_upload\r\n--edge--\r\n"),
        400,
        "content: must be in the form: the file to upload",
    );
    s.row(
        "a file that is only a text",
        raw("--edge\r\ncontent-disposition: form-data; name=\"content\"\r\n\r\nbytes\r\n--edge--\r\n"),
        400,
        "content: must be sent with a file name",
    );
    s.row("two files", form(|| {
        let body = good().body();
        let end = body.len() - "--edge--\r\n".len();
        [&body[..end], b"--edge\r\ncontent-disposition: form-data; name=\"content\"; filename=\"a\"\r\n\r\nx\r\n--edge--\r\n"].concat()
    }), 400, "content: must be in the form once");
    s.row(
        "two different names",
        altered(|upload| upload.fields.push(("name".into(), b"gadget".to_vec()))),
        400,
        "name: must be in the form once, not with several values",
    );
    s.row(
        "a text that is not UTF-8",
        altered(|upload| upload.set("summary", b"\xff".to_vec())),
        400,
        "summary: must be UTF-8",
    );
    s.row(
        "a text of more than 2 MiB",
        altered(|upload| upload.set("summary", vec![b'x'; (2 << 20) + 1])),
        400,
        "summary: must have at most 2097152 bytes",
    );
    s.row(
        "5,000 fields",
        altered(|upload| (0..5000).for_each(|at| upload.fields.push((format!("x{at}"), Vec::new())))),
        400,
        "form: must have at most 4000 fields",
    );
    s.row(
        "more than 8 MiB of texts",
        altered(|upload| {
            (0..6).for_each(|at| upload.fields.insert(0, (format!("x{at}"), vec![b'x'; 3 << 19])));
        }),
        413,
        "bytes than are allowed here",
    );
    s.row(
        "attestations, which are not kept",
        altered(|upload| upload.set("attestations", "[]")),
        400,
        "attestations: are not kept here: upload without them",
    );
    for (sent, field) in [
        ("another file's SHA-256", "sha256_digest"),
        ("another file's MD5", "md5_digest"),
        ("another file's BLAKE2", "blake2_256_digest"),
    ] {
        s.row(
            sent,
            altered(move |upload| {
                let length = upload.fields.iter().find(|(there, _)| there == field).unwrap().1.len();
                upload.set(field, "7".repeat(length));
            }),
            400,
            "is 77777777",
        );
    }
    s.row(
        "a SHA-256 that is none",
        altered(|upload| upload.set("sha256_digest", "xyz")),
        400,
        "sha256_digest: 'xyz' is no such digest in hexadecimal",
    );
    s.row(
        "another kind of file than it is",
        altered(|upload| upload.set("filetype", "sdist")),
        400,
        "filetype: is 'sdist' in the form, but 'bdist_wheel' in the file",
    );
    s.row(
        "another metadata version than the file's",
        altered(|upload| upload.set("metadata_version", "1.0")),
        400,
        "metadata_version: is '1.0' in the form, but '2.1' in the file",
    );
    s.row(
        "a Requires-Python that the file has not",
        altered(|upload| upload.set("requires_python", ">=3")),
        400,
        "requires_python: is '>=3' in the form, but '' in the file",
    );
    s.row(
        "an XML-RPC call, which is answered with a fault",
        Request::new("POST /pypi/py/pypi")
            .header("content-type: text/xml")
            .text("<methodCall><methodName>search</methodName></methodCall>"),
        200,
        "this feed has no XML-RPC",
    )
    .spoken(Dialect::Document);
    s.row(
        "an XML-RPC call of more than 1 MiB",
        Request::new("POST /pypi/py/pypi").body(|| vec![b'<'; (1 << 20) + 1]),
        413,
        "more than the 1048576 bytes that are allowed here",
    );
    s.rows
}

fn names() -> Vec<Row> {
    let mut s = Section::new(Kind::PyPi, "Names and versions");
    let named = |file_name: &'static str| altered(move |upload| upload.file_name = file_name.into());
    s.row(
        "a file name that climbs",
        named("../widget-1.0.0-py3-none-any.whl"),
        400,
        "file name: must have 1 to 255 ASCII letters",
    );
    s.row(
        "a file name with a backslash",
        named(r"..\\widget-1.0.0-py3-none-any.whl"),
        400,
        "file name: must have 1 to 255 ASCII letters",
    );
    s.row(
        "a file name with a zero byte",
        named("widget-1.0.0\0-py3-none-any.whl"),
        400,
        "body: is no multipart form: failed to read headers",
    );
    s.row(
        "a file name beyond ASCII",
        named("wídget-1.0.0-py3-none-any.whl"),
        400,
        "file name: must have 1 to 255 ASCII letters",
    );
    s.row(
        "an empty file name",
        named(""),
        400,
        "file name: must have 1 to 255 ASCII letters, digits, '.', '_', '-', '+' and '!'",
    );
    s.row(
        "a file name of 300 characters",
        altered(|upload| upload.file_name = format!("widget-1.0.0-{}-none-any.whl", "p".repeat(280))),
        400,
        "file name: must have 1 to 255 ASCII letters",
    );
    s.row(
        "a kind of file that is not taken",
        named("widget-1.0.0.exe"),
        400,
        "file name: must end with .whl, .tar.gz or .zip",
    );
    s.row(
        "a wheel's name of four parts",
        named("widget-1.0.0-none-any.whl"),
        400,
        "file name: of a wheel must have five parts",
    );
    s.row(
        "a wheel's name with a build number that is none",
        named("widget-1.0.0-x-py3-none-any.whl"),
        400,
        "file name: has a build number that does not begin with a digit",
    );
    s.row(
        "a wheel's name with an empty tag",
        named("widget-1.0.0-py3--any.whl"),
        400,
        "file name: has an empty tag",
    );
    s.row(
        "a wheel's name of another project",
        named("gadget-1.0.0-py3-none-any.whl"),
        400,
        "file name: speaks of 'gadget-1.0.0', but the metadata in the file of widget 1.0.0",
    );
    s.row(
        "a wheel's name of another version",
        named("widget-2.0-py3-none-any.whl"),
        400,
        "file name: speaks of 'widget-2.0', but the metadata in the file of widget 1.0.0",
    );
    let mut bad_name = |sent, name: &'static str, says| {
        s.row(sent, in_file(name, "1.0.0"), 400, says);
    };
    bad_name("a name with a space", "wid get", "name: may contain only ASCII letters");
    bad_name("a name beyond ASCII", "wídget", "name: may contain only ASCII letters");
    bad_name("a name that climbs", "../widget", "name: may contain only ASCII letters");
    bad_name("a name that begins with a dot", ".widget", "name: must begin and end with a letter or a digit");
    bad_name("a name that ends with a dash", "widget-", "name: must begin and end with a letter or a digit");
    s.row(
        "a name of 129 characters",
        form(|| with_metadata(&"w".repeat(129), "1.0.0")),
        400,
        "name: must have 1 to 128 characters",
    );
    let mut bad_version = |sent, version: &'static str, says| {
        s.row(sent, in_file("widget", version), 400, says);
    };
    bad_version("a version of words", "newest", "version: 'newest' is not valid");
    bad_version("a version with a path in it", "1.0/../../evil", "version: '1.0/../../evil' is not valid");
    bad_version(
        "a version of SemVer that PEP 440 has not",
        "1.0.0-alpha.beta",
        "version: '1.0.0-alpha.beta' is not valid",
    );
    bad_version(
        "a number beyond all numbers",
        "99999999999999999999",
        "version: '99999999999999999999' is not valid: expected number less than or equal to 18446744073709551615, but number found in \"99999999999999999999\" e",
    );
    bad_version(
        "a local number beyond all numbers",
        "1.0+99999999999999999999",
        "version: has a number that is too large",
    );
    bad_version("digits that are not ASCII", "1.\u{0662}", "version: must have 1 to 128 ASCII characters");
    s.row(
        "a version of 300 characters",
        form(|| with_metadata("widget", &"1.".repeat(150))),
        400,
        "version: must have 1 to 128 ASCII characters",
    );
    s.rows
}

/// A wheel that says this of itself; the form and the file name are right for `widget 1.0.0`.
fn in_file(name: &'static str, version: &'static str) -> Request {
    form(move || with_metadata(name, version))
}

fn with_metadata(name: &str, version: &str) -> Vec<u8> {
    let wheel = crate::zip::zip(&super::files_saying("widget", "1.0.0", super::metadata(name, version)));
    Upload::new("widget", "1.0.0", "widget-1.0.0-py3-none-any.whl", wheel).body()
}
