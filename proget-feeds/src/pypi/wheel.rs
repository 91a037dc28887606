//! Looking into a wheel: its one `*.dist-info` folder, and what lies in it.
//!
//! See <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>. The
//! digests in `RECORD` are not computed: that would double the work of a publish, and every
//! installer does it.

use super::metadata;
use crate::archive::zip::walk_zip;
use crate::archive::{ArchiveLimits, Entry, EntryKind};
use proget_core::artifact::ReadSeek;
use proget_core::refusal::Refusal;
use std::io::Read;

/// Where the rules are written.
const RULES: &str = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/";
/// Largest `WHEEL` file in bytes.
const WHEEL_LIMIT: u64 = 256 << 10;
/// So many tags one wheel may have.
const MOST_TAGS: usize = 1000;

/// What was found in a wheel.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    /// `METADATA`, as it is.
    pub(super) metadata: Vec<u8>,
    /// The name of the `*.dist-info` folder without that ending.
    pub(super) stem: String,
    /// `Tag` of its `WHEEL` file.
    pub(super) tags: Vec<String>,
    /// `Build` of its `WHEEL` file.
    pub(super) build: Option<String>,
    has_record: bool,
    has_wheel: bool,
}

impl Wheel {
    /// Reads a wheel to its end.
    pub(super) fn look(bytes: &mut dyn ReadSeek, size: u64) -> Result<Self, Refusal> {
        let (mut wheel, mut folders) = (Self::default(), Vec::<String>::new());
        walk_zip(bytes, size, &ArchiveLimits::default(), &mut |entry, content| {
            if entry.kind == EntryKind::Link {
                return Err(refuse("must not have links in it"));
            }
            let (top, inner) = entry.path.split_once('/').unwrap_or((&entry.path, ""));
            let Some(stem) = top.strip_suffix(".dist-info") else {
                let other_case = top.to_ascii_lowercase().ends_with(".dist-info");
                return if other_case {
                    Err(refuse("must end its folder *.dist-info in small letters"))
                } else {
                    Ok(())
                };
            };
            if folders.first().is_some_and(|known| known != stem) {
                return Err(refuse("must have one folder *.dist-info, not several"));
            }
            if folders.is_empty() {
                folders.push(stem.to_owned());
            }
            wheel.take(entry, inner, content)
        })?;
        let missing = [
            (wheel.has_wheel, "WHEEL"),
            (!wheel.metadata.is_empty(), "METADATA"),
            (wheel.has_record, "RECORD"),
        ];
        for (found, file) in missing {
            if !found {
                return Err(refuse(format!("must have a file *.dist-info/{file} that is not empty")));
            }
        }
        wheel.stem = folders.into_iter().next().unwrap_or_default();
        Ok(wheel)
    }

    fn take(&mut self, entry: &Entry, inner: &str, content: &mut dyn Read) -> Result<(), Refusal> {
        if entry.kind != EntryKind::File {
            return Ok(());
        }
        match inner {
            "METADATA" => self.metadata = small(content, metadata::LIMIT)?,
            "WHEEL" => {
                let text = small(content, WHEEL_LIMIT)?;
                self.has_wheel = true;
                (self.tags, self.build) = read_wheel_file(&text)?;
            }
            "RECORD" => self.has_record = entry.size > 0,
            // Where case does not count, it would be unpacked over the one that was checked.
            _ if ["METADATA", "WHEEL", "RECORD"].iter().any(|own| inner.eq_ignore_ascii_case(own)) => {
                return Err(refuse("must have METADATA, WHEEL and RECORD once, also in other cases"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The tags and the build number that a `WHEEL` file names.
///
/// # Errors
/// A refusal of a generation of wheels that is not known, and of what is no such file.
pub fn read_wheel_file(bytes: &[u8]) -> Result<(Vec<String>, Option<String>), Refusal> {
    let refuse = |rule: &'static str| Refusal::new("WHEEL", rule).see(RULES);
    let text = std::str::from_utf8(bytes).map_err(|_| refuse("must be UTF-8"))?;
    let (mut tags, mut build, mut generation) = (Vec::new(), None, None);
    for line in text.lines().take_while(|line| !line.trim().is_empty()) {
        let (field, value) = line.split_once(':').ok_or_else(|| refuse("must have lines 'Field: value'"))?;
        match field.trim().to_ascii_lowercase().as_str() {
            "wheel-version" => generation = Some(value.trim()),
            "tag" if tags.len() == MOST_TAGS => return Err(refuse("has more than 1000 tags")),
            "tag" => tags.push(value.trim().to_owned()),
            "build" => build = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    match generation.and_then(|generation| generation.split('.').next()) {
        Some("1") => Ok((tags, build)),
        _ => Err(refuse("must have a Wheel-Version of 1.x")),
    }
}

/// A small file of an archive; one byte more than allowed is read, so that what is too long is seen to be.
pub(super) fn small(content: &mut dyn Read, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let broken = |error: std::io::Error| Refusal::new("archive", format!("cannot be read: {error}"));
    content.take(limit + 1).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > limit {
        return Err(Refusal::new(
            "archive",
            format!("has a file about the package of more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

fn refuse(rule: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new("wheel", rule).see(RULES)
}
