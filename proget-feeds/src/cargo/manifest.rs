//! Looking into a crate: is it what it is said to be, and what is to be stored about it?
//!
//! A crate is a gzip-compressed tar file with one folder, `{name}-{version}`, as `cargo package`
//! makes it; clients refuse to unpack anything else. Links are refused, because `cargo package`
//! writes none, and so is a second `Cargo.toml` in whatever case, because the one that counts
//! would depend on who unpacks.
//!
//! The file is stored under the name as it is *compared*, so that no other spelling and no other
//! build metadata can put a second crate beside it.

use super::declaration::{About, Declaration, Kind, Readme};
use super::{entry, manifest_file, name, publish_document, version};
use crate::archive::{ArchiveLimits, Entry, EntryKind, walk_tgz};
use bytes::Bytes;
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::package::{FileName, Fragment, Manifest, NameKey, Offer, PackageName, VersionKey};
use proget_core::refusal::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// Longest README that is kept, in bytes: 256 KiB.
const README_LIMIT: usize = 256 << 10;
/// So many files of a crate are looked at because they may be the README.
const READMES: usize = 4;
/// Longest line for lists, in bytes.
const SUMMARY_LIMIT: usize = 400;
/// Longest text of those that are only shown, in bytes, and longest list of them.
const SHOWN: (usize, usize) = (4096, 50);
/// Keywords of more bytes than these count for no search.
const KEYWORD_LIMIT: usize = 80;

/// Inspects a crate; see [`FeedFormat::inspect`](proget_core::format::FeedFormat::inspect).
pub(crate) fn inspect(
    bytes: &mut dyn ReadSeek,
    artifact: &Artifact,
    offer: &Offer,
) -> Result<Manifest, Refusal> {
    let found = Found::look(bytes, artifact.size())?;
    let own = manifest_file::parse(&found.manifest)?;
    let folder = format!("{}-{}", own.name, own.version);
    if found.folder != folder {
        let rule = format!("has the folder '{}', but its Cargo.toml makes it '{folder}'", found.folder);
        return Err(Refusal::new("crate", rule));
    }
    agree("name", offer.name.as_deref(), &own.name)?;
    agree("version", offer.version.as_deref(), &own.version)?;
    let declaration = match &offer.document {
        Some(document) => {
            let sent = publish_document::parse(document)?;
            agree("name", Some(&sent.name), &own.name)?;
            agree("vers", Some(&sent.version), &own.version)?;
            agree_on_dependencies(&sent, &own)?;
            sent
        }
        None => own,
    };
    let (name, version) = (name::parse(&declaration.name)?, version::parse(&declaration.version)?);
    let about = shortened(declaration.about.clone());
    Ok(Manifest {
        file: file_name(name.key(), version.key())?,
        version_fragment: entry::line(&declaration, &artifact.digests().sha256)?,
        file_fragment: Fragment::default(),
        detail: Fragment(Bytes::from(found.readme(&declaration))),
        file_detail: Fragment(serde_json::to_vec(&about).unwrap_or_default().into()),
        summary: cut(one_line(about.description.as_deref().unwrap_or_default()), SUMMARY_LIMIT),
        keywords: keywords(&about, &name),
        tags: Vec::new(),
        name,
        version,
    })
}

/// What a crate's file is called here.
pub(crate) fn file_name(name: &NameKey, version: &VersionKey) -> Result<FileName, Refusal> {
    // A version may be as long as a file's name: then only the version tells files of a package apart.
    FileName::new(format!("{name}-{version}.crate")).or_else(|_| FileName::new(version.as_str()))
}

fn agree(field: &'static str, offered: Option<&str>, own: &str) -> Result<(), Refusal> {
    match offered.filter(|offered| *offered != own) {
        Some(offered) => {
            Err(Refusal::new(field, format!("is '{offered}', but the crate's Cargo.toml says '{own}'")))
        }
        None => Ok(()),
    }
}

/// What will be built is in the crate, what will be resolved is in the index: both must need the
/// same. Development dependencies are left out, of which clients leave out some in the one or the other.
fn agree_on_dependencies(sent: &Declaration, own: &Declaration) -> Result<(), Refusal> {
    let (in_document, in_crate) = (needed(sent), needed(own));
    let refuse = |name: &str, one: &str, other: &str| {
        let rule = format!("has '{name}' in {one}, but not in {other}");
        Err(Refusal::new("dependencies", rule))
    };
    if let Some((_, name, _)) = in_document.difference(&in_crate).next() {
        return refuse(name, "the publish document", "the crate's Cargo.toml");
    }
    match in_crate.difference(&in_document).next() {
        Some((_, name, _)) => refuse(name, "the crate's Cargo.toml", "the publish document"),
        None => Ok(()),
    }
}

fn needed(declaration: &Declaration) -> BTreeSet<(Kind, &str, &str)> {
    let needed = declaration.dependencies.iter().filter(|one| one.kind != Kind::Dev);
    needed.map(|one| (one.kind, one.name.as_str(), one.package.as_deref().unwrap_or(&one.name))).collect()
}

/// What was found in a crate.
#[derive(Default)]
struct Found {
    folder: String,
    manifest: Vec<u8>,
    manifests: usize,
    readmes: BTreeMap<String, Vec<u8>>,
}

impl Found {
    fn look(bytes: &mut dyn ReadSeek, size: u64) -> Result<Self, Refusal> {
        let mut found = Self::default();
        walk_tgz(bytes, size, &ArchiveLimits::default(), &mut |entry, content| found.take(entry, content))?;
        match found.manifests {
            1 => Ok(found),
            0 => Err(Refusal::new("Cargo.toml", "must be in the crate's folder")),
            _ => Err(Refusal::new("Cargo.toml", "must be in the crate's folder once, also in other cases")),
        }
    }

    fn take(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), Refusal> {
        let (folder, path) = entry.path.split_once('/').unwrap_or((&entry.path, ""));
        if self.folder.is_empty() {
            folder.clone_into(&mut self.folder);
        }
        if folder != self.folder || (path.is_empty() && entry.kind != EntryKind::Folder) {
            let rule = format!("must hold one folder, but has '{}' beside '{}'", entry.path, self.folder);
            return Err(Refusal::new("crate", rule));
        }
        match entry.kind {
            EntryKind::Link => Err(Refusal::new("crate", format!("has a link, '{}'", entry.path))),
            EntryKind::Folder => Ok(()),
            EntryKind::File => self.take_file(path, content),
        }
    }

    fn take_file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), Refusal> {
        if path.eq_ignore_ascii_case("Cargo.toml") {
            self.manifests += 1;
        }
        if path == "Cargo.toml" {
            // One byte more than allowed, so that what is too long is seen to be.
            self.manifest = read(content, manifest_file::LIMIT + 1)?;
        } else if is_readme(path) && self.readmes.len() < READMES {
            self.readmes.insert(path.to_owned(), read(content, README_LIMIT as u64)?);
        }
        Ok(())
    }

    /// The README that was sent, or else the one that the crate names, or else the one it has.
    fn readme(&self, declaration: &Declaration) -> String {
        let bytes = match &declaration.readme {
            Readme::Text(text) => return cut(text.clone(), README_LIMIT),
            Readme::None => None,
            Readme::File(path) => self.readmes.get(path.trim_start_matches("./")),
            Readme::Unsaid => self.readmes.values().next(),
        };
        cut(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default(), README_LIMIT)
    }
}

fn read(content: &mut dyn Read, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let broken =
        |error| Refusal::new("archive", format!("cannot be read as a gzip-compressed tar file: {error}"));
    content.take(limit).read_to_end(&mut bytes).map_err(broken)?;
    Ok(bytes)
}

fn is_readme(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    matches!(lower.split('.').next(), Some("readme")) && !lower.contains('/')
}

/// What is only shown is cut, not refused.
fn shortened(about: About) -> About {
    let one = |text: Option<String>| text.map(|text| cut(text, SHOWN.0));
    let many = |texts: Vec<String>| texts.into_iter().take(SHOWN.1).map(|text| cut(text, SHOWN.0)).collect();
    About {
        description: one(about.description),
        homepage: one(about.homepage),
        documentation: one(about.documentation),
        repository: one(about.repository),
        license: one(about.license),
        license_file: one(about.license_file),
        authors: many(about.authors),
        keywords: many(about.keywords),
        categories: many(about.categories),
    }
}

/// The author's words, and the spellings of the name that are compared as one with it.
fn keywords(about: &About, name: &PackageName) -> Vec<String> {
    let spellings = [name.key().to_string(), name.key().as_str().replace('-', "_")];
    let others = spellings.into_iter().filter(|other| !other.eq_ignore_ascii_case(name.as_str()));
    let words = about.keywords.iter().chain(&about.categories).map(|word| word.trim());
    let plain =
        |word: &&str| !word.is_empty() && word.len() <= KEYWORD_LIMIT && !word.contains(char::is_control);
    others.chain(words.filter(plain).map(str::to_owned)).collect()
}

fn one_line(text: &str) -> String {
    let gap = |c: char| c.is_whitespace() || c.is_control();
    text.split(gap).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, at most `limit` bytes, cut between characters.
fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

#[cfg(test)]
mod tests;
