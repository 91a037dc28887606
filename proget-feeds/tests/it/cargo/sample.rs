//! Crates, and the requests in which cargo sends them.

use crate::bench::{Answer, Bench, Caller};
use flate2::{Compression, write::GzEncoder};
use poem::http::{Method, header};
use serde_json::{Value, json};

/// A crate as `cargo package` makes it.
pub(crate) fn krate(name: &str, version: &str) -> Vec<u8> {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n");
    with_manifest(name, version, &manifest)
}

/// A crate with this `Cargo.toml`.
pub(crate) fn with_manifest(name: &str, version: &str, manifest: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in [("Cargo.toml", manifest), ("src/lib.rs", "// nothing")] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{name}-{version}/{path}"), content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The document that cargo sends with a crate.
pub(crate) fn document(name: &str, version: &str) -> Value {
    json!({
        "name": name, "vers": version, "deps": [], "features": {}, "authors": [],
        "description": format!("about {name}"), "documentation": null, "homepage": null,
        "readme": format!("# {name}"), "readme_file": "README.md", "keywords": ["word"], "categories": [],
        "license": "MIT", "license_file": null, "repository": null, "badges": {}, "links": null,
        "rust_version": null,
    })
}

/// The body of a publish.
pub(crate) fn framed(document: &Value, krate: &[u8]) -> Vec<u8> {
    let document = document.to_string();
    let mut body = u32::try_from(document.len()).unwrap().to_le_bytes().to_vec();
    body.extend_from_slice(document.as_bytes());
    body.extend_from_slice(&u32::try_from(krate.len()).unwrap().to_le_bytes());
    body.extend_from_slice(krate);
    body
}

/// Sends a publish.
pub(crate) async fn send(bench: &Bench, caller: Caller, document: &Value, krate: &[u8]) -> Answer {
    bench.send(caller, Method::PUT, "api/v1/crates/new", &[], framed(document, krate)).await
}

/// Publishes a version of a crate that depends on nothing.
pub(crate) async fn publish(bench: &Bench, name: &str, version: &str) {
    send(bench, Caller::Publisher, &document(name, version), &krate(name, version)).await.expect(200);
}

/// The lines of a document of the index.
pub(crate) async fn lines(bench: &Bench, path: &str) -> Vec<Value> {
    let answer = bench.get(Caller::Reader, path).await.expect(200);
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/plain");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.ends_with('\n'), "{text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What cargo would show.
#[track_caller]
pub(crate) fn shown(answer: &Answer) -> String {
    let json = answer.json();
    json["errors"][0]["detail"].as_str().unwrap_or_else(|| panic!("no error text: {answer:?}")).to_owned()
}
