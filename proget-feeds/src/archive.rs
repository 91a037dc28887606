//! Reading gzip-compressed tar archives that somebody else made, without being harmed by them.
//!
//! Shared by every format that packs files this way; zip archives are read beside, in `zip`.
//! Nothing is unpacked to disk: a visitor sees one entry after the other and reads what it wants;
//! the rest is passed over. Memory is bounded by the limits, time by the limit on unpacked bytes.
//!
//! What surprised us: tar readers disagree, and a package that one of them reads differently can
//! hide files. So extension headers are read here, bounded (the library reads them whole), and
//! what could be read in two ways (a size in an extension header, data behind the end, sizes on
//! entries without content) is refused.

use flate2::read::MultiGzDecoder;
use proget_core::refusal::Refusal;
use std::io::{self, Read};
use tar::EntryType;

#[cfg(feature = "pypi")]
pub mod zip;

/// How much an archive may hold.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveLimits {
    /// Entries, extension headers included. Default 200 000.
    pub entries: u64,
    /// Bytes after decompression, headers included. Default 16 GiB.
    pub unpacked_bytes: u64,
    /// Bytes after decompression for each byte before, counted once 64 MiB have been unpacked. Default 250.
    pub ratio: u64,
    /// Folders within folders. Default 64.
    pub depth: usize,
    /// Bytes of one path. Default 1024.
    pub path_bytes: usize,
    /// Bytes of one extension header. Default 64 KiB.
    pub extension_bytes: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            entries: 200_000,
            unpacked_bytes: 16 << 30,
            ratio: 250,
            depth: 64,
            path_bytes: 1024,
            extension_bytes: 64 << 10,
        }
    }
}

/// Up to here an archive may be compressed as well as it likes.
const RATIO_FREE_BYTES: u64 = 64 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file with content.
    File,
    /// A folder.
    Folder,
    /// A link to something within the archive.
    Link,
}

/// One entry, its path checked: relative, no `..`, no backslash, no drive, within the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As written in the archive; a folder's has no slash at its end.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content.
    pub size: u64,
}

/// What an archive was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

/// Shows every entry of a `.tgz` to `visit`, in the archive's order, and reads it to its end.
///
/// `packed_bytes` is the size of what `bytes` reads.
///
/// # Errors
/// A refusal if it is no such archive, is damaged, exceeds a limit, or has a path or link that
/// leads out of it; and whatever `visit` refuses.
pub fn walk_tgz(
    bytes: impl Read,
    packed_bytes: u64,
    limits: &ArchiveLimits,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<(), Refusal>,
) -> Result<Totals, Refusal> {
    let allowed = limits.unpacked_bytes.min(packed_bytes.saturating_mul(limits.ratio).max(RATIO_FREE_BYTES));
    let unpacked = Bounded { inner: MultiGzDecoder::new(bytes), left: allowed };
    let mut archive = tar::Archive::new(unpacked);
    let mut totals = Totals::default();
    let mut next = Extensions::default();
    let entries = archive.entries().map_err(unreadable)?.raw(true);
    for (at, entry) in entries.enumerate() {
        if at as u64 >= limits.entries {
            return Err(refuse(format!("has more than {} entries", limits.entries)));
        }
        let mut entry = entry.map_err(unreadable)?;
        if next.take_from(&mut entry, limits)? {
            continue;
        }
        let checked = next.entry(&entry, limits)?;
        next = Extensions::default();
        if checked.kind == EntryKind::File {
            totals.files += 1;
            totals.bytes = totals.bytes.saturating_add(checked.size);
        }
        visit(&checked, &mut entry)?;
    }
    only_padding(archive.into_inner())?;
    Ok(totals)
}

/// What extension headers said about the entry that follows them.
#[derive(Debug, Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Extensions {
    /// Reads an extension header; false if the entry is not one.
    fn take_from<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        limits: &ArchiveLimits,
    ) -> Result<bool, Refusal> {
        let kind = entry.header().entry_type();
        let (long_name, long_link) = (kind.is_gnu_longname(), kind.is_gnu_longlink());
        let pax = kind.is_pax_local_extensions();
        if !(long_name || long_link || pax || kind.is_pax_global_extensions()) {
            return Ok(false);
        }
        let size = entry.header().entry_size().map_err(unreadable)?;
        if size > limits.extension_bytes {
            return Err(refuse(format!(
                "has an extension header of more than {} bytes",
                limits.extension_bytes
            )));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(unreadable)?;
        if long_name || long_link {
            let text = content.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            *(if long_name { &mut self.path } else { &mut self.link }) = Some(text);
            return Ok(true);
        }
        for record in tar::PaxExtensions::new(&content) {
            let record = record.map_err(unreadable)?;
            match record.key_bytes() {
                b"path" if pax => self.path = Some(record.value_bytes().to_vec()),
                b"linkpath" if pax => self.link = Some(record.value_bytes().to_vec()),
                // Readers disagree whether this or the plain header counts.
                b"path" | b"linkpath" | b"size" => {
                    return Err(refuse("has an extension header with 'size', or a global one with a path"));
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// The entry that these extensions belong to, checked.
    fn entry<R: Read>(&self, entry: &tar::Entry<'_, R>, limits: &ArchiveLimits) -> Result<Entry, Refusal> {
        let header = entry.header();
        let raw = self.path.clone().unwrap_or_else(|| header.path_bytes().into_owned());
        let path = checked_path(raw, limits)?;
        let size = header.entry_size().map_err(unreadable)?;
        let kind = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous if path.ends_with('/') => EntryKind::Folder,
            EntryType::Regular | EntryType::Continuous => EntryKind::File,
            EntryType::Directory => EntryKind::Folder,
            kind @ (EntryType::Symlink | EntryType::Link) => {
                let target =
                    self.link.clone().or_else(|| header.link_name_bytes().map(|name| name.into_owned()));
                let base = if kind == EntryType::Symlink {
                    path.rsplit_once('/').map(|(folder, _)| folder)
                } else {
                    None
                };
                stays_inside(base.unwrap_or_default(), &target.unwrap_or_default(), &path)?;
                EntryKind::Link
            }
            other => {
                let what = char::from(other.as_byte()).escape_default();
                return Err(refuse(format!("'{path}' is neither file nor folder nor link (type '{what}')")));
            }
        };
        if size > 0 && kind != EntryKind::File {
            return Err(refuse(format!("'{path}' has content although it is no file")));
        }
        Ok(Entry { path: path.trim_end_matches('/').to_owned(), kind, size })
    }
}

fn checked_path(raw: Vec<u8>, limits: &ArchiveLimits) -> Result<String, Refusal> {
    if raw.len() > limits.path_bytes {
        return Err(refuse(format!("has a path of more than {} bytes", limits.path_bytes)));
    }
    let path = String::from_utf8(raw).map_err(|_| refuse("has a path that is not UTF-8"))?;
    let inner = path.strip_suffix('/').unwrap_or(&path);
    if inner.chars().any(|c| c.is_control() || c == '\\') {
        return Err(refuse(format!(
            "'{}' has a control character or a backslash in its path",
            path.escape_debug()
        )));
    }
    if inner.split('/').any(|part| part.is_empty() || part == "..") {
        return Err(refuse(format!("'{path}' leads out of the archive, or has an empty part")));
    }
    if inner.split('/').any(has_drive) {
        return Err(refuse(format!("'{path}' has a part that begins with a drive letter")));
    }
    if inner.split('/').count() > limits.depth {
        return Err(refuse(format!("'{path}' lies more than {} folders deep", limits.depth)));
    }
    Ok(path)
}

/// `C:` and what follows: on some systems such a part leads out, whatever stands before it.
fn has_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Walks a link's target in words only: it must be relative and never climb above the top.
fn stays_inside(folder: &str, target: &[u8], path: &str) -> Result<(), Refusal> {
    let escapes = || refuse(format!("the link '{path}' leads out of the archive"));
    let target = std::str::from_utf8(target).map_err(|_| escapes())?;
    if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\0', ':']) {
        return Err(escapes());
    }
    let parts = |text: &str| text.split('/').filter(|part| !matches!(*part, "" | ".")).count();
    let mut depth = parts(folder);
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.checked_sub(1).ok_or_else(escapes)?,
            _ => depth += 1,
        }
    }
    Ok(())
}

/// Reads what follows the archive's end, so that the checksum of the compression is looked at too.
fn only_padding(mut rest: impl Read) -> Result<(), Refusal> {
    let mut buffer = [0; 4096];
    loop {
        match rest.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(()),
            read if buffer[..read].iter().all(|byte| *byte == 0) => {}
            _ => return Err(refuse("has data behind its end")),
        }
    }
}

/// Stops a decompression bomb.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than the limit allows")
        })?;
        Ok(read)
    }
}

fn refuse(rule: impl Into<String>) -> Refusal {
    Refusal::new("archive", rule.into())
}

fn unreadable(error: io::Error) -> Refusal {
    refuse(format!("cannot be read as a gzip-compressed tar file: {error}"))
}

#[cfg(test)]
mod tests;
