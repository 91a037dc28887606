//! Searching and listing: pages by cursor, straight from the catalogue.

use super::{Admission, Registry};
use crate::access::Permission;
use crate::catalog::{CatalogError, FeedTotals, Found, Page, PageRequest, Search, VersionFilter};
use crate::ids::FileId;
use crate::package::{FileRef, Fragment, NameKey, VersionKey};
use crate::problem::Problem;
use futures::FutureExt as _;
use futures::future::BoxFuture;

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
        let (read, feed) = (self.fresh.read(), admission.feed().id);
        gather(page, |part| async move { read.search(feed, search, &part).await }.boxed()).await
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
        let (read, feed) = (self.fresh.read(), admission.feed().id);
        gather(page, |part| async move { read.versions(feed, filter, &part).await }.boxed()).await
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

    /// What a format stored about one file beyond what indexes need. As with the file itself, a
    /// blocked version is as if it were not there.
    ///
    /// # Errors
    /// `NotFound`, `Busy`.
    pub async fn file_detail(&self, admission: &Admission, file: &FileRef) -> Result<Fragment, Problem> {
        self.item(admission, file).await?;
        let detail = self.fresh.read().file_detail(admission.feed().id, file).await?;
        detail.ok_or_else(|| Problem::NotFound(format!("there is no file {} in {}", file.file, file.package)))
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

/// So many rows are read in one go.
const PART: u32 = 50;

/// A page is not read further when its fragments weigh more than this.
const HEAVY: usize = 8 << 20;

/// Reads a page in parts and ends it early when it has become heavy: fragments may be large, and a
/// page must not be a way to fill the server's memory. The cursor says that there is more.
async fn gather<'a>(
    page: &PageRequest,
    // Boxed: with an `AsyncFn` here callers' futures could not be sent between threads.
    read: impl Fn(PageRequest) -> BoxFuture<'a, Result<Page<Found>, CatalogError>>,
) -> Result<Page<Found>, Problem> {
    let limit = page.limit.clamp(1, LARGEST_PAGE);
    let mut gathered = Page { rows: Vec::new(), next: page.after.clone() };
    let mut weight = 0;
    loop {
        let left = limit.saturating_sub(u32::try_from(gathered.rows.len()).unwrap_or(u32::MAX));
        let part = read(PageRequest { after: gathered.next.take(), limit: left.min(PART) }).await?;
        weight += part.rows.iter().map(|found| found.version.fragment.0.len()).sum::<usize>();
        gathered.rows.extend(part.rows);
        gathered.next = part.next;
        if gathered.next.is_none() || gathered.rows.len() >= limit as usize || weight > HEAVY {
            return Ok(gathered);
        }
    }
}
