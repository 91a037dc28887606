//! The pure half: names, versions, and what is found in files.

use super::sample::{artifact, metadata, sdist, tgz_of, wheel, zip_of};
use proget_core::package::{Manifest, Offer};
use proget_core::{FeedFormat as _, Refusal};
use proget_feeds::pypi::PYPI;
use std::io::Cursor;

#[test]
fn pypi_keeps_the_promises_of_a_format() {
    proget_core::conformance::format(&PYPI);
}

fn inspect(file_name: Option<&str>, bytes: &[u8]) -> Result<Manifest, Refusal> {
    let offer = Offer { file_name: file_name.map(str::to_owned), ..Offer::default() };
    PYPI.inspect(&mut Cursor::new(bytes), &artifact(bytes), &offer)
}

#[test]
fn a_wheel_and_an_sdist_are_known_by_their_bytes_and_named_as_they_should_be() {
    let (file, bytes) =
        wheel("My.Tool", "1.0", "Requires-Python: >=3.8\nSummary: does\n  much\nKeywords: a,b c\n");
    let found = inspect(None, &bytes).unwrap();
    assert_eq!((found.name.as_str(), found.version.as_str()), ("My.Tool", "1.0"));
    assert_eq!(found.file.as_str(), "my_tool-1.0-py3-none-any.whl");
    assert_eq!(
        (found.summary.as_str(), found.keywords),
        ("does much", vec!["a".to_owned(), "b c".to_owned()])
    );
    assert!(found.file_detail.0.starts_with(b"Metadata-Version: 2.1\nName: My.Tool\n"));
    assert_eq!(&found.detail.0[..], b"The *description*.\n");
    assert_eq!(inspect(Some(&file), &bytes).unwrap().file.as_str(), "My_Tool-1.0-py3-none-any.whl");

    let (file, bytes) = sdist("My.Tool", "1.0", "");
    assert_eq!(inspect(None, &bytes).unwrap().file.as_str(), "my_tool-1.0.tar.gz");
    assert!(inspect(Some(&file), &bytes).unwrap().file_detail.0.is_empty());
    let bytes = zip_of(&[("my-tool-1.0/PKG-INFO", metadata("my-tool", "1.0", "").as_bytes())]);
    assert_eq!(inspect(None, &bytes).unwrap().file.as_str(), "my_tool-1.0.zip");
    assert_eq!(inspect(Some("my-tool-1.0.zip"), &bytes).unwrap().file.as_str(), "my-tool-1.0.zip");
}

#[test]
fn what_lies_in_a_file_must_be_what_its_name_says() {
    let (_, good) = wheel("tool", "1.0", "");
    let (_, source) = sdist("tool", "1.0", "");
    for (file, bytes, part) in [
        ("tool-1.1-py3-none-any.whl", &good, "tool 1.0"),
        ("other-1.0-py3-none-any.whl", &good, "tool 1.0"),
        ("tool-1.0-cp312-cp312-win_amd64.whl", &good, "py3-none-any"),
        ("tool-1.0.tar.gz", &good, "archive"),
        ("tool-1.0-py3-none-any.whl", &source, "archive"),
        ("tool-1.0.zip", &good, "sdist"),
        ("tool-1.1.tar.gz", &source, "tool 1.0"),
        ("tool-1.0.exe", &good, ".whl"),
    ] {
        let refusal = inspect(Some(file), bytes).expect_err(file).to_string();
        assert!(refusal.contains(part), "{file}: {refusal}");
    }
    inspect(Some("Tool-1.0.0-py2.py3-none-any.whl"), &good).unwrap();
}

type Parts<'a> = Vec<(&'a str, &'a [u8])>;

#[test]
fn wheels_that_are_none_are_refused_by_the_part_that_is_wrong() {
    let about = metadata("tool", "1.0", "");
    let (wheel_file, record): (&[u8], &[u8]) = (b"Wheel-Version: 1.0\nTag: py3-none-any\n", b"x,,\n");
    let parts: [(&str, &[u8]); 3] = [
        ("tool-1.0.dist-info/METADATA", about.as_bytes()),
        ("tool-1.0.dist-info/WHEEL", wheel_file),
        ("tool-1.0.dist-info/RECORD", record),
    ];
    let with = |change: &dyn Fn(&mut Parts<'_>)| {
        let mut parts = parts.to_vec();
        change(&mut parts);
        zip_of(&parts)
    };
    inspect(Some("tool-1.0-py3-none-any.whl"), &with(&|_| {})).unwrap();
    for (bytes, part) in [
        (
            with(&|parts| {
                parts.remove(0);
            }),
            "METADATA",
        ),
        (
            with(&|parts| {
                parts.remove(1);
            }),
            "WHEEL",
        ),
        (
            with(&|parts| {
                parts.remove(2);
            }),
            "RECORD",
        ),
        (with(&|parts| parts[1].1 = b"Wheel-Version: 2.0\n"), "Wheel-Version"),
        (with(&|parts| parts[1].1 = b"\xff"), "UTF-8"),
        (with(&|parts| parts[0].1 = b"Name: tool\n"), "Metadata-Version"),
        (with(&|parts| parts.push(("tool-1.1.dist-info/METADATA", b"x"))), "one folder *.dist-info"),
        (with(&|parts| parts.push(("../x", b"x"))), "leads out"),
        (with(&|parts| parts.push(("a\\b", b"x"))), "backslash"),
    ] {
        let refusal = inspect(Some("tool-1.0-py3-none-any.whl"), &bytes).expect_err(part).to_string();
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    let renamed: Vec<_> =
        parts.iter().map(|(path, bytes)| (path.replace("tool-1.0", "tool-1.1"), *bytes)).collect();
    let renamed: Vec<_> = renamed.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    let refusal = inspect(Some("tool-1.0-py3-none-any.whl"), &zip_of(&renamed)).unwrap_err().to_string();
    assert!(refusal.contains("tool-1.1.dist-info"), "{refusal}");
}

#[test]
fn sdists_that_are_none_are_refused_by_the_part_that_is_wrong() {
    let about = metadata("tool", "1.0", "");
    let about = about.as_bytes();
    for (files, part) in [
        (vec![("tool-1.0/setup.py", about)], "PKG-INFO"),
        (vec![("PKG-INFO", about)], "one folder"),
        (vec![("tool-1.0/PKG-INFO", about), ("other/x", about)], "one folder"),
        (vec![("tool-1.0/PKG-INFO", about), ("tool-1.0/PKG-INFO", about)], "once"),
        (vec![("tool-1.0/sub/PKG-INFO", about)], "PKG-INFO"),
        (vec![("tool-1.0/PKG-INFO", b"Name: tool\n".as_slice())], "Metadata-Version"),
    ] {
        let refusal = inspect(Some("tool-1.0.tar.gz"), &tgz_of(&files)).expect_err(part).to_string();
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    let long = metadata("tool", "1.0", &"x".repeat(2 << 20));
    let refusal =
        inspect(Some("tool-1.0.tar.gz"), &tgz_of(&[("tool-1.0/PKG-INFO", long.as_bytes())])).unwrap_err();
    assert!(refusal.rule.contains("1048576"), "{refusal}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for (file, bytes) in [wheel("tool", "1.0", ""), sdist("tool", "1.0", "")] {
        for length in (0..bytes.len()).step_by(7) {
            assert!(inspect(Some(&file), &bytes[..length]).is_err(), "{file} cut at {length}");
            assert!(inspect(None, &bytes[..length]).is_err(), "{file} cut at {length}");
        }
    }
}
