//! Crates as `cargo package` makes them, and crates that are not what they are said to be.

use super::*;
use flate2::{Compression, write::GzEncoder};
use proget_core::digest::DigestSet;
use serde_json::{Value, json};
use std::io::Cursor;

const MANIFEST: &str = "[package]\nname = \"foo_bar\"\nversion = \"1.0.0+linux\"\ndescription = \"about\\n it\"\n\
    readme = \"README.md\"\nkeywords = [\"k\"]\ncategories = [\"c\", \"\\u0000\", \"\"]\n[dependencies.b]\nversion = \"1\"\n";

fn packed(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if let Some(target) = content.strip_prefix("-> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, target).unwrap();
        } else {
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn inspected(entries: &[(&str, &str)], offer: &Offer) -> Result<Manifest, Refusal> {
    let bytes = packed(entries);
    let artifact = Artifact::in_memory(bytes.clone(), DigestSet::default());
    inspect(&mut Cursor::new(bytes), &artifact, offer)
}

const WHOLE: [(&str, &str); 3] = [
    ("foo_bar-1.0.0+linux/Cargo.toml", MANIFEST),
    ("foo_bar-1.0.0+linux/README.md", "# read me"),
    ("foo_bar-1.0.0+linux/src/lib.rs", ""),
];

fn offer(document: &Value) -> Offer {
    Offer { document: Some(document.to_string().into()), ..Offer::default() }
}

fn refused(entries: &[(&str, &str)], offer: &Offer, because: &str) {
    let refusal = inspected(entries, offer).unwrap_err().to_string();
    assert!(refusal.contains(because), "{refusal} does not say {because:?}");
}

#[test]
fn a_crate_alone_says_everything_that_is_stored() {
    let found = inspected(&WHOLE, &Offer::default()).unwrap();
    assert_eq!((found.name.as_str(), found.version.as_str()), ("foo_bar", "1.0.0+linux"));
    assert_eq!(found.file.as_str(), "foo-bar-1.0.0.crate");
    assert_eq!((found.summary.as_str(), found.keywords.join(" ")), ("about it", "foo-bar k c".into()));
    assert_eq!(&found.detail.0[..], b"# read me");
    let line: Value = serde_json::from_slice(&found.version_fragment.0).unwrap();
    assert_eq!((&line["name"], &line["vers"]), (&json!("foo_bar"), &json!("1.0.0+linux")));
    assert_eq!((&line["deps"][0]["name"], &line["deps"][0]["req"]), (&json!("b"), &json!("^1")));
    assert_eq!(line["cksum"].as_str().unwrap().len(), 64);
    let about: About = serde_json::from_slice(&found.file_detail.0).unwrap();
    assert_eq!(about.description.as_deref(), Some("about\n it"));
}

#[test]
fn what_was_sent_with_a_crate_makes_its_line() {
    let dependency = json!({"name": "b", "version_req": "=1.2.3", "kind": "normal"});
    let sent = json!({
        "name": "foo_bar", "vers": "1.0.0+linux", "readme": "sent", "features": {"f": []}, "deps": [dependency],
    });
    let found = inspected(&WHOLE, &offer(&sent)).unwrap();
    let line: Value = serde_json::from_slice(&found.version_fragment.0).unwrap();
    assert_eq!((&line["features"], &line["deps"][0]["req"]), (&json!({"f": []}), &json!("=1.2.3")));
    assert_eq!(&found.detail.0[..], b"sent");
}

#[test]
fn a_document_that_needs_something_else_than_the_crate_is_refused() {
    let refuse = |dependencies: Value, because: &str| {
        let sent = json!({"name": "foo_bar", "vers": "1.0.0+linux", "deps": dependencies});
        refused(&WHOLE, &offer(&sent), because);
    };
    let one = |name: &str, kind: &str| json!({"name": name, "version_req": "1", "kind": kind});
    refuse(json!([]), "has 'b' in the crate's Cargo.toml, but not in the publish document");
    refuse(json!([one("b", "normal"), one("c", "normal")]), "has 'c' in the publish document, but not in");
    refuse(json!([one("b", "build")]), "has 'b' in");
    let renamed = json!({"name": "evil", "version_req": "1", "explicit_name_in_toml": "b"});
    refuse(json!([renamed]), "has 'b' in");
    // Clients leave some of these out in one of the two.
    let sent =
        json!({"name": "foo_bar", "vers": "1.0.0+linux", "deps": [one("b", "normal"), one("c", "dev")]});
    assert!(inspected(&WHOLE, &offer(&sent)).is_ok());
}

#[test]
fn contradictions_are_refused_and_both_sides_named() {
    let wrong = Offer { name: Some("foo-bar".into()), ..Offer::default() };
    refused(&WHOLE, &wrong, "is 'foo-bar', but the crate's Cargo.toml says 'foo_bar'");
    let wrong = Offer { version: Some("1.0.0".into()), ..Offer::default() };
    refused(&WHOLE, &wrong, "is '1.0.0', but the crate's Cargo.toml says '1.0.0+linux'");
    let sent = |name, vers| offer(&json!({"name": name, "vers": vers}));
    refused(&WHOLE, &sent("other", "1.0.0+linux"), "is 'other', but the crate's Cargo.toml says 'foo_bar'");
    refused(&WHOLE, &sent("foo_bar", "2.0.0"), "is '2.0.0', but the crate's Cargo.toml says '1.0.0+linux'");
    let moved = [("foo_bar-1.0.0/Cargo.toml", MANIFEST)];
    refused(
        &moved,
        &Offer::default(),
        "has the folder 'foo_bar-1.0.0', but its Cargo.toml makes it 'foo_bar-1.0.0+linux'",
    );
}

#[test]
fn archives_that_cargo_package_would_not_write_are_refused() {
    let none = Offer::default();
    let with = |more: (&'static str, &'static str)| [WHOLE[0], WHOLE[1], more];
    refused(&[], &none, "Cargo.toml: must be in the crate's folder");
    refused(&[WHOLE[1]], &none, "Cargo.toml: must be in the crate's folder");
    refused(&with(("foo_bar-1.0.0+linux/cargo.TOML", "")), &none, "once, also in other cases");
    refused(&with(WHOLE[0]), &none, "once");
    refused(&with(("other/x", "")), &none, "one folder, but has 'other/x'");
    refused(&with(("x", "")), &none, "one folder, but has 'x'");
    refused(&[("x", "")], &none, "one folder, but has 'x'");
    refused(&with(("foo_bar-1.0.0+linux/link", "-> src/lib.rs")), &none, "has a link");
    refused(&with(("foo_bar-1.0.0+linux/link", "-> ../../x")), &none, "leads out of the archive");
}

#[test]
fn a_readme_is_the_one_that_is_named() {
    let with = |readme: &str| {
        let manifest = MANIFEST.replace("readme = \"README.md\"", readme);
        let entries = [WHOLE[1], ("foo_bar-1.0.0+linux/README.txt", "text"), (WHOLE[0].0, manifest.as_str())];
        inspected(&entries, &Offer::default()).unwrap().detail.0
    };
    assert_eq!(&with("readme = \"README.txt\"")[..], b"text");
    assert_eq!(&with("")[..], b"# read me");
    assert!(with("readme = false").is_empty() && with("readme = \"elsewhere.md\"").is_empty());
}

#[test]
fn a_version_as_long_as_it_may_be_still_has_a_file() {
    let name = name::parse(&"a".repeat(64)).unwrap();
    let version = version::parse(&format!("1.0.0-{}", "a".repeat(249))).unwrap();
    assert_eq!(file_name(name.key(), version.key()).unwrap().as_str(), version.as_str());
}
