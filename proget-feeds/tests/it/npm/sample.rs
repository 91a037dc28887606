//! npm packages and the documents that npm sends with them.

use crate::bench::{Bench, Caller};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

/// A tarball that holds a `package.json` with these members, and one file.
pub(crate) fn tarball(package: &Value) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in
        [("package/package.json", package.to_string()), ("package/index.js", "1".repeat(2000))]
    {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The document that npm sends for a package with these members.
pub(crate) fn document(package: &Value, tag: &str, tarball: &[u8]) -> Value {
    let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
    let mut object = package.clone();
    object["_id"] = json!(format!("{name}@{version}"));
    object["dist"] = json!({
        "integrity": format!("sha512-{}", STANDARD.encode(sha512(tarball))),
        "tarball": format!("http://elsewhere/{name}/-/{name}-{version}.tgz"),
    });
    json!({
        "_id": name, "name": name, "dist-tags": {tag: version}, "versions": {version: object}, "access": null,
        "_attachments": {format!("{name}-{version}.tgz"): {
            "content_type": "application/octet-stream", "data": STANDARD.encode(tarball), "length": tarball.len(),
        }},
    })
}

pub(crate) fn publication(name: &str, version: &str, tag: &str) -> Value {
    let package = json!({"name": name, "version": version, "description": format!("about {name}"), "dependencies": {"dep": "^1"}});
    document(&package, tag, &tarball(&package))
}

fn sha512(bytes: &[u8]) -> Vec<u8> {
    let wanted = proget_core::digest::DigestSet { sha512: true, ..Default::default() };
    proget_core::digest::Digests::of(bytes, wanted).sha512.unwrap().0.to_vec()
}

/// Publishes a version under `latest`, as npm does.
pub(crate) async fn publish(bench: &Bench, name: &str, version: &str) {
    bench.put(Caller::Admin, name, &publication(name, version, "latest")).await.expect(201);
}
