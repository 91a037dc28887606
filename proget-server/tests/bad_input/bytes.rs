//! Bytes that rows are made of: good packages, and what one can do to them.

use crate::request::Request;
use crate::tar::Tar;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_core::digest::{DigestSet, Digests};
use serde_json::{Value, json};
use std::io::Write as _;

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// What a gzip file of so many zeros is, made without holding them.
pub(crate) fn gzip_of_zeros(before: &[u8], zeros: usize, after: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(before).unwrap();
    let chunk = vec![0; 1 << 20];
    for _ in 0..zeros / chunk.len() {
        gzip.write_all(&chunk).unwrap();
    }
    gzip.write_all(after).unwrap();
    gzip.finish().unwrap()
}

/// The first `length` bytes.
pub(crate) fn cut(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.truncate(length);
    bytes
}

/// All but the last `length` bytes.
pub(crate) fn without_last(bytes: Vec<u8>, length: usize) -> Vec<u8> {
    let left = bytes.len() - length;
    cut(bytes, left)
}

/// With one bit turned, counted from the end.
pub(crate) fn spoilt(mut bytes: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = bytes.len() - from_end;
    bytes[at] ^= 0x10;
    bytes
}

/// `open` so many times, and then as often `close`.
pub(crate) fn nested(depth: usize, open: &str, close: &str) -> String {
    open.repeat(depth) + &close.repeat(depth)
}

pub(crate) fn digests(bytes: &[u8]) -> Digests {
    Digests::of(bytes, DigestSet { md5: true, sha1: true, sha512: true, blake2b: true })
}

/// A tarball as npm packs it, with this `package.json`.
pub(crate) fn npm_tar(package_json: impl AsRef<[u8]>) -> Tar {
    Tar::default().file("package/package.json", package_json).file("package/index.js", "module.exports = 1\n")
}

/// The same for a package without any peculiarity.
pub(crate) fn npm_tgz(name: &str, version: &str) -> Vec<u8> {
    npm_tar(json!({ "name": name, "version": version }).to_string()).tgz()
}

/// What npm sends to publish a tarball.
pub(crate) fn npm_document(name: &str, version: &str, tarball: &[u8]) -> Value {
    let digests = digests(tarball);
    json!({
        "_id": name, "name": name, "dist-tags": {"latest": version},
        "versions": {version: {"name": name, "version": version, "dist": {
            "integrity": format!("sha512-{}", base64(&digests.sha512.unwrap().0)),
            "shasum": digests.sha1.unwrap().to_string(),
        }}},
        "_attachments": {format!("{name}-{version}.tgz"): {
            "content_type": "application/octet-stream", "data": base64(tarball), "length": tarball.len(),
        }},
    })
}

/// Publishes what is there before rows are tried.
pub(crate) fn npm_taken() -> Request {
    let tarball = || npm_tgz("taken", "1.0.0");
    Request::new("PUT /npm/js/taken")
        .body(move || npm_document("taken", "1.0.0", &tarball()).to_string().into())
}

/// Asks for it.
pub(crate) fn npm_known() -> Request {
    Request::new("GET /npm/js/taken")
}
