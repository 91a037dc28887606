//! Reading packages.

use super::super::MemoryCatalog;
use super::super::reading::page;
use super::super::state::{Package, StoredVersion};
use crate::catalog::{
    CatalogError, FeedTotals, Found, FoundFile, PackageRows, Packages, Page, PageRequest, Search,
    VersionFilter, Visibility,
};
use crate::ids::{FeedId, FileId};
use crate::package::{FileRef, Fragment, NameKey, OrderKey, VersionKey};
use async_trait::async_trait;

/// A version's place in the order of its package: ties of the format's order are broken by key.
fn place(version: &StoredVersion) -> (&OrderKey, &VersionKey) {
    (version.row.version.order(), version.row.version.key())
}

/// Oldest first.
fn in_order(package: &Package) -> Vec<&StoredVersion> {
    let mut versions: Vec<&StoredVersion> = package.versions.values().collect();
    versions.sort_by_key(|version| place(version));
    versions
}

impl Search {
    fn counts(&self, version: &StoredVersion) -> bool {
        let visible = self.visibility == Visibility::All || version.row.status.listed;
        visible && !(self.stable_only && version.row.version.is_prerelease())
    }

    fn wants(&self, package: &Package) -> bool {
        let key = package.row.name.key();
        self.name.as_ref().is_none_or(|name| name == key)
            && self.prefix.as_ref().is_none_or(|prefix| key.as_str().starts_with(prefix))
    }

    /// Each word must be somewhere in the name, or in what the version says of itself.
    fn mentions(&self, package: &Package, version: &StoredVersion) -> bool {
        let name = package.row.name.as_str();
        let texts =
            || [name, &version.row.summary].into_iter().chain(version.keywords.iter().map(String::as_str));
        let contains =
            |text: &str, word: &str| text.to_ascii_lowercase().contains(&word.to_ascii_lowercase());
        self.text.iter().all(|word| texts().any(|text| contains(text, word)))
    }

    fn find(&self, package: &Package) -> Option<Found> {
        let version = in_order(package).into_iter().rfind(|version| self.counts(version))?;
        let found = || Found { package: package.row.clone(), version: version.row.clone() };
        self.mentions(package, version).then(found)
    }
}

/// Where a page of versions begins: after this package's version of this order and key.
type AfterVersion = (String, Vec<u8>, String);

fn cursor_of(found: &Found) -> AfterVersion {
    let version = &found.version.version;
    let package = found.package.name.key().as_str().to_owned();
    (package, version.order().0.clone(), version.key().as_str().to_owned())
}

#[async_trait]
impl Packages for MemoryCatalog {
    async fn rows(&self, feed: FeedId, name: &NameKey) -> Result<Option<PackageRows>, CatalogError> {
        let state = self.state();
        Ok(state.package(feed, name).map(|package| PackageRows {
            package: package.row.clone(),
            tags: package.tags.iter().map(|(tag, version)| (tag.clone(), version.clone())).collect(),
            versions: in_order(package).into_iter().map(|version| version.row.clone()).collect(),
        }))
    }

    async fn file(&self, feed: FeedId, wanted: &FileRef) -> Result<Option<FoundFile>, CatalogError> {
        let state = self.state();
        let Some(package) = state.package(feed, &wanted.package) else { return Ok(None) };
        let found = package.versions.values().find_map(|version| {
            let file = version.row.files.iter().find(|file| file.name == wanted.file)?;
            Some((version, file.clone()))
        });
        Ok(found.map(|(version, file)| FoundFile {
            stamp: package.row.stamp,
            version: version.row.version.clone(),
            status: version.row.status.clone(),
            file,
        }))
    }

    async fn search(
        &self,
        feed: FeedId,
        search: &Search,
        request: &PageRequest,
    ) -> Result<Page<Found>, CatalogError> {
        let state = self.state();
        let after = |package: &&Package| {
            request.after.as_ref().is_none_or(|after| package.row.name.key().as_str() > after.0.as_str())
        };
        let found = state
            .packages_of(feed)
            .filter(after)
            .filter(|package| search.wants(package))
            .filter_map(|package| search.find(package));
        Ok(page(found, request, |found| found.package.name.key().as_str().to_owned()))
    }

    async fn versions(
        &self,
        feed: FeedId,
        filter: &VersionFilter,
        request: &PageRequest,
    ) -> Result<Page<Found>, CatalogError> {
        let state = self.state();
        let after: Option<AfterVersion> =
            request.after.as_ref().and_then(|after| serde_json::from_str(&after.0).ok());
        let found = state
            .packages_of(feed)
            .filter(|package| filter.name.as_ref().is_none_or(|name| name == package.row.name.key()))
            .flat_map(|package| {
                in_order(package)
                    .into_iter()
                    .map(|version| Found { package: package.row.clone(), version: version.row.clone() })
            })
            .filter(|found| filter.version.as_ref().is_none_or(|key| key == found.version.version.key()))
            .filter(|found| after.as_ref().is_none_or(|after| cursor_of(found) > *after));
        Ok(page(found, request, |found| serde_json::to_string(&cursor_of(found)).unwrap_or_default()))
    }

    async fn detail(
        &self,
        feed: FeedId,
        name: &NameKey,
        version: &VersionKey,
    ) -> Result<Option<Fragment>, CatalogError> {
        let state = self.state();
        let version = state.package(feed, name).and_then(|package| package.versions.get(version));
        Ok(version.map(|version| version.detail.clone()))
    }

    async fn file_detail(&self, feed: FeedId, file: &FileRef) -> Result<Option<Fragment>, CatalogError> {
        let state = self.state();
        let versions =
            state.package(feed, &file.package).into_iter().flat_map(|package| package.versions.values());
        let mut holding =
            versions.filter(|version| version.row.files.iter().any(|row| row.name == file.file));
        Ok(holding.next().map(|version| version.file_details.get(&file.file).cloned().unwrap_or_default()))
    }

    async fn downloads(&self, files: &[FileId]) -> Result<Vec<u64>, CatalogError> {
        let state = self.state();
        Ok(files.iter().map(|file| state.downloads.get(file).copied().unwrap_or(0)).collect())
    }

    async fn totals(&self, feed: FeedId) -> Result<FeedTotals, CatalogError> {
        let state = self.state();
        let mut totals = FeedTotals::default();
        for package in state.packages_of(feed) {
            totals.packages += 1;
            totals.versions += package.versions.len() as u64;
            totals.bytes += package.files().map(|file| file.size).sum::<u64>();
        }
        Ok(totals)
    }
}
