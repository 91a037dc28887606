//! Looking into a tarball: is it the package it is said to be, and what is to be stored about it?
//!
//! Clients unpack a tarball by dropping the first folder of every path, whatever it is called; so
//! `package.json` is the one file of that name one folder deep, and two of them are refused,
//! because the one that counts would depend on who reads.

use super::fragment::{self, VersionFragment};
use super::{integrity, name, package_json, tag, version};
use crate::archive::{ArchiveLimits, Entry, EntryKind, Totals, walk_tgz};
use bytes::Bytes;
use proget_core::artifact::{Artifact, ReadSeek};
use proget_core::package::{FileName, Fragment, Manifest, Offer, PackageName, TagChange, TagMode, Version};
use proget_core::refusal::Refusal;
use serde_json::{Map, Value, json};
use std::io::Read;

/// Longest README that is kept, in bytes: 256 KiB.
const README_LIMIT: u64 = 256 << 10;
/// Longest line for lists, in bytes.
const SUMMARY_LIMIT: usize = 400;
/// So many keywords count for searches, each of so many bytes.
const KEYWORDS: (usize, usize) = (50, 80);

/// Inspects a tarball; see [`FeedFormat::inspect`](proget_core::format::FeedFormat::inspect).
pub(crate) fn inspect(
    bytes: &mut dyn ReadSeek,
    artifact: &Artifact,
    offer: &Offer,
) -> Result<Manifest, Refusal> {
    let (found, totals) = Found::look(bytes, artifact.size())?;
    let mut package = package_json::parse(&found.package_json, "package.json")?;
    let name = agreed_name(&package, offer)?;
    let version = agreed_version(&package, offer)?;
    let file = FileName::new(format!("{}-{version}.tgz", name::bare(name.as_str())))?;

    let readme = found.readme;
    let (object, detail) = match &offer.document {
        Some(document) => {
            let mut object = package_json::parse(document, "version object")?;
            verify_claims(&object, artifact)?;
            let sent = object.remove("readme").and_then(|text| Some(text.as_str()?.to_owned()));
            (object, sent.filter(|text| !text.trim().is_empty()).or(readme))
        }
        None => {
            if found.binding_gyp {
                package_json::build_native(&mut package);
            }
            package_json::normalize(&mut package, package_json::command_of(name.as_str()));
            (package, readme)
        }
    };
    let runs = package_json::has_install_script(&object) || object.get("gypfile") == Some(&Value::Bool(true));
    let mut object = package_json::cleaned(object, name.as_str(), version.as_str())?;
    if runs {
        object.insert("hasInstallScript".into(), true.into());
    }
    if found.shrinkwrap {
        object.insert("_hasShrinkwrap".into(), true.into());
    }
    let (summary, keywords) = (summary(&object), keywords(&object));
    Ok(Manifest {
        tags: tags(offer, &version)?,
        version_fragment: VersionFragment::encode(object),
        file_fragment: dist(artifact, totals),
        detail: Fragment(Bytes::from(cut(detail.unwrap_or_default(), README_LIMIT as usize))),
        file_detail: Fragment::default(),
        name,
        version,
        file,
        summary,
        keywords,
    })
}

/// What was found in a tarball.
#[derive(Default)]
struct Found {
    package_json: Vec<u8>,
    readme: Option<String>,
    binding_gyp: bool,
    shrinkwrap: bool,
}

impl Found {
    fn look(bytes: &mut dyn ReadSeek, size: u64) -> Result<(Self, Totals), Refusal> {
        let mut found = Self::default();
        let (mut packages, mut there) = (0, false);
        let totals = walk_tgz(bytes, size, &ArchiveLimits::default(), &mut |entry, content| {
            let Some((_, path)) = entry.path.split_once('/') else { return Ok(()) };
            // Where case does not count, one in other letters would be unpacked over it.
            if path.eq_ignore_ascii_case("package.json") {
                packages += 1;
                if path == "package.json" {
                    found.package_json = package_json_of(entry, content)?;
                    there = true;
                }
            } else if entry.kind == EntryKind::File {
                found.take(path, content)?;
            }
            Ok(())
        })?;
        match packages {
            1 if there => Ok((found, totals)),
            0 | 1 => Err(Refusal::new("package.json", "must be in the tarball, one folder deep")),
            _ => Err(Refusal::new("package.json", "must be in the tarball once, not in several folders")),
        }
    }

    fn take(&mut self, path: &str, content: &mut dyn Read) -> Result<(), Refusal> {
        match path {
            "binding.gyp" => self.binding_gyp = true,
            "npm-shrinkwrap.json" => self.shrinkwrap = true,
            // Clients prefer Markdown; among others the first one counts.
            _ if is_readme(path) && (self.readme.is_none() || path.to_ascii_lowercase().ends_with(".md")) => {
                let mut text = Vec::new();
                content.take(README_LIMIT).read_to_end(&mut text).map_err(broken_off)?;
                self.readme = Some(String::from_utf8_lossy(&text).into_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

fn package_json_of(entry: &Entry, content: &mut dyn Read) -> Result<Vec<u8>, Refusal> {
    if entry.kind != EntryKind::File {
        return Err(Refusal::new("package.json", "must be a file"));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that what is too long is seen to be.
    content.take(package_json::LIMIT + 1).read_to_end(&mut bytes).map_err(broken_off)?;
    Ok(bytes)
}

fn broken_off(error: std::io::Error) -> Refusal {
    Refusal::new("archive", format!("cannot be read as a gzip-compressed tar file: {error}"))
}

fn is_readme(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    matches!(lower.split('.').next(), Some("readme"))
        && !lower.contains('/')
        && lower.matches('.').count() <= 1
}

/// The name in the tarball, which must be the one that was offered.
fn agreed_name(package: &Map<String, Value>, offer: &Offer) -> Result<PackageName, Refusal> {
    let found = package_json::text(package, "name")?;
    match offer.name.as_deref().filter(|offered| *offered != found) {
        Some(offered) => Err(Refusal::new(
            "name",
            format!("is '{offered}', but the tarball's package.json says '{found}'"),
        )),
        None => name::parse(found),
    }
}

/// The version in the tarball, which must be the one that was offered, build metadata apart.
fn agreed_version(package: &Map<String, Value>, offer: &Offer) -> Result<Version, Refusal> {
    let found = version::parse(version::clean(package_json::text(package, "version")?))?;
    let Some(offered) = offer.version.as_deref() else { return Ok(found) };
    if version::parse(offered)?.key() == found.key() {
        return Ok(found);
    }
    Err(Refusal::new("version", format!("is '{offered}', but the tarball's package.json says '{found}'")))
}

fn verify_claims(object: &Map<String, Value>, artifact: &Artifact) -> Result<(), Refusal> {
    let claim = |key| object.get("dist").and_then(|dist| dist.get(key)).and_then(Value::as_str);
    if let Some(claimed) = claim("integrity") {
        integrity::verify(claimed, artifact.digests())?;
    }
    match claim("shasum") {
        Some(claimed) => integrity::verify_shasum(claimed, artifact.digests()),
        None => Ok(()),
    }
}

/// `dist` as it was measured; the tarball's address is added when a document is made.
fn dist(artifact: &Artifact, totals: Totals) -> Fragment {
    let shasum = artifact.digests().sha1.map(|sha1| sha1.to_string());
    fragment::json(&json!({
        "integrity": integrity::of(artifact.digests()),
        "shasum": shasum,
        "fileCount": totals.files,
        "unpackedSize": totals.bytes,
    }))
}

/// The tags that were asked for; and whatever was asked for, a package's first version is its latest.
fn tags(offer: &Offer, version: &Version) -> Result<Vec<TagChange>, Refusal> {
    let mut tags = Vec::new();
    for raw in &offer.tags {
        tags.push(TagChange { tag: tag::parse(raw)?, mode: TagMode::Move });
    }
    if !offer.tags.iter().any(|raw| raw == tag::LATEST) {
        // Without a client that asked for tags, a stable version is what everybody should get.
        let moves = offer.document.is_none() && offer.tags.is_empty() && !version.is_prerelease();
        let mode = if moves { TagMode::Move } else { TagMode::IfAbsent };
        tags.push(TagChange { tag: tag::parse(tag::LATEST)?, mode });
    }
    Ok(tags)
}

fn summary(object: &Map<String, Value>) -> String {
    let text = object.get("description").and_then(Value::as_str).unwrap_or_default();
    let gap = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<&str> = text.split(gap).filter(|word| !word.is_empty()).collect();
    cut(words.join(" "), SUMMARY_LIMIT)
}

fn keywords(object: &Map<String, Value>) -> Vec<String> {
    let all = object.get("keywords").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words = all.iter().filter_map(Value::as_str).map(str::trim);
    words
        .filter(|word| !word.is_empty() && word.len() <= KEYWORDS.1)
        .take(KEYWORDS.0)
        .map(str::to_owned)
        .collect()
}

/// The beginning of a text, at most `limit` bytes, cut between characters.
fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

#[cfg(test)]
mod tests;
