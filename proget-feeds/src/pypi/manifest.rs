//! Inspecting a distribution: is it what its name and its form say, and what is stored about it?
//!
//! Four places speak of name and version: the file name, the form, the folder within a wheel, and
//! the metadata in the file. The last one counts, because installers believe it; the others must
//! agree with it.

use super::file_name::{self, DistributionName, Kind};
use super::form::Form;
use super::fragment::{self, FileFragment};
use super::metadata::Metadata;
use super::wheel::Wheel;
use super::{name, sdist, version};
use bytes::Bytes;
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::digest::Sha256;
use proget_core::package::{FileName, Fragment, Manifest, Offer, PackageName, Version};
use proget_core::refusal::Refusal;
use std::io::SeekFrom;

/// Longest line for lists, in bytes.
const SUMMARY_LIMIT: usize = 400;
/// So many keywords count for searches, each of so many bytes.
const KEYWORDS: (usize, usize) = (50, 80);

/// Inspects a distribution; see [`FeedFormat::inspect`](proget_core::format::FeedFormat::inspect).
pub(super) fn inspect(
    bytes: &mut dyn ReadSeek,
    artifact: &Artifact,
    offer: &Offer,
) -> Result<Manifest, Refusal> {
    let form = offer.document.as_deref().map(Form::from_document).transpose()?.unwrap_or_default();
    form.check_digests(artifact.digests())?;
    let sent_name = offer.file_name.as_deref().map(DistributionName::parse).transpose()?;
    let content = Content::look(bytes, artifact.size(), sent_name.as_ref().map(DistributionName::kind))?;
    let metadata = Metadata::parse(content.raw_metadata(), content.metadata_file())?;
    let (name, version) = (name::parse(metadata.name())?, version::parse(metadata.version())?);
    check_offer(offer, &name, &version)?;
    form.check_metadata(content.kind(), &metadata, &name, &version)?;
    if let Some(sent_name) = &sent_name {
        sent_name.agrees(&name, &version)?;
    }
    content.check_inside(sent_name.as_ref(), &name, &version)?;
    let file = match &offer.file_name {
        Some(sent) => FileName::new(sent)?,
        None => FileName::new(content.rebuilt_name(&name, &version)?)?,
    };
    let file_fragment = FileFragment {
        filetype: content.kind().filetype().to_owned(),
        python: python_of(file.as_str()),
        requires_python: metadata.requires_python().map(version::requires_python).transpose()?,
        core_metadata: content.served_metadata().map(Sha256::of),
    };
    Ok(Manifest {
        version_fragment: fragment::version(&metadata.told()),
        file_fragment: file_fragment.encode(),
        detail: Fragment(metadata.description().into()),
        file_detail: Fragment(content.served_metadata().map(Bytes::copy_from_slice).unwrap_or_default()),
        summary: one_line(metadata.one("summary").unwrap_or_default()),
        keywords: keywords(&metadata),
        tags: Vec::new(),
        name,
        version,
        file,
    })
}

/// What lies in the file.
enum Content {
    Wheel(Wheel),
    Sdist(Kind, Vec<u8>),
}

impl Content {
    /// Without a file name the bytes say what kind it is.
    fn look(bytes: &mut dyn ReadSeek, size: u64, kind: Option<Kind>) -> Result<Self, Refusal> {
        match kind {
            Some(Kind::Wheel) => Wheel::look(bytes, size).map(Self::Wheel),
            Some(kind) => sdist::pkg_info(bytes, size, kind).map(|found| Self::Sdist(kind, found)),
            None => match first_bytes(bytes)? {
                [b'P', b'K'] => Wheel::look(bytes, size).map(Self::Wheel).or_else(|refusal| {
                    let as_sdist = sdist::pkg_info(bytes, size, Kind::SdistZip);
                    as_sdist.map(|found| Self::Sdist(Kind::SdistZip, found)).map_err(|_| refusal)
                }),
                [0x1f, 0x8b] => {
                    let found = sdist::pkg_info(bytes, size, Kind::SdistTar)?;
                    Ok(Self::Sdist(Kind::SdistTar, found))
                }
                _ => Err(Refusal::new("file", "is neither a wheel nor an sdist (.tar.gz or .zip)")),
            },
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Wheel(_) => Kind::Wheel,
            Self::Sdist(kind, _) => *kind,
        }
    }

    fn raw_metadata(&self) -> &[u8] {
        match self {
            Self::Wheel(wheel) => &wheel.metadata,
            Self::Sdist(_, found) => found,
        }
    }

    fn metadata_file(&self) -> &'static str {
        match self {
            Self::Wheel(_) => "METADATA",
            Self::Sdist(..) => "PKG-INFO",
        }
    }

    /// Metadata that is served beside the file: that of a wheel is what installing it will give.
    fn served_metadata(&self) -> Option<&[u8]> {
        match self {
            Self::Wheel(wheel) => Some(&wheel.metadata),
            Self::Sdist(..) => None,
        }
    }

    /// A wheel's folder and its tags must be those of its name.
    fn check_inside(
        &self,
        sent_name: Option<&DistributionName>,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), Refusal> {
        let Self::Wheel(wheel) = self else { return Ok(()) };
        let folder = wheel.stem.rsplit_once('-').is_some_and(|(raw_name, raw_version)| {
            name::normalized(raw_name) == name.key().as_str()
                && version::parse(raw_version).is_ok_and(|found| found.key() == version.key())
        });
        if !folder {
            let rule = format!(
                "has the folder '{}.dist-info', but its METADATA speaks of {name} {version}",
                wheel.stem
            );
            return Err(Refusal::new("wheel", rule));
        }
        let Some(DistributionName::Wheel(sent)) = sent_name else { return Ok(()) };
        // Some tools add tags by renaming the file alone, so one tag in common is enough.
        let known = sent.expanded().iter().any(|tag| wheel.tags.contains(tag));
        if !known && !wheel.tags.is_empty() {
            let rule =
                format!("has the tags {}, but the WHEEL file {}", sent.tags.join("-"), wheel.tags.join(", "));
            return Err(Refusal::new("file name", rule));
        }
        Ok(())
    }

    fn rebuilt_name(&self, name: &PackageName, version: &Version) -> Result<String, Refusal> {
        let rebuilt = match self {
            Self::Wheel(wheel) => file_name::of_wheel(name, version, wheel.build.as_deref(), &wheel.tags)?,
            Self::Sdist(kind, _) => file_name::of_sdist(name, version, *kind),
        };
        // What came out of the WHEEL file must be a name like any that is sent.
        DistributionName::parse(&rebuilt)?.agrees(name, version)?;
        Ok(rebuilt)
    }
}

fn first_bytes(bytes: &mut dyn ReadSeek) -> Result<[u8; 2], Refusal> {
    let broken = |error: std::io::Error| Refusal::new("file", format!("cannot be read: {error}"));
    let mut first = [0; 2];
    bytes.read_exact(&mut first).map_err(broken)?;
    bytes.seek(SeekFrom::Start(0)).map_err(broken)?;
    Ok(first)
}

/// What the address or another document said.
fn check_offer(offer: &Offer, name: &PackageName, version: &Version) -> Result<(), Refusal> {
    if let Some(offered) = &offer.name
        && name::parse(offered)?.key() != name.key()
    {
        return Err(Refusal::new(
            "name",
            format!("is '{offered}', but the metadata in the file says '{name}'"),
        ));
    }
    if let Some(offered) = &offer.version
        && version::parse(offered)?.key() != version.key()
    {
        return Err(Refusal::new(
            "version",
            format!("is '{offered}', but the metadata in the file says '{version}'"),
        ));
    }
    Ok(())
}

/// `pyversion` of upload forms and documents: the first tag of a wheel, `source` for an sdist.
fn python_of(file: &str) -> String {
    match DistributionName::parse(file) {
        Ok(DistributionName::Wheel(wheel)) => wheel.tags.into_iter().next().unwrap_or_default(),
        _ => "source".to_owned(),
    }
}

fn keywords(metadata: &Metadata) -> Vec<String> {
    let text = metadata.one("keywords").unwrap_or_default();
    // Commas are the rule; old packages have blanks.
    let words =
        text.split(|c: char| if text.contains(',') { c == ',' } else { c.is_whitespace() }).map(str::trim);
    words
        .filter(|word| !word.is_empty() && word.len() <= KEYWORDS.1 && !word.contains(char::is_control))
        .take(KEYWORDS.0)
        .map(str::to_owned)
        .collect()
}

/// One line of limited length, cut between characters.
fn one_line(text: &str) -> String {
    let gap = |c: char| c.is_whitespace() || c.is_control();
    let mut line = text.split(gap).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.truncate(line.floor_char_boundary(SUMMARY_LIMIT));
    line
}
