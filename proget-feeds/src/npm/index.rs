//! Index documents: packuments, the manifest of one version, dist-tags.
//!
//! Everything is made from the rows of one snapshot and the base URL; the fragments are copied,
//! not parsed. *Blocked* versions, and tags that point at them, are as if they were not there.
//! *Unlisted* ones stay in: npm finds versions nowhere else, and they can still be had by name.
//! See <https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md>.

use super::fragment::VersionFragment;
use super::object::ObjectWriter;
use super::tag::LATEST;
use proget_core::catalog::{PackageRows, VersionRow};
use proget_core::ids::Stamp;
use proget_core::package::{Download, NameKey, VersionKey};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Which packument is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All that is known.
    Full,
    /// What installing needs.
    Abbreviated,
}

impl Form {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Full => "application/json",
            Self::Abbreviated => "application/vnd.npm.install-v1+json",
        }
    }
}

/// Members that the newest version lends to the whole document.
const LENT: [&str; 9] = [
    "description",
    "homepage",
    "keywords",
    "repository",
    "author",
    "contributors",
    "bugs",
    "license",
    "readmeFilename",
];

/// A package as its documents show it.
#[derive(Debug, Clone, Copy)]
pub struct Index<'a> {
    rows: &'a PackageRows,
    /// The feed's address, with a slash at its end.
    base: &'a str,
}

impl<'a> Index<'a> {
    /// The package in `rows`, whose tarballs' addresses begin with `base` (a slash at its end).
    #[must_use]
    pub fn new(rows: &'a PackageRows, base: &'a str) -> Self {
        Self { rows, base }
    }

    /// The packument; `None` if no version may be shown.
    #[must_use]
    pub fn packument(&self, form: Form) -> Option<Vec<u8>> {
        let tags = self.tags();
        let latest = self.version(tags.get(LATEST)?)?;
        let package = &self.rows.package;
        let mut out = Vec::with_capacity(self.shown().map(|row| row.fragment.0.len() + 512).sum());
        let mut document = ObjectWriter::begin(&mut out);
        if form == Form::Full {
            document.member("_id", package.name.as_str());
            document.member("_rev", &revision(package.stamp));
        }
        document.member("name", package.name.as_str());
        document.member("dist-tags", &tags);
        let mut versions = document.object("versions");
        for row in self.shown() {
            let mut version = versions.object(row.version.as_str());
            self.write_version(&mut version, row, form);
            version.end();
        }
        versions.end();
        match form {
            Form::Abbreviated => document.member("modified", &package.modified.to_string()),
            Form::Full => self.write_package(&mut document, latest),
        }
        document.end();
        Some(out)
    }

    /// The version object of a version or tag.
    #[must_use]
    pub fn manifest(&self, version_or_tag: &str) -> Option<Vec<u8>> {
        let tags = self.tags();
        let version = tags.get(version_or_tag).map_or(version_or_tag, String::as_str);
        let row = self.version(version)?;
        let mut out = Vec::new();
        let mut document = ObjectWriter::begin(&mut out);
        self.write_version(&mut document, row, Form::Full);
        document.end();
        Some(out)
    }

    /// Tags and versions. There is always a `latest`, because clients rely on it: without one,
    /// the newest stable version that nobody advises against counts, or else the newest at all.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        let shown: BTreeSet<&str> = self.shown().map(|row| row.version.key().as_str()).collect();
        let stored = self.rows.tags.iter().filter(|(_, version)| shown.contains(version.as_str()));
        let mut tags: BTreeMap<String, String> =
            stored.map(|(tag, version)| (tag.to_string(), version.to_string())).collect();
        if let (false, Some(row)) = (tags.contains_key(LATEST), newest(self.shown())) {
            tags.insert(LATEST.to_owned(), row.version.as_str().to_owned());
        }
        tags
    }

    /// Versions that may be shown, oldest first.
    pub fn shown(&self) -> impl DoubleEndedIterator<Item = &'a VersionRow> {
        self.rows
            .versions
            .iter()
            .filter(|row| row.status.download != Download::Blocked && !row.files.is_empty())
    }

    /// Keys of the versions that may be shown, oldest first.
    #[must_use]
    pub fn shown_versions(&self) -> Vec<VersionKey> {
        self.shown().map(|row| row.version.key().clone()).collect()
    }

    /// What is shown as the reason not to use a version; clients take an empty one for none.
    #[must_use]
    pub fn shown_reason(row: &VersionRow) -> Option<&str> {
        row.status
            .deprecated
            .as_deref()
            .map(|reason| if reason.is_empty() { "this version is deprecated" } else { reason })
    }

    fn version(&self, version: &str) -> Option<&'a VersionRow> {
        self.shown().find(|row| row.version.key().as_str() == version)
    }

    fn write_version(&self, out: &mut ObjectWriter<'_>, row: &VersionRow, form: Form) {
        if let Some(fragment) = VersionFragment::decode(&row.fragment) {
            out.members_of(fragment.install);
            if form == Form::Full {
                out.members_of(fragment.more);
            }
        } else {
            let (package, version) = (&self.rows.package.name, &row.version);
            tracing::error!(%package, %version, "a stored version object is damaged; only its name is shown");
            out.member("name", package.as_str());
            out.member("version", version.as_str());
        }
        if form == Form::Full {
            out.member("_npmUser", &json!({"name": row.published_by, "email": ""}));
        }
        if let Some(reason) = Self::shown_reason(row) {
            out.member("deprecated", reason);
        }
        if let Some(file) = row.files.first() {
            let mut dist = out.object("dist");
            if let Ok(measured) = serde_json::from_slice::<&RawValue>(&file.fragment.0) {
                dist.members_of(measured);
            }
            dist.member("tarball", &tarball(self.base, self.rows.package.name.key(), file.name.as_str()));
            dist.end();
        }
    }

    /// What the full document says about the package as a whole.
    fn write_package(&self, document: &mut ObjectWriter<'_>, latest: &VersionRow) {
        let package = &self.rows.package;
        let mut time = document.object("time");
        time.member("created", &package.created.to_string());
        time.member("modified", &package.modified.to_string());
        for row in self.shown() {
            time.member(row.version.as_str(), &row.published.to_string());
        }
        time.end();
        let publishers: BTreeSet<&str> = self.shown().map(|row| row.published_by.as_str()).collect();
        let people: Vec<Value> =
            publishers.into_iter().map(|name| json!({"name": name, "email": ""})).collect();
        document.member("maintainers", &people);
        let rest =
            VersionFragment::decode(&latest.fragment).map(|fragment| fragment.rest()).unwrap_or_default();
        for key in LENT {
            if let Some(value) = rest.get(key) {
                document.member(key, value);
            }
        }
    }
}

/// The version that counts as newest when nobody said which does.
#[must_use]
pub fn newest<'a>(oldest_first: impl DoubleEndedIterator<Item = &'a VersionRow>) -> Option<&'a VersionRow> {
    let all: Vec<_> = oldest_first.rev().collect();
    let stable = |row: &&&VersionRow| !row.version.is_prerelease();
    let advised = |row: &&&VersionRow| row.status.deprecated.is_none() && row.status.listed;
    let best = all.iter().find(|row| stable(row) && advised(row));
    best.or_else(|| all.iter().find(stable)).or_else(|| all.first()).copied()
}

/// What clients send back to say which state of the package they have seen.
#[must_use]
pub fn revision(stamp: Stamp) -> String {
    format!("1-{stamp}")
}

/// Where a tarball is. The scope's slash stays a slash here, as clients expect it.
#[must_use]
pub fn tarball(base: &str, package: &NameKey, file: &str) -> String {
    format!("{base}{package}/-/{file}")
}

#[cfg(test)]
mod tests;
