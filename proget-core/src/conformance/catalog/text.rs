//! Texts as they are: every byte is kept, and keys are compared byte by byte, whatever a
//! database's collation would like.

use super::bench::{Bench, LONG, add, version_ref};
use crate::catalog::PackageChange;
use crate::conformance::case::{Case, cases};
use crate::conformance::sample::{self, set, tag, version_key};
use crate::package::{
    FileName, FileRef, Fragment, NameKey, OrderKey, PackageName, Stability, TagName, Version, VersionKey,
};
use bytes::Bytes;

pub(super) const CASES: &[Case<Bench>] = cases![
    names_that_collations_confuse_are_different,
    the_longest_keys_fit_and_are_told_apart_at_their_end,
    fragments_and_texts_keep_every_byte,
    order_keys_are_compared_as_unsigned_bytes,
];

/// Pairwise different, though some collation or padding rule takes each for another one.
const CONFUSING: &[&str] = &[
    "a",
    "A",
    "ä",
    "a ",
    " a",
    "á",
    "a\u{301}",
    "ａ",
    "ß",
    "ss",
    "a%",
    "a_",
    "a'",
    "\u{1f600}",
    "\u{1f601}",
];

async fn names_that_collations_confuse_are_different(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let blob = bench.reserve("bytes", LONG).await;
    for text in CONFUSING {
        for file in CONFUSING {
            let mut new = sample::new_file(feed, "p", "1.0.0", "bytes", &blob);
            new.package = PackageName::new(*text, *text);
            new.version = Version::new(*file, *file, OrderKey(file.as_bytes().to_vec()), Stability::Stable);
            new.file = FileName::new(*file).unwrap();
            let tagged = PackageChange::SetTag(
                crate::catalog::VersionRef {
                    feed,
                    package: NameKey::stored((*text).into()),
                    version: version_key(file),
                },
                TagName::new(*file).unwrap(),
            );
            bench.done(set().with(add(new)).with(tagged)).await;
        }
    }
    assert_eq!(bench.totals(feed).await.unwrap().packages, CONFUSING.len() as u64);
    let mut sorted: Vec<&str> = CONFUSING.to_vec();
    sorted.sort_unstable();
    for text in CONFUSING {
        let rows =
            bench.rows(feed, &NameKey::stored((*text).into())).await.unwrap().expect("it was published");
        assert_eq!(rows.package.name.as_str(), *text);
        let versions: Vec<&str> = rows.versions.iter().map(|version| version.version.as_str()).collect();
        assert_eq!(versions, sorted, "versions in byte order of their order keys");
        let tags: Vec<&str> = rows.tags.iter().map(|(tag, _)| tag.as_str()).collect();
        assert_eq!(tags, sorted, "tags in byte order");
    }
    let other_case = FileRef { package: NameKey::stored("a".into()), file: sample::file_name("SS") };
    assert_eq!(bench.file(feed, &other_case).await.unwrap(), None, "a file's name is compared as written");
}

async fn the_longest_keys_fit_and_are_told_apart_at_their_end(bench: Bench) {
    let feed = bench.feed_called(&"f".repeat(80)).await.id;
    let blob = bench.reserve("bytes", LONG).await;
    for last in ["x", "y"] {
        let text = |length: usize| format!("{}{last}", "k".repeat(length - 1));
        let mut new = sample::new_file(feed, "p", "1.0.0", "bytes", &blob);
        let name = text(NameKey::MAX_BYTES);
        new.package = PackageName::new(name.clone(), name.clone());
        let order = OrderKey([&[0xff; OrderKey::MAX_BYTES - 1][..], last.as_bytes()].concat());
        let version = text(VersionKey::MAX_BYTES);
        new.version = Version::new(version.clone(), version.clone(), order, Stability::Stable);
        new.file = FileName::new(text(255)).unwrap();
        let (key, version_key) = (new.package.key().clone(), new.version.key().clone());
        let of = crate::catalog::VersionRef { feed, package: key.clone(), version: version_key };
        bench.done(set().with(add(new.clone())).with(PackageChange::SetTag(of, tag(&text(128))))).await;
        let rows = bench.rows(feed, &key).await.unwrap().expect("the longest name must be found");
        assert_eq!((&rows.package.name, &rows.versions[0].version), (&new.package, &new.version));
        assert_eq!((&rows.versions[0].files[0].name, rows.tags.len()), (&new.file, 1));
    }
    assert_eq!(bench.totals(feed).await.unwrap().packages, 2);
}

async fn fragments_and_texts_keep_every_byte(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let mut file = bench.new_file(feed, "left-pad", "1.0.0").await;
    file.version_fragment = Fragment(Bytes::from(bytes.clone()));
    file.file_fragment = Fragment(Bytes::from(bytes.iter().rev().copied().collect::<Vec<u8>>()));
    file.detail = Fragment(Bytes::from(bytes.clone()));
    file.file_detail = Fragment(Bytes::from(bytes.into_iter().skip(7).collect::<Vec<u8>>()));
    file.summary = "\u{1f680} \"quotes\" 'single' \\ % _ end ".to_owned() + &"long ".repeat(2000);
    file.keywords = (0..100).map(|number| format!("word {number} ü")).collect();
    bench.add(file.clone()).await;
    let rows = bench.package(feed, "left-pad").await;
    let version = &rows.versions[0];
    assert!(version.fragment == file.version_fragment, "the version's fragment is kept verbatim");
    assert!(version.files[0].fragment == file.file_fragment, "the file's fragment is kept verbatim");
    assert_eq!(version.summary, file.summary);
    let detail = bench.detail(feed, file.package.key(), file.version.key()).await.unwrap();
    assert!(detail == Some(file.detail), "the detail is kept verbatim");
    let wanted = FileRef { package: file.package.key().clone(), file: file.file.clone() };
    let detail = bench.file_detail(feed, &wanted).await.unwrap();
    assert!(detail == Some(file.file_detail), "the file's detail is kept verbatim");
    bench.change(PackageChange::RemoveFile(feed, wanted.package.clone(), wanted.file.clone())).await;
    assert_eq!(bench.file_detail(feed, &wanted).await.unwrap(), None, "it goes with its file");
    let mut empty = bench.new_file(feed, "empty", "1.0.0").await;
    (empty.detail, empty.version_fragment) = (Fragment::default(), Fragment::default());
    empty.file_detail = Fragment::default();
    let wanted = FileRef { package: empty.package.key().clone(), file: empty.file.clone() };
    (empty.file_fragment, empty.summary, empty.keywords) = (Fragment::default(), String::new(), Vec::new());
    bench.add(empty).await;
    let detail = bench.detail(feed, &sample::name("empty"), &version_key("1.0.0")).await.unwrap();
    assert_eq!(detail, Some(Fragment::default()), "no detail is an empty one, not an absent version");
    let detail = bench.file_detail(feed, &wanted).await.unwrap();
    assert_eq!(detail, Some(Fragment::default()), "no detail is an empty one, not an absent file");
}

async fn order_keys_are_compared_as_unsigned_bytes(bench: Bench) {
    let feed = bench.feed_called("npm").await.id;
    let blob = bench.reserve("bytes", LONG).await;
    // In descending order of their keys, so that the order of publishing cannot be mistaken for it.
    let orders: [&[u8]; 8] =
        [&[0xff, 0xff], &[0xff], &[0x80], &[0x7f, 0xff], &[0x7f], &[0x7e, 0x20], &[0x7e], &[0]];
    for (number, order) in orders.iter().enumerate() {
        let mut new = sample::new_file(feed, "p", "1.0.0", "bytes", &blob);
        let text = format!("version {number}");
        new.version = Version::new(text.clone(), text.clone(), OrderKey(order.to_vec()), Stability::Stable);
        new.file = sample::file_name(&text);
        bench.add(new).await;
    }
    let rows = bench.package(feed, "p").await;
    let found: Vec<&[u8]> =
        rows.versions.iter().map(|version| version.version.order().0.as_slice()).collect();
    let expected: Vec<&[u8]> = orders.iter().rev().copied().collect();
    assert_eq!(found, expected);
    let newest = version_ref(feed, "p", "version 0");
    assert_eq!(rows.versions.last().unwrap().version.key(), &newest.version);
}
