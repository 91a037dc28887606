//! Searching and listing: pages by cursor, straight from the catalogue.

use super::{Admission, Registry};
use crate::access::Permission;
use crate::catalog::{FeedTotals, Found, Page, PageRequest, Search, VersionFilter};
use crate::ids::FileId;
use crate::package::{Fragment, NameKey, VersionKey};
use crate::problem::Problem;

/// No page is longer, whatever is asked for.
pub const LARGEST_PAGE: u32 = 1000;

impl Registry {
    /// Packages that match, each with the newest version that counts.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn search(
        &self,
        admission: &Admission,
        search: &Search,
        page: &PageRequest,
    ) -> Result<Page<Found>, Problem> {
        admission.demand(Permission::View)?;
        Ok(self.fresh.read().search(admission.feed().id, search, &bounded(page)).await?)
    }

    /// Versions that match, by name, oldest first.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn versions(
        &self,
        admission: &Admission,
        filter: &VersionFilter,
        page: &PageRequest,
    ) -> Result<Page<Found>, Problem> {
        admission.demand(Permission::View)?;
        Ok(self.fresh.read().versions(admission.feed().id, filter, &bounded(page)).await?)
    }

    /// What a format stored about one version beyond what indexes need (a README).
    ///
    /// # Errors
    /// `NotFound`, `Busy`.
    pub async fn detail(
        &self,
        admission: &Admission,
        package: &NameKey,
        version: &VersionKey,
    ) -> Result<Fragment, Problem> {
        admission.demand(Permission::View)?;
        let detail = self.fresh.read().detail(admission.feed().id, package, version).await?;
        detail.ok_or_else(|| Problem::NotFound(format!("there is no version {version} of {package}")))
    }

    /// How often these files were downloaded, counted to the last flush and in this process since.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn download_counts(&self, files: &[FileId]) -> Result<Vec<u64>, Problem> {
        let stored = self.fresh.read().downloads(files).await?;
        Ok(files.iter().zip(stored).map(|(file, count)| count + self.downloads.pending(*file)).collect())
    }

    /// How much the feed holds.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn totals(&self, admission: &Admission) -> Result<FeedTotals, Problem> {
        Ok(self.fresh.read().totals(admission.feed().id).await?)
    }
}

fn bounded(page: &PageRequest) -> PageRequest {
    PageRequest { after: page.after.clone(), limit: page.limit.clamp(1, LARGEST_PAGE) }
}
