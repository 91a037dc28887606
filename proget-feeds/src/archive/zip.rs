//! Reading zip archives that somebody else made, under the same limits as tar archives.
//!
//! What surprised us: a zip archive says everything twice, at its end and before each file, and
//! tools differ in which they believe; so an archive can hold one package for who checks it and
//! another one for who installs it. Here both must say the same, no two files may share bytes or a
//! name, and the directory must lie exactly before the end. That end is read here first, bounded,
//! because the library makes room for as many files as it says there are.
//! See <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use super::{ArchiveLimits, Entry, EntryKind, RATIO_FREE_BYTES, Totals, checked_path, refuse, stays_inside};
use ::zip::read::{ArchiveOffset, Config};
use ::zip::result::ZipError;
use ::zip::{CompressionMethod, ZipArchive};
use proget_core::artifact::ReadSeek;
use proget_core::refusal::Refusal;
use std::io::{self, BufReader, Read, SeekFrom};

/// Largest directory in bytes.
const DIRECTORY_LIMIT: u64 = 64 << 20;
/// Bytes of the end record without its comment, of a directory entry without its texts, of the
/// records that say where things are in large archives.
const END: usize = 22;
const DIRECTORY_ENTRY: u64 = 46;
const LARGE_LOCATOR: u64 = 20;
const LARGE_END: u64 = 56;
/// Longest target of a link.
const TARGET_LIMIT: u64 = 4096;

/// Shows every entry of a zip archive to `visit`, in the order of its directory, and reads each to
/// its end, checksum included.
///
/// `packed_bytes` is the size of what `bytes` reads.
///
/// # Errors
/// A refusal if it is no such archive, is damaged or can be read in two ways, exceeds a limit, or
/// has a path or link that leads out of it; and whatever `visit` refuses.
pub fn walk_zip(
    bytes: &mut dyn ReadSeek,
    packed_bytes: u64,
    limits: &ArchiveLimits,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<(), Refusal>,
) -> Result<Totals, Refusal> {
    let entries = check_end(bytes, packed_bytes, limits)?;
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, BufReader::new(bytes)).map_err(broken)?;
    if archive.len() as u64 != entries {
        return Err(refuse("has two files of the same name"));
    }
    archive.validate_header_consistency().map_err(broken)?;
    let mut left = limits.unpacked_bytes.min(packed_bytes.saturating_mul(limits.ratio).max(RATIO_FREE_BYTES));
    let mut totals = Totals::default();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).map_err(broken)?;
        if file.encrypted()
            || !matches!(file.compression(), CompressionMethod::Stored | CompressionMethod::Deflated)
        {
            return Err(refuse("has a file that is encrypted, or compressed in another way than deflate"));
        }
        let raw = file.name_raw().to_vec();
        let (mode, size) = (file.unix_mode().unwrap_or(0), file.size());
        let mut content = Counted { inner: &mut file, left: &mut left, seen: 0 };
        let entry = entry(raw, mode, size, limits, &mut content)?;
        if entry.kind == EntryKind::File {
            totals.files += 1;
            totals.bytes = totals.bytes.saturating_add(size);
        }
        visit(&entry, &mut content)?;
        io::copy(&mut content, &mut io::sink()).map_err(unreadable)?;
        if content.seen != size {
            return Err(refuse(format!("'{}' has not the size that the archive says", entry.path)));
        }
    }
    Ok(totals)
}

fn entry(
    raw: Vec<u8>,
    mode: u32,
    size: u64,
    limits: &ArchiveLimits,
    content: &mut dyn Read,
) -> Result<Entry, Refusal> {
    let path = checked_path(raw, limits)?;
    let kind = match (mode & 0o170_000, path.ends_with('/')) {
        (0o040_000 | 0, true) => EntryKind::Folder,
        (0o100_000 | 0, false) => EntryKind::File,
        (0o120_000, false) => {
            let mut target = Vec::new();
            content.take(TARGET_LIMIT + 1).read_to_end(&mut target).map_err(unreadable)?;
            if target.len() as u64 > TARGET_LIMIT {
                return Err(refuse(format!("the link '{path}' leads to more than {TARGET_LIMIT} bytes")));
            }
            let folder = path.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
            stays_inside(folder, &target, &path)?;
            EntryKind::Link
        }
        _ => return Err(refuse(format!("'{path}' is neither file nor folder nor link"))),
    };
    if kind == EntryKind::Folder && size > 0 {
        return Err(refuse(format!("'{path}' has content although it is no file")));
    }
    Ok(Entry { path: path.trim_end_matches('/').to_owned(), kind, size })
}

/// Reads the records at the end, holds them against the limits and the file's size, and says how
/// many entries there are.
fn check_end(bytes: &mut dyn ReadSeek, size: u64, limits: &ArchiveLimits) -> Result<u64, Refusal> {
    let tail_size = size.min((END + usize::from(u16::MAX)) as u64);
    let tail = read_at(bytes, size - tail_size, tail_size)?;
    let at = tail.windows(4).rposition(|window| window == b"PK\x05\x06");
    let at = at.filter(|at| tail.len() - at >= END).ok_or_else(|| refuse("cannot be read as a zip file"))?;
    let end = tail.get(at..).unwrap_or_default();
    if END as u64 + number(end, 20, 2) != end.len() as u64 {
        return Err(refuse("has data behind its end"));
    }
    let position = size - end.len() as u64;
    let locator = position.checked_sub(LARGE_LOCATOR + LARGE_END);
    let locator = match locator {
        Some(start) => Some(read_at(bytes, start, LARGE_LOCATOR + LARGE_END)?).filter(|records| {
            records.get(LARGE_END as usize..).is_some_and(|l| l.starts_with(b"PK\x06\x07"))
        }),
        None => None,
    };
    let small = [number(end, 10, 2), number(end, 12, 4), number(end, 16, 4)];
    let disks = [number(end, 4, 2), number(end, 6, 2)];
    let (directory_end, here, [entries, directory_size, directory_start]) = match locator {
        None => (position, number(end, 8, 2), small),
        Some(records) => {
            let start = position - LARGE_LOCATOR - LARGE_END;
            let meant = records.starts_with(b"PK\x06\x06")
                && number(&records, 4, 8) == LARGE_END - 12
                && number(&records, LARGE_END as usize + 8, 8) == start
                && number(&records, 16, 8) == 0;
            if !meant {
                return Err(refuse("has an end that can be read in two ways"));
            }
            let large = [number(&records, 32, 8), number(&records, 40, 8), number(&records, 48, 8)];
            let all_ones = [u64::from(u16::MAX), u64::from(u32::MAX), u64::from(u32::MAX)];
            if (0..3).any(|at| small[at] != all_ones[at] && small[at] != large[at]) {
                return Err(refuse("has an end that can be read in two ways"));
            }
            (start, number(&records, 24, 8), large)
        }
    };
    if disks.iter().any(|disk| ![0, u64::from(u16::MAX)].contains(disk)) || here != entries {
        return Err(refuse("must not be in several parts"));
    }
    if entries > limits.entries {
        return Err(refuse(format!("has more than {} entries", limits.entries)));
    }
    if directory_size > DIRECTORY_LIMIT || directory_size < entries * DIRECTORY_ENTRY {
        return Err(refuse(format!("has a directory of more than {DIRECTORY_LIMIT} bytes, or a broken one")));
    }
    if directory_start.checked_add(directory_size) != Some(directory_end) {
        return Err(refuse("has data between its directory and its end, or before its beginning"));
    }
    Ok(entries)
}

fn read_at(bytes: &mut dyn ReadSeek, start: u64, length: u64) -> Result<Vec<u8>, Refusal> {
    bytes.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut read = Vec::new();
    bytes.take(length).read_to_end(&mut read).map_err(unreadable)?;
    if read.len() as u64 == length { Ok(read) } else { Err(refuse("is shorter than was received")) }
}

/// The number of `length` bytes at `at`, smallest first; 0 where there is none.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let digits = bytes.get(at..at + length).unwrap_or_default();
    digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit))
}

/// Counts what one file unpacks to, and stops when all together are too much.
struct Counted<'a> {
    inner: &'a mut dyn Read,
    left: &'a mut u64,
    seen: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.seen += read as u64;
        *self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than the limit allows")
        })?;
        Ok(read)
    }
}

fn unreadable(error: io::Error) -> Refusal {
    refuse(format!("cannot be read as a zip file: {error}"))
}

fn broken(error: ZipError) -> Refusal {
    refuse(format!("cannot be read as a zip file: {error}"))
}

#[cfg(test)]
mod tests;
