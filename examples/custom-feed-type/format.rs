//! The pure half of a feed type of one's own: notes, texts with a name and a number.

use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::feed::FormatId;
use proget_core::format::{FeedFormat, Samples};
use proget_core::package::{FileName, Fragment, Manifest, Offer, OrderKey, PackageName, Stability, Version};
use proget_core::refusal::Refusal;
use std::cmp::Ordering;
use std::io::Read as _;

/// Longest note, in bytes.
const LIMIT: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Note;

pub(crate) static NOTE: Note = Note;

impl FeedFormat for Note {
    fn id(&self) -> FormatId {
        const NOTE: FormatId = FormatId::from_static("note");
        NOTE
    }

    fn purl_type(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "note"
    }

    fn name(&self, raw: &str) -> Result<PackageName, Refusal> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if raw.is_empty() || raw.len() > 64 || !raw.chars().all(plain) {
            return Err(Refusal::new("name", "must have 1 to 64 lower-case letters, digits and '-'"));
        }
        // Written and compared alike; a format without case would give a lower-case key.
        Ok(PackageName::new(raw, raw))
    }

    fn version(&self, raw: &str) -> Result<Version, Refusal> {
        let number = number(raw)?;
        // Bytes whose plain order is the version order: "10" is after "9" in no alphabet.
        let order = OrderKey(number.to_be_bytes().to_vec());
        Ok(Version::new(raw, raw, order, Stability::Stable))
    }

    fn compare(&self, left: &str, right: &str) -> Result<Ordering, Refusal> {
        Ok(number(left)?.cmp(&number(right)?))
    }

    fn inspect(&self, bytes: &mut dyn ReadSeek, _: &Artifact, offer: &Offer) -> Result<Manifest, Refusal> {
        let mut text = String::new();
        let read = bytes.take(LIMIT + 1).read_to_string(&mut text);
        if read.is_err() || text.len() as u64 > LIMIT {
            return Err(Refusal::new("text", format!("must be UTF-8 of at most {LIMIT} bytes")));
        }
        let title = text.lines().next().map(str::trim).filter(|line| !line.is_empty());
        let title =
            title.ok_or_else(|| Refusal::new("text", "must begin with a line that says what it is about"))?;
        let name = self.name(offer.name.as_deref().unwrap_or_default())?;
        let version = self.version(offer.version.as_deref().unwrap_or_default())?;
        Ok(Manifest {
            file: FileName::new(format!("{name}-{version}.txt"))?,
            // What an index needs, made now, so that building one never opens a note.
            version_fragment: Fragment(format!("{version}\t{title}\n").into()),
            file_fragment: Fragment::default(),
            detail: Fragment::default(),
            file_detail: Fragment::default(),
            summary: title.to_owned(),
            keywords: Vec::new(),
            tags: Vec::new(),
            name,
            version,
        })
    }

    fn samples(&self) -> Samples {
        Samples {
            names: &["a", "shopping-list", "7"],
            bad_names: &["", "Upper", "a b", "a/b", "ä"],
            same_names: &[],
            versions: &["0", "1", "2", "9", "10", "100", "4294967295"],
            bad_versions: &["", "-1", "01", "1.0", "one", "4294967296"],
        }
    }
}

fn number(raw: &str) -> Result<u32, Refusal> {
    let number = raw.parse::<u32>().ok().filter(|number| number.to_string() == raw);
    number.ok_or_else(|| Refusal::new("version", "must be a whole number without leading zeros"))
}
