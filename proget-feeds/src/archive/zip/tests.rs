//! Zip archives as they should be, archives that two readers would read differently, and archives
//! that would do harm.

use super::*;
use ::zip::write::{SimpleFileOptions, ZipWriter};
use proptest::prelude::*;
use std::io::{Cursor, Write as _};

const FILES: [(&str, &[u8]); 3] = [("a/one", b"first"), ("a/two", b"second content"), ("three", b"")];

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(*path, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn deflated(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(path, SimpleFileOptions::default()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Path, kind and content.
type Seen = (String, EntryKind, Vec<u8>);

fn walk(bytes: &[u8], limits: &ArchiveLimits) -> Result<(Vec<Seen>, Totals), Refusal> {
    let mut seen = Vec::new();
    let size = bytes.len() as u64;
    let totals = walk_zip(&mut Cursor::new(bytes), size, limits, &mut |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(unreadable)?;
        seen.push((entry.path.clone(), entry.kind, bytes));
        Ok(())
    })?;
    Ok((seen, totals))
}

#[track_caller]
fn refused(bytes: &[u8], because: &str) {
    let refusal = walk(bytes, &ArchiveLimits::default()).unwrap_err();
    assert!(refusal.rule.contains(because), "{refusal} does not say {because:?}");
}

/// Where the `which`th of these bytes is.
fn find(bytes: &[u8], wanted: &[u8], which: usize) -> usize {
    let mut found = bytes.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    found.nth(which).unwrap().0
}

fn patched(mut bytes: Vec<u8>, at: usize, with: &[u8]) -> Vec<u8> {
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

/// Where the record at the end begins.
fn end_of(bytes: &[u8]) -> usize {
    find(bytes, b"PK\x05\x06", 0)
}

#[test]
fn entries_are_shown_in_order_and_counted() {
    let (seen, totals) = walk(&zip(&FILES), &ArchiveLimits::default()).unwrap();
    let expected: Vec<_> =
        FILES.iter().map(|(path, bytes)| ((*path).to_owned(), EntryKind::File, bytes.to_vec())).collect();
    assert_eq!((seen, totals), (expected, Totals { files: 3, bytes: 19 }));
    let (seen, _) = walk(&deflated("x", &[7; 100_000]), &ArchiveLimits::default()).unwrap();
    assert_eq!(seen[0].2, [7; 100_000]);
    assert_eq!(walk(&zip(&[]), &ArchiveLimits::default()).unwrap().1, Totals::default());
}

#[test]
fn folders_and_links_are_told_apart_and_links_stay_inside() {
    let linked = |path: &str, target: &str| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_directory("a/", SimpleFileOptions::default()).unwrap();
        writer.add_symlink(path, target, SimpleFileOptions::default()).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let (seen, totals) = walk(&linked("a/l", "../b"), &ArchiveLimits::default()).unwrap();
    assert_eq!((seen[0].0.as_str(), seen[0].1), ("a", EntryKind::Folder));
    assert_eq!((seen[1].0.as_str(), seen[1].1, totals.files), ("a/l", EntryKind::Link, 0));
    for target in ["../../b", "/etc/passwd", "..\\b", "c:b", &"x/".repeat(3000)] {
        refused(&linked("a/l", target), "the link 'a/l' leads");
    }
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for bad in ["../x", "/x", "a/../../x", "a//x", "a\\x", "a\0x", "a\nx"] {
        assert!(walk(&zip(&[(bad, b"")]), &ArchiveLimits::default()).is_err(), "{bad:?}");
    }
    let good = zip(&[("aa", b"")]);
    let (local, central) = (find(&good, b"aa", 0), find(&good, b"aa", 1));
    refused(&patched(patched(good, local, b"\xff\xfe"), central, b"\xff\xfe"), "UTF-8");
}

#[test]
fn limits_hold_on_entries_depth_length_and_content() {
    let all = ArchiveLimits::default();
    for (limits, bytes, because) in [
        (ArchiveLimits { entries: 2, ..all }, zip(&FILES), "more than 2 entries"),
        (ArchiveLimits { depth: 1, ..all }, zip(&FILES), "folders deep"),
        (ArchiveLimits { path_bytes: 4, ..all }, zip(&FILES), "more than 4 bytes"),
        (ArchiveLimits { unpacked_bytes: 18, ..all }, zip(&FILES), "unpacks to more"),
    ] {
        let refusal = walk(&bytes, &limits).unwrap_err();
        assert!(refusal.rule.contains(because), "{refusal}");
    }
}

#[test]
fn bombs_are_stopped_by_their_ratio() {
    let bomb = deflated("zeros", &vec![0; 70 << 20]);
    assert!(bomb.len() < 200 << 10);
    refused(&bomb, "unpacks to more");
}

#[test]
fn an_end_that_promises_too_much_is_refused_before_room_is_made() {
    let good = zip(&FILES);
    let end = end_of(&good);
    let many = patched(patched(good.clone(), end + 8, &[0xfe, 0xff]), end + 10, &[0xfe, 0xff]);
    refused(&many, "directory");
    refused(&patched(good.clone(), end + 12, &[0xfe, 0xff, 0xff, 0xff]), "directory");
    refused(&patched(good.clone(), end + 16, &[1, 0, 0, 0]), "between its directory and its end");
    refused(&patched(good.clone(), end + 4, &[1, 0]), "several parts");
    refused(&patched(good.clone(), end + 8, &[2, 0]), "several parts");
    let fewer = patched(patched(good, end + 8, &[2, 0]), end + 10, &[2, 0]);
    assert!(walk(&fewer, &ArchiveLimits::default()).is_err(), "a file that the end leaves out");
}

#[test]
fn data_before_behind_or_within_the_ends_is_refused() {
    let good = zip(&FILES);
    refused(&[&good[..], b"x"].concat(), "behind its end");
    refused(&[b"#!/bin/sh\n", &good[..]].concat(), "its directory");
    refused(&[&good[..], &good[..]].concat(), "its directory");
    let mut commented = good.clone();
    let end = end_of(&good);
    commented[end + 20] = 5;
    commented.extend_from_slice(b"hello");
    walk(&commented, &ArchiveLimits::default()).unwrap();
    let mut nested = good.clone();
    nested[end + 20] = 22;
    nested.extend_from_slice(&zip(&[]));
    assert!(walk(&nested, &ArchiveLimits::default()).is_err(), "an archive in the comment of another one");
}

#[test]
fn large_archives_ends_are_read_if_they_can_be_read_in_one_way() {
    let good = zip(&FILES);
    let end = end_of(&good);
    let (size, start) = (number(&good, end + 12, 4), number(&good, end + 16, 4));
    let large = |entries: u64, position: u64, small: [u8; 12]| {
        let mut bytes = good[..end].to_vec();
        bytes.extend_from_slice(b"PK\x06\x06");
        bytes.extend_from_slice(&44_u64.to_le_bytes());
        bytes.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [entries, entries, size, start] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        bytes.extend_from_slice(&position.to_le_bytes());
        bytes.extend_from_slice(&[1, 0, 0, 0]);
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        bytes.extend_from_slice(&small);
        bytes.extend_from_slice(&[0, 0]);
        bytes
    };
    let ones = [0xff; 12];
    assert_eq!(walk(&large(3, end as u64, ones), &ArchiveLimits::default()).unwrap().1.files, 3);
    let mut other = ones;
    other[..4].copy_from_slice(&[2, 0, 2, 0]);
    for (bytes, what) in [
        (large(3, end as u64, other), "two numbers of entries"),
        (large(3, 0, ones), "an end that lies elsewhere"),
        (large(2, end as u64, ones), "a file left out"),
        (large(u64::MAX, end as u64, ones), "more entries than bytes"),
    ] {
        assert!(walk(&bytes, &ArchiveLimits::default()).is_err(), "{what}");
    }
}

#[test]
fn what_is_said_before_a_file_must_be_what_the_directory_says() {
    let good = zip(&FILES);
    let (local, central) = (find(&good, b"a/one", 0), find(&good, b"a/one", 1));
    refused(&patched(good.clone(), local, b"b/one"), "cannot be read");
    refused(&patched(good.clone(), central, b"b/one"), "cannot be read");
    refused(&patched(patched(good.clone(), local, b"a/two"), central, b"a/two"), "same name");
    // Size, method, flags, checksum of the first file, in one of the two places.
    let header = find(&good, b"PK\x01\x02", 0);
    for at in [8, 10, 16, 20, 24] {
        let changed = patched(good.clone(), header + at, &[good[header + at] ^ 1]);
        assert!(walk(&changed, &ArchiveLimits::default()).is_err(), "directory, byte {at}");
    }
    for at in [6, 8, 14, 18, 22] {
        let changed = patched(good.clone(), at, &[good[at] ^ 1]);
        assert!(walk(&changed, &ArchiveLimits::default()).is_err(), "file header, byte {at}");
    }
}

#[test]
fn damaged_encrypted_and_strangely_packed_content_is_refused() {
    let good = zip(&FILES);
    let content = find(&good, b"second content", 0);
    refused(&patched(good.clone(), content, b"S"), "cannot be read");
    let header = find(&good, b"PK\x01\x02", 0);
    let both = |local: usize, central: usize, value: &[u8]| {
        patched(patched(good.clone(), local, value), header + central, value)
    };
    for (bytes, what) in [(both(6, 8, &[1, 0]), "encrypted"), (both(8, 10, &[12, 0]), "packed otherwise")] {
        assert!(walk(&bytes, &ArchiveLimits::default()).is_err(), "{what}");
    }
    let packed = deflated("x", &[b"abc".repeat(100), vec![1, 2, 3]].concat());
    let middle = find(&packed, b"x", 0) + 5;
    assert!(walk(&patched(packed, middle, &[0xff, 0xff]), &ArchiveLimits::default()).is_err());
}

#[test]
fn two_files_that_share_bytes_are_refused() {
    let good = zip(&[("aa", b"same"), ("bb", b"same")]);
    let second = find(&good, b"PK\x01\x02", 1);
    // The second entry of the directory says that its file begins where the first one does.
    refused(&patched(good, second + 42, &[0, 0, 0, 0]), "cannot be read");
}

proptest! {
    #[test]
    fn one_changed_byte_makes_no_reader_panic(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = zip(&FILES);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok((seen, _)) = walk(&bytes, &ArchiveLimits::default()) {
            let contents: Vec<_> = seen.into_iter().filter(|(_, kind, _)| *kind == EntryKind::File).map(|(_, _, bytes)| bytes).collect();
            prop_assert!(contents.iter().all(|found| FILES.iter().any(|(_, bytes)| bytes == found)));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(start in prop::collection::vec(any::<u8>(), 0..80), end in 0_usize..22) {
        let tail = &zip(&[])[end..];
        drop(walk(&[&start, tail].concat(), &ArchiveLimits::default()));
    }
}
