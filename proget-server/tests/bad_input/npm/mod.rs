//! Rows of npm's protocol.

mod archive;
mod contents;
mod documents;
mod others;

use crate::bytes::{npm_document, npm_tgz};
use crate::request::Request;
use crate::row::Row;
use serde_json::Value;

pub(crate) fn rows() -> Vec<Row> {
    [archive::rows(), contents::rows(), documents::rows(), others::rows()].into_iter().flatten().collect()
}

/// Publishes `widget 1.0.0` with these bytes for a tarball, everything else being right.
fn publish(tarball: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Request {
    Request::new("PUT /npm/js/widget")
        .body(move || npm_document("widget", "1.0.0", &tarball()).to_string().into_bytes())
}

/// Publishes a good tarball with a document that is changed before it is sent.
fn altered(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Request {
    publish_as("widget", "1.0.0", change)
}

/// The same under another name and version.
fn publish_as(
    name: &'static str,
    version: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> Request {
    let line = format!("PUT /npm/js/{name}");
    Request::new(line).body(move || {
        let mut document = npm_document(name, version, &npm_tgz(name, version));
        change(&mut document);
        document.to_string().into_bytes()
    })
}

pub(crate) fn slow() -> Vec<Row> {
    others::slow()
}
