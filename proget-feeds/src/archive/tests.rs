//! Archives as they should be, archives that cannot be read in one way only, and archives that
//! would do harm: too many entries, too large, too deep, paths that lead outside.

use super::*;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write as _;

/// One entry, its header filled in by hand, so that things no honest packer writes can be written.
fn raw(path: &[u8], kind: u8, size: u64, link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
    header.set_entry_type(EntryType::new(kind));
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(path: &str, content: &[u8]) -> Vec<u8> {
    raw(path.as_bytes(), b'0', content.len() as u64, b"", content)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tgz(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    gzip(&bytes)
}

fn walk(bytes: &[u8], limits: &ArchiveLimits) -> Result<(Vec<Entry>, Totals), Refusal> {
    let mut seen = Vec::new();
    let totals = walk_tgz(bytes, bytes.len() as u64, limits, &mut |entry, _| {
        seen.push(entry.clone());
        Ok(())
    })?;
    Ok((seen, totals))
}

fn refused(bytes: &[u8], because: &str) {
    let refusal = walk(bytes, &ArchiveLimits::default()).unwrap_err();
    assert!(refusal.rule.contains(because), "{refusal} does not say {because:?}");
}

#[test]
fn entries_are_shown_in_order_and_counted() {
    let bytes = tgz(&[
        raw(b"package/", b'5', 0, b"", b""),
        file("package/a", b"abc"),
        raw(b"package/l", b'2', 0, b"../package/a", b""),
        file("package/b", &[7; 1000]),
    ]);
    let (entries, totals) = walk(&bytes, &ArchiveLimits::default()).unwrap();
    let paths: Vec<_> = entries.iter().map(|entry| (entry.path.as_str(), entry.kind)).collect();
    let (file, folder, link) = (EntryKind::File, EntryKind::Folder, EntryKind::Link);
    assert_eq!(paths, [("package", folder), ("package/a", file), ("package/l", link), ("package/b", file)]);
    assert_eq!(totals, Totals { files: 2, bytes: 1003 });
}

#[test]
fn long_names_are_read_from_extension_headers() {
    let long = format!("package/{}", "d/".repeat(40) + &"x".repeat(200));
    let record = {
        let body = format!(" path={long}\n");
        let length = body.len() + (body.len() + 3).to_string().len();
        format!("{length}{body}")
    };
    let pax = raw(b"PaxHeader", b'x', record.len() as u64, b"", record.as_bytes());
    let gnu = raw(b"././@LongLink", b'L', long.len() as u64 + 1, b"", format!("{long}\0").as_bytes());
    for extension in [pax, gnu] {
        let (entries, _) = walk(&tgz(&[extension, file("short", b"1")]), &ArchiveLimits::default()).unwrap();
        assert_eq!(entries[0].path, long);
    }
}

#[test]
fn paths_and_links_that_lead_out_are_refused() {
    for bad in
        ["../a", "package/../../a", "/etc/passwd", "a//b", "a\\..\\b", "package/a\nb", "C:/a", "package/c:a"]
    {
        assert!(walk(&tgz(&[file(bad, b"x")]), &ArchiveLimits::default()).is_err(), "{bad:?}");
    }
    for (kind, target) in
        [(b'2', "../../a"), (b'2', "/etc/passwd"), (b'1', "../a"), (b'2', "C:/a"), (b'2', "")]
    {
        refused(&tgz(&[raw(b"package/l", kind, 0, target.as_bytes(), b"")]), "leads out");
    }
}

#[test]
fn what_readers_would_understand_differently_is_refused() {
    let size = raw(b"PaxHeader", b'x', 11, b"", b"11 size=99\n");
    refused(&tgz(&[size, file("a", b"x")]), "extension header with 'size'");
    refused(&tgz(&[raw(b"d", b'5', 3, b"", b"abc")]), "although it is no file");
    refused(&tgz(&[raw(b"dev", b'3', 0, b"", b"")]), "neither file nor folder");
    let mut trailing = file("a", b"x");
    trailing.resize(trailing.len() + 1024, 0);
    trailing.extend(file("hidden", b"y"));
    refused(&gzip(&trailing), "behind its end");
}

#[test]
fn damaged_and_foreign_bytes_are_refused() {
    let good = tgz(&[file("package/a", &[9; 5000])]);
    refused(b"", "cannot be read");
    refused(b"PK\x03\x04 zip", "cannot be read");
    refused(&good[..good.len() - 9], "cannot be read");
    let mut flipped = good.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    refused(&flipped, "cannot be read");
    refused(&gzip(&[1; 2000]), "cannot be read");
}

#[test]
fn limits_hold() {
    let strict = ArchiveLimits {
        entries: 3,
        unpacked_bytes: 8192,
        ratio: 250,
        depth: 3,
        path_bytes: 20,
        extension_bytes: 512,
    };
    let many: Vec<_> = (0..4).map(|n| file(&format!("f{n}"), b"")).collect();
    let cases = [
        (tgz(&many), "more than 3 entries"),
        (tgz(&[file("big", &[0; 9000])]), "more than the limit"),
        (tgz(&[file("a/b/c/d", b"")]), "folders deep"),
        (tgz(&[file("a-name-of-22-characters", b"")]), "more than 20 bytes"),
        (tgz(&[raw(b"x", b'x', 600, b"", &[b' '; 600]), file("a", b"")]), "extension header of more than"),
    ];
    for (bytes, because) in cases {
        let refusal = walk(&bytes, &strict).unwrap_err();
        assert!(refusal.rule.contains(because), "{refusal}");
    }
    assert!(walk(&tgz(&many[..3]), &strict).is_ok());
}

#[test]
fn a_decompression_bomb_is_stopped_by_its_ratio() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&file("zeros", &vec![0; 80 << 20])).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 200 << 10, "the bomb is too large to be one: {}", bomb.len());
    refused(&bomb, "more than the limit");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..3000), mode in 0..3) {
        if mode == 1 {
            bytes = gzip(&bytes);
        }
        if mode == 2 {
            // A valid archive with some bytes overwritten.
            let mut archive = [file("package/a", b"abc"), file("package/b", &[1; 700])].concat();
            for (at, byte) in bytes.chunks_exact(3).map(|c| (usize::from(c[0]) * 256 + usize::from(c[1]), c[2])).take(4) {
                let at = at % archive.len();
                archive[at] = byte;
            }
            bytes = gzip(&archive);
        }
        let _ = walk(&bytes, &ArchiveLimits::default());
    }
}
