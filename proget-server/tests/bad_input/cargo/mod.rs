//! Rows of Cargo's protocol.

mod archive;
mod documents;
mod others;

use crate::request::Request;
use crate::row::Row;
use crate::tar::Tar;
use serde_json::{Value, json};

pub(crate) const LINE: &str = "PUT /cargo/rust/api/v1/crates/new";

pub(crate) fn rows() -> Vec<Row> {
    [archive::rows(), documents::rows(), others::rows()].into_iter().flatten().collect()
}

pub(crate) fn slow() -> Vec<Row> {
    others::slow()
}

/// What cargo sends before a crate.
fn document(name: &str, version: &str) -> Value {
    json!({
        "name": name, "vers": version, "deps": [], "features": {}, "authors": [], "description": "of a test",
        "license": "MIT", "keywords": [], "categories": [], "badges": {}, "links": null,
    })
}

/// A body whose two lengths are right.
fn frame(document: &[u8], content: &[u8]) -> Vec<u8> {
    lying_frame(document.len() as u32, document, content.len() as u32, content)
}

/// A body with these lengths.
fn lying_frame(first: u32, document: &[u8], second: u32, content: &[u8]) -> Vec<u8> {
    [&first.to_le_bytes()[..], document, &second.to_le_bytes()[..], content].concat()
}

/// The manifest of a crate.
fn manifest(name: &str, version: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n")
}

/// A crate with this `Cargo.toml`.
fn tar_saying(folder: &str, manifest: impl AsRef<[u8]>) -> Tar {
    Tar::default().file(format!("{folder}/Cargo.toml"), manifest).file(format!("{folder}/src/lib.rs"), "")
}

fn tar(name: &str, version: &str) -> Tar {
    tar_saying(&format!("{name}-{version}"), manifest(name, version))
}

/// Publishes `widget 1.0.0` with these bytes for a crate, everything else being right.
fn publish(content: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    Request::new(LINE).body(move || frame(document("widget", "1.0.0").to_string().as_bytes(), &content()))
}

/// Publishes a good crate with a document that is changed before it is sent.
fn altered(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Request {
    Request::new(LINE).body(move || {
        let mut document = document("widget", "1.0.0");
        change(&mut document);
        frame(document.to_string().as_bytes(), &tar("widget", "1.0.0").tgz())
    })
}

/// Publishes what is there before rows are tried.
pub(crate) fn taken() -> Request {
    Request::new(LINE)
        .body(|| frame(document("taken", "1.0.0").to_string().as_bytes(), &tar("taken", "1.0.0").tgz()))
}
