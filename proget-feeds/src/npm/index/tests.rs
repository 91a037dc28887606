//! Packuments, full and abbreviated, from rows as the catalogue gives them.

use super::*;
use proget_core::blob::BlobKey;
use proget_core::catalog::{FileRow, PackageRow};
use proget_core::clock::Timestamp;
use proget_core::digest::{DigestSet, Digests};
use proget_core::feed::StoreName;
use proget_core::ids::{BlobId, FeedId, FileId, PackageId};
use proget_core::package::{FileName, PackageName, TagName, VersionKey, VersionStatus};
use serde_json::Map;

const BASE: &str = "https://example.test/npm/feed/";

fn row(version: &str, more: Value) -> VersionRow {
    let mut object: Map<String, Value> = more.as_object().unwrap().clone();
    object.insert("name".into(), "@acme/a".into());
    object.insert("version".into(), version.into());
    let digests = Digests::of(version.as_bytes(), DigestSet::default());
    VersionRow {
        version: super::super::version::parse(version).unwrap(),
        published: Timestamp(0),
        published_by: "ann".into(),
        status: VersionStatus::default(),
        summary: String::new(),
        fragment: VersionFragment::encode(object),
        files: vec![FileRow {
            id: FileId(1),
            name: FileName::new(format!("a-{version}.tgz")).unwrap(),
            blob: BlobId(1),
            store: StoreName::default(),
            key: BlobKey::fresh(digests.sha256),
            size: 1,
            digests,
            fragment: super::super::fragment::json(&json!({"integrity": "sha512-x"})),
            published: Timestamp(0),
        }],
    }
}

fn rows(versions: Vec<VersionRow>, tags: &[(&str, &str)]) -> PackageRows {
    let tag = |(tag, version): &(&str, &str)| {
        (TagName::new(*tag).unwrap(), VersionKey::stored((*version).to_owned()))
    };
    PackageRows {
        package: PackageRow {
            id: PackageId(1),
            feed: FeedId(1),
            name: PackageName::new("@acme/a", "@acme/a"),
            stamp: Stamp::random(),
            created: Timestamp(0),
            modified: Timestamp(1000),
        },
        tags: tags.iter().map(tag).collect(),
        versions,
    }
}

fn parsed(bytes: Option<Vec<u8>>) -> Value {
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[test]
fn the_short_document_has_what_installing_needs_and_nothing_else() {
    let version =
        row("1.0.0", json!({"dependencies": {"b": "1"}, "scripts": {"test": "x"}, "description": "d"}));
    let rows = rows(vec![version], &[("latest", "1.0.0")]);
    let expected = json!({
        "name": "@acme/a",
        "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {
            "name": "@acme/a", "version": "1.0.0", "dependencies": {"b": "1"},
            "dist": {"integrity": "sha512-x", "tarball": "https://example.test/npm/feed/@acme/a/-/a-1.0.0.tgz"},
        }},
        "modified": "1970-01-01T00:00:01.000Z",
    });
    assert_eq!(parsed(Index::new(&rows, BASE).packument(Form::Abbreviated)), expected);
}

#[test]
fn the_full_document_adds_times_people_and_what_the_latest_version_says() {
    let versions = vec![
        row("1.0.0", json!({"description": "old"})),
        row("2.0.0", json!({"description": "new", "main": "m"})),
    ];
    let rows = rows(versions, &[("latest", "2.0.0"), ("legacy", "1.0.0")]);
    let full = parsed(Index::new(&rows, BASE).packument(Form::Full));
    assert_eq!((&full["description"], &full["_id"]), (&json!("new"), &json!("@acme/a")));
    assert_eq!(full["_rev"], json!(revision(rows.package.stamp)));
    assert_eq!(full["time"]["2.0.0"], json!("1970-01-01T00:00:00.000Z"));
    assert_eq!(full["maintainers"], json!([{"name": "ann", "email": ""}]));
    assert_eq!(
        (&full["versions"]["2.0.0"]["main"], &full["versions"]["2.0.0"]["_npmUser"]["name"]),
        (&json!("m"), &json!("ann"))
    );
    let keys: Vec<_> = full["versions"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["1.0.0", "2.0.0"]);
}

#[test]
fn blocked_versions_and_their_tags_are_not_there_and_deprecated_ones_say_why() {
    let mut versions = vec![row("1.0.0", json!({})), row("2.0.0", json!({})), row("3.0.0", json!({}))];
    versions[0].status.deprecated = Some("use 2".into());
    versions[1].status.deprecated = Some(String::new());
    versions[2].status.download = Download::Blocked;
    let mut rows = rows(versions, &[("latest", "3.0.0")]);
    let index = Index::new(&rows, BASE);
    let short = parsed(index.packument(Form::Abbreviated));
    assert_eq!(short["dist-tags"], json!({"latest": "2.0.0"}));
    assert_eq!(short["versions"]["1.0.0"]["deprecated"], json!("use 2"));
    assert_eq!(short["versions"]["2.0.0"]["deprecated"], json!("this version is deprecated"));
    assert!(short["versions"].get("3.0.0").is_none() && index.manifest("3.0.0").is_none());
    rows.versions.drain(..2);
    assert!(Index::new(&rows, BASE).packument(Form::Full).is_none());
}

#[test]
fn without_a_latest_tag_the_newest_stable_version_that_is_advised_counts() {
    let mut versions = vec![row("1.0.0", json!({})), row("1.1.0", json!({})), row("2.0.0-rc.1", json!({}))];
    let latest =
        |versions: &[VersionRow]| Index::new(&rows(versions.to_vec(), &[]), BASE).tags()["latest"].clone();
    assert_eq!(latest(&versions), "1.1.0");
    versions[1].status.deprecated = Some("bad".into());
    assert_eq!(latest(&versions), "1.0.0");
    assert_eq!(latest(&versions[2..]), "2.0.0-rc.1");
}

#[test]
fn a_version_is_found_by_itself_or_by_its_tag() {
    let rows = rows(vec![row("1.0.0", json!({"main": "m"}))], &[("latest", "1.0.0"), ("next", "1.0.0")]);
    let index = Index::new(&rows, BASE);
    for asked in ["1.0.0", "next", "latest"] {
        assert_eq!(parsed(index.manifest(asked))["main"], json!("m"), "{asked}");
    }
    assert!(index.manifest("2.0.0").is_none() && index.manifest("nope").is_none());
}

#[test]
fn a_damaged_fragment_costs_one_version_object_and_not_the_document() {
    let mut version = row("1.0.0", json!({}));
    version.fragment = proget_core::package::Fragment(bytes::Bytes::from_static(b"{\"install\":"));
    let short = parsed(Index::new(&rows(vec![version], &[]), BASE).packument(Form::Abbreviated));
    assert_eq!(short["versions"]["1.0.0"]["version"], json!("1.0.0"));
}
