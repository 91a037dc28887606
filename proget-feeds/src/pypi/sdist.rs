//! Looking into an sdist: one folder, and `PKG-INFO` right within it.
//!
//! See <https://packaging.python.org/en/latest/specifications/source-distribution-format/>. Tools
//! write further `PKG-INFO` files deeper down; only the top one counts.

use super::file_name::Kind;
use super::metadata;
use super::wheel::small;
use crate::archive::zip::walk_zip;
use crate::archive::{ArchiveLimits, EntryKind, walk_tgz};
use proget_core::artifact::ReadSeek;
use proget_core::refusal::Refusal;

const RULES: &str = "https://packaging.python.org/en/latest/specifications/source-distribution-format/";

/// Reads an sdist to its end and gives its `PKG-INFO`, as it is.
pub(super) fn pkg_info(bytes: &mut dyn ReadSeek, size: u64, kind: Kind) -> Result<Vec<u8>, Refusal> {
    let (mut found, mut folder) = (None, None::<String>);
    let mut visit = |entry: &crate::archive::Entry, content: &mut dyn std::io::Read| {
        let (top, inner) = entry.path.split_once('/').unwrap_or((&entry.path, ""));
        if inner.is_empty() && entry.kind != EntryKind::Folder {
            return Err(refuse("must have all its files in one folder"));
        }
        if folder.get_or_insert_with(|| top.to_owned()) != top {
            return Err(refuse("must have one folder at its top, not several"));
        }
        // Where case does not count, one in other letters would be unpacked over it.
        if inner.eq_ignore_ascii_case("PKG-INFO") {
            if inner != "PKG-INFO" || entry.kind != EntryKind::File || found.is_some() {
                return Err(refuse("must have PKG-INFO once, as a file"));
            }
            found = Some(small(content, metadata::LIMIT)?);
        }
        Ok(())
    };
    match kind {
        Kind::SdistTar => walk_tgz(bytes, size, &ArchiveLimits::default(), &mut visit)?,
        Kind::SdistZip | Kind::Wheel => walk_zip(bytes, size, &ArchiveLimits::default(), &mut visit)?,
    };
    found.ok_or_else(|| refuse("must have a file PKG-INFO in its top folder"))
}

fn refuse(rule: &'static str) -> Refusal {
    Refusal::new("sdist", rule).see(RULES)
}
