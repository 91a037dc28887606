//! What inspecting a tarball finds, and which tarballs are refused with which rule.

use super::*;
use flate2::{Compression, write::GzEncoder};
use proget_core::digest::DigestSet;
use std::io::Cursor;

fn tgz(files: &[(&str, &str)]) -> Bytes {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap().into()
}

fn inspected(files: &[(&str, &str)], offer: &Offer) -> Result<Manifest, Refusal> {
    let bytes = tgz(files);
    let artifact =
        Artifact::in_memory(bytes.clone(), DigestSet { sha1: true, sha512: true, ..DigestSet::default() });
    inspect(&mut Cursor::new(bytes), &artifact, offer)
}

fn whole(manifest: &Manifest) -> (Value, Value) {
    let halves: Value = serde_json::from_slice(&manifest.version_fragment.0).unwrap();
    (halves["install"].clone(), halves["more"].clone())
}

fn offer(document: Value) -> Offer {
    Offer {
        name: document["name"].as_str().map(str::to_owned),
        version: document["version"].as_str().map(str::to_owned),
        document: Some(serde_json::to_vec(&document).unwrap().into()),
        ..Offer::default()
    }
}

#[test]
fn a_raw_tarball_is_described_by_its_package_json() {
    let package = r#"{"name":"@acme/tool","version":"v1.2.0+build","bin":"./cli.js","description":"does\n\u0000 things",
        "keywords":["x"],"dependencies":{"a":"^1"},"scripts":{"test":"t"}}"#;
    let manifest = inspected(
        &[
            ("x/package.json", package),
            ("x/README.md", "# Tool"),
            ("x/binding.gyp", "{}"),
            ("x/npm-shrinkwrap.json", "{}"),
            ("x/sub/package.json", "not looked at"),
        ],
        &Offer::default(),
    )
    .unwrap();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("@acme/tool", "1.2.0"));
    assert_eq!((manifest.file.as_str(), manifest.summary.as_str()), ("tool-1.2.0.tgz", "does things"));
    assert_eq!(
        (&manifest.detail.0[..], manifest.keywords.as_slice()),
        (&b"# Tool"[..], &["x".to_owned()][..])
    );
    let (install, more) = whole(&manifest);
    let expected = json!({
        "name": "@acme/tool", "version": "1.2.0", "dependencies": {"a": "^1"}, "bin": {"tool": "cli.js"},
        "hasInstallScript": true, "_hasShrinkwrap": true,
    });
    assert_eq!(install, expected);
    assert_eq!(
        (more["_id"].as_str(), more["scripts"]["install"].as_str()),
        (Some("@acme/tool@1.2.0"), Some("node-gyp rebuild"))
    );
    let dist: Value = serde_json::from_slice(&manifest.file_fragment.0).unwrap();
    assert_eq!((dist["fileCount"].as_u64(), dist["shasum"].as_str().map(str::len)), (Some(5), Some(40)));
    assert_eq!(manifest.tags, [TagChange { tag: tag::parse("latest").unwrap(), mode: TagMode::Move }]);
}

#[test]
fn a_client_s_version_object_is_kept_but_not_its_claims() {
    let document = json!({
        "name": "a", "version": "1.0.0", "_id": "a@1.0.0", "main": "i.js", "readme": "sent", "deprecated": "no",
        "scripts": {"postinstall": "x"}, "dist": {"tarball": "http://evil/x.tgz", "unpackedSize": 1}, "_npmUser": {},
    });
    let mut offer = offer(document);
    offer.tags = vec!["beta".into()];
    let files =
        [("package/package.json", r#"{"name":"a","version":"1.0.0"}"#), ("package/readme.txt", "packed")];
    let manifest = inspected(&files, &offer).unwrap();
    let (install, more) = whole(&manifest);
    assert_eq!(install, json!({"name": "a", "version": "1.0.0", "hasInstallScript": true}));
    assert_eq!(more, json!({"_id": "a@1.0.0", "main": "i.js", "scripts": {"postinstall": "x"}}));
    assert_eq!(&manifest.detail.0[..], b"sent");
    let modes: Vec<_> = manifest.tags.iter().map(|change| (change.tag.as_str(), change.mode)).collect();
    assert_eq!(modes, [("beta", TagMode::Move), ("latest", TagMode::IfAbsent)]);
}

#[test]
fn what_the_tarball_does_not_say_is_refused_with_its_field() {
    let files = [("package/package.json", r#"{"name":"a","version":"1.0.0"}"#)];
    for (document, field) in [
        (json!({"name": "b", "version": "1.0.0"}), "name"),
        (json!({"name": "a", "version": "1.0.1"}), "version"),
        (json!({"name": "a", "version": "1.0"}), "version"),
        (json!({"name": "a", "version": "1.0.0", "dist": {"integrity": "sha512-AAAA"}}), "dist.integrity"),
        (json!({"name": "a", "version": "1.0.0", "dist": {"shasum": "00"}}), "dist.shasum"),
        (json!({"name": "a", "version": "1.0.0", "dependencies": ["x"]}), "dependencies"),
    ] {
        assert_eq!(inspected(&files, &offer(document)).unwrap_err().field, field);
    }
    let mut bad_tag = offer(json!({"name": "a", "version": "1.0.0"}));
    bad_tag.tags = vec!["1.x".into()];
    assert_eq!(inspected(&files, &bad_tag).unwrap_err().field, "dist-tags");
}

#[test]
fn a_tarball_without_exactly_one_package_json_is_refused() {
    let good = r#"{"name":"a","version":"1.0.0"}"#;
    for files in [
        &[("package.json", good)][..],
        &[("a/b/package.json", good)],
        &[("a/package.json", good), ("b/package.json", good)],
        &[("a/package.json", "[]")],
        &[("a/package.json", r#"{"version":"1.0.0"}"#)],
        &[("a/package.json", r#"{"name":"A","version":"1.0.0"}"#)],
        &[("a/package.json", r#"{"name":"a","version":"one"}"#)],
    ] {
        assert!(inspected(files, &Offer::default()).is_err(), "{files:?}");
    }
}
