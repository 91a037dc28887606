//! Archives: whatever is walked to its end stays within its folder and its limits, and looks the
//! same whether its contents are read or passed over.

use super::Verdict;
use flate2::{Compression, write::GzEncoder};
use proget_core::Refusal;
use proget_feeds::archive::{ArchiveLimits, Entry, EntryKind, Totals, walk_tgz, zip::walk_zip};
use std::io::{Cursor, Read, Write as _};

/// Small enough to be reached by small inputs.
const STRICT: ArchiveLimits = ArchiveLimits {
    entries: 20,
    unpacked_bytes: 1 << 20,
    ratio: 250,
    depth: 5,
    path_bytes: 150,
    extension_bytes: 2048,
};

/// Gzip-compressed bytes; not really compressed, which is quick.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

#[derive(Clone, Copy, PartialEq)]
enum Contents {
    Read,
    PassedOver,
}

type Walked = Result<(Vec<Entry>, Totals), Refusal>;
type Visit<'a> = &'a mut dyn FnMut(&Entry, &mut dyn Read) -> Result<(), Refusal>;

/// The first byte decides: is the rest gzip-compressed already, or a tar file?
pub(super) fn tgz(data: &[u8]) -> Verdict {
    let Some((mode, rest)) = data.split_first() else { return Verdict::Refused };
    let bytes = if *mode == b'z' { rest.to_vec() } else { gzip(rest) };
    both_ways(&mut |visit| walk_tgz(&bytes[..], bytes.len() as u64, &STRICT, visit))
}

pub(super) fn zip(data: &[u8]) -> Verdict {
    both_ways(&mut |visit| walk_zip(&mut Cursor::new(data), data.len() as u64, &STRICT, visit))
}

fn both_ways(walk: &mut dyn FnMut(Visit<'_>) -> Result<Totals, Refusal>) -> Verdict {
    let read = one_way(walk, Contents::Read);
    let passed_over = one_way(walk, Contents::PassedOver);
    if let (Ok(read), Ok(passed_over)) = (&read, &passed_over) {
        assert_eq!(read, passed_over, "contents that are read change what is seen");
        return Verdict::Accepted;
    }
    assert!(passed_over.is_err() || read.is_err());
    Verdict::Refused
}

fn one_way(walk: &mut dyn FnMut(Visit<'_>) -> Result<Totals, Refusal>, contents: Contents) -> Walked {
    let (mut entries, mut shorter) = (Vec::new(), None);
    let totals = walk(&mut |entry, content| {
        check(entry);
        if contents == Contents::Read {
            let mut sink = std::io::sink();
            let read = std::io::copy(content, &mut sink)
                .map_err(|error| Refusal::new("archive", error.to_string()))?;
            assert!(read <= entry.size, "{entry:?} has {read} bytes");
            // Where a link leads to may have been read already.
            let whole = read == entry.size || entry.kind == EntryKind::Link;
            shorter = shorter.take().or_else(|| (!whole).then(|| entry.clone()));
        }
        entries.push(entry.clone());
        Ok(())
    })?;
    assert_eq!(shorter, None, "cut off, but the archive was accepted");
    let files = entries.iter().filter(|entry| entry.kind == EntryKind::File);
    assert_eq!(totals.files, files.clone().count() as u64);
    assert_eq!(totals.bytes, files.map(|entry| entry.size).sum::<u64>());
    assert!(totals.bytes <= STRICT.unpacked_bytes && entries.len() as u64 <= STRICT.entries);
    Ok((entries, totals))
}

fn check(entry: &Entry) {
    let path = &entry.path;
    assert!(path.len() <= STRICT.path_bytes && path.split('/').count() <= STRICT.depth, "{entry:?}");
    assert!(!path.split('/').any(|part| matches!(part, "" | "..")), "{entry:?} leads out");
    assert!(!path.contains('\\') && !path.chars().any(char::is_control), "{entry:?}");
    assert!(entry.kind != EntryKind::Folder || entry.size == 0, "{entry:?} has content");
}
