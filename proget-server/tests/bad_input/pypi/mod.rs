//! Rows of PyPI's protocol.

mod archive;
mod contents;
mod forms;
mod others;

use crate::bytes::digests;
use crate::request::Request;
use crate::row::Row;
use crate::zip::{ZipFile, zip};

pub(crate) const LINE: &str = "POST /pypi/py/legacy/";
const TYPE: &str = "content-type: multipart/form-data; boundary=edge";

pub(crate) fn rows() -> Vec<Row> {
    [archive::rows(), contents::rows(), forms::rows(), others::rows()].into_iter().flatten().collect()
}

pub(crate) fn slow() -> Vec<Row> {
    others::slow()
}

/// An upload form, being filled in.
pub(crate) struct Upload {
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) file_name: String,
    pub(crate) content: Vec<u8>,
}

impl Upload {
    /// As twine fills it in.
    fn new(name: &str, version: &str, file_name: &str, content: Vec<u8>) -> Self {
        let kind = if file_name.ends_with(".whl") { "bdist_wheel" } else { "sdist" };
        let digests = digests(&content);
        let fields = [
            (":action", "file_upload".to_owned()),
            ("protocol_version", "1".into()),
            ("metadata_version", "2.1".into()),
            ("name", name.into()),
            ("version", version.into()),
            ("filetype", kind.into()),
            ("md5_digest", digests.md5.unwrap().to_string()),
            ("sha256_digest", digests.sha256.to_string()),
            ("blake2_256_digest", digests.blake2b.unwrap().to_string()),
        ];
        let fields = fields.into_iter().map(|(field, value)| (field.to_owned(), value.into_bytes()));
        Self { fields: fields.collect(), file_name: file_name.into(), content }
    }

    /// Sets a field that is there, or adds one.
    pub(crate) fn set(&mut self, field: &str, value: impl Into<Vec<u8>>) {
        self.fields.retain(|(there, _)| there != field);
        self.fields.push((field.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, field: &str) {
        self.fields.retain(|(there, _)| there != field);
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (field, value) in &self.fields {
            let head = format!("--edge\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        let name = &self.file_name;
        let head = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"content\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&self.content);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        body
    }
}

/// A form with this body.
fn form(body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    Request::new(LINE).header(TYPE).body(body)
}

/// Uploads a wheel with these bytes, everything else being right.
fn publish(wheel: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    form(move || Upload::new("widget", "1.0.0", "widget-1.0.0-py3-none-any.whl", wheel()).body())
}

/// Uploads an sdist with these bytes, everything else being right.
fn publish_sdist(sdist: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    form(move || Upload::new("widget", "1.0.0", "widget-1.0.0.tar.gz", sdist()).body())
}

/// Uploads a good wheel with a form that is changed before it is sent.
fn altered(change: impl Fn(&mut Upload) + Send + Sync + 'static) -> Request {
    form(move || {
        let mut upload =
            Upload::new("widget", "1.0.0", "widget-1.0.0-py3-none-any.whl", wheel("widget", "1.0.0"));
        change(&mut upload);
        upload.body()
    })
}

/// What is in a wheel.
fn files(name: &str, version: &str) -> Vec<ZipFile> {
    files_saying(name, version, metadata(name, version))
}

fn files_saying(name: &str, version: &str, metadata: impl AsRef<[u8]>) -> Vec<ZipFile> {
    let folder = format!("{name}-{version}.dist-info");
    vec![
        ZipFile::new(format!("{name}/__init__.py"), "x = 1\n"),
        ZipFile::new(format!("{folder}/METADATA"), metadata),
        ZipFile::new(
            format!("{folder}/WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        ZipFile::new(format!("{folder}/RECORD"), format!("{folder}/RECORD,,\n")),
    ]
}

fn metadata(name: &str, version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
}

fn wheel(name: &str, version: &str) -> Vec<u8> {
    zip(&files(name, version))
}

/// Publishes what is there before rows are tried.
pub(crate) fn taken() -> Request {
    form(|| Upload::new("taken", "1.0.0", "taken-1.0.0-py3-none-any.whl", wheel("taken", "1.0.0")).body())
}
