//! All that can be read from a catalogue, as a text in which two moments, or two catalogues, can
//! be compared.

use crate::catalog::{
    BlobWanted, Catalog, FileRow, JobFilter, JobRow, Occurrence, PackageRow, PackageRows, Page, PageRequest,
    Role, Search, StampOf, VersionFilter, Visibility,
};
use crate::clock::Timestamp;
use crate::feed::{Feed, StoreName};
use crate::ids::{BlobId, FeedId, FileId, JobId, KeyId, PackageId, Stamp, UserId};
use crate::package::FileRef;
use std::fmt::{Debug, Write as _};
use std::time::Duration;
use uuid::Uuid;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Everything, row numbers, stamps and times too: the same catalogue at two moments.
    Everything,
    /// What two catalogues must have in common after the same changes: no row numbers, no times,
    /// and of stamps only whether there is one.
    WhatIsPortable,
}

/// All that can be read from a catalogue, apart from the time it is.
///
/// # Panics
/// If it cannot be read.
pub async fn picture(catalog: &dyn Catalog, shows: Shows) -> String {
    let mut drawing = Drawing { text: String::new(), shows };
    for feed in catalog.feeds().await.unwrap() {
        drawing.feed(catalog, feed).await;
    }
    drawing.blobs(catalog).await;
    drawing.accounts(catalog).await;
    drawing.instance(catalog).await;
    drawing.work(catalog).await;
    drawing.text
}

struct Drawing {
    text: String,
    shows: Shows,
}

impl Drawing {
    fn line(&mut self, what: &str, row: impl Debug) {
        writeln!(self.text, "{what} {row:?}").unwrap();
    }

    fn portable(&self) -> bool {
        self.shows == Shows::WhatIsPortable
    }

    fn stamp(&self, stamp: Stamp) -> Stamp {
        if self.portable() { Stamp(Uuid::nil()) } else { stamp }
    }

    async fn feed(&mut self, catalog: &dyn Catalog, mut feed: Feed) {
        let id = feed.id;
        assert_eq!(
            catalog.feed(&feed.name).await.unwrap().as_ref(),
            Some(&feed),
            "a feed is found by its name"
        );
        let stamps = [StampOf::Feed(feed.name.key().into()), StampOf::Content(id)];
        let stamps = catalog.stamps(&stamps).await.unwrap();
        assert_eq!(stamps[0], Some(feed.revision), "a feed's stamp is its revision");
        let content = stamps[1].map(|stamp| self.stamp(stamp));
        let totals = catalog.totals(id).await.unwrap();
        feed.revision = self.stamp(feed.revision);
        if self.portable() {
            (feed.id, feed.created) = (FeedId(0), Timestamp(0));
        }
        self.line("feed", (feed, content, totals));
        let wanted = Search { visibility: Visibility::All, ..Search::default() };
        let mut request = PageRequest::first(100);
        loop {
            let found = catalog.search(id, &wanted, &request).await.unwrap();
            for found in &found.rows {
                self.line("newest", (found.package.name.as_str(), found.version.version.as_str()));
                let rows = catalog.rows(id, found.package.name.key()).await.unwrap();
                self.package(catalog, rows.expect("what a search finds can be read")).await;
            }
            let Some(next) = follow(&mut request, found) else { break };
            request = next;
        }
        self.versions(catalog, id).await;
    }

    async fn package(&mut self, catalog: &dyn Catalog, rows: PackageRows) {
        let (feed, name) = (rows.package.feed, rows.package.name.key().clone());
        let package = self.package_row(rows.package);
        self.line(" package", (package, &rows.tags));
        for mut version in rows.versions {
            let detail = catalog.detail(feed, &name, version.version.key()).await.unwrap();
            let files: Vec<FileId> = version.files.iter().map(|file| file.id).collect();
            let mut file_details = Vec::new();
            for file in &version.files {
                let wanted = FileRef { package: name.clone(), file: file.name.clone() };
                file_details.push(catalog.file_detail(feed, &wanted).await.unwrap());
            }
            let downloads = catalog.downloads(&files).await.unwrap();
            version.files = version.files.into_iter().map(|file| self.file(file)).collect();
            if self.portable() {
                version.published = Timestamp(0);
            }
            self.line("  version", (version, detail, file_details, downloads));
        }
    }

    async fn versions(&mut self, catalog: &dyn Catalog, feed: FeedId) {
        let mut request = PageRequest::first(100);
        loop {
            let found = catalog.versions(feed, &VersionFilter::default(), &request).await.unwrap();
            for found in &found.rows {
                self.line(" listed", (found.package.name.as_str(), found.version.version.as_str()));
            }
            let Some(next) = follow(&mut request, found) else { break };
            request = next;
        }
    }

    fn package_row(&self, row: PackageRow) -> PackageRow {
        let row = PackageRow { stamp: self.stamp(row.stamp), ..row };
        if !self.portable() {
            return row;
        }
        let never = Timestamp(0);
        PackageRow { id: PackageId(0), feed: FeedId(0), created: never, modified: never, ..row }
    }

    fn file(&self, row: FileRow) -> FileRow {
        if !self.portable() {
            return row;
        }
        FileRow { id: FileId(0), blob: BlobId(0), published: Timestamp(0), ..row }
    }

    async fn blobs(&mut self, catalog: &dyn Catalog) {
        for wanted in
            [BlobWanted::All, BlobWanted::Abandoned, BlobWanted::Unreferenced, BlobWanted::Condemned]
        {
            let mut rows = catalog.blobs(wanted, None, 10_000).await.unwrap();
            if self.portable() {
                rows.sort_by_key(|row| row.key);
            }
            for mut row in rows {
                let mut users = catalog.users_of(row.id, 1000).await.unwrap();
                users.sort();
                if self.portable() {
                    (row.id, row.touched) = (BlobId(0), 0);
                }
                self.line(&format!("blob among {wanted:?}"), (row, users));
            }
        }
        let mut doomed =
            catalog.doomed(&StoreName::default(), Duration::from_secs(3600), 10_000).await.unwrap();
        if self.portable() {
            doomed.sort_by_key(|row| row.key);
            doomed.iter_mut().for_each(|row| row.at = Timestamp(0));
        }
        self.line("doomed", doomed);
    }

    async fn accounts(&mut self, catalog: &dyn Catalog) {
        for mut user in catalog.users().await.unwrap() {
            user.revision = self.stamp(user.revision);
            if self.portable() {
                (user.id, user.created) = (UserId(0), Timestamp(0));
            }
            self.line("user", user);
        }
        let mut keys = catalog.keys().await.unwrap();
        if self.portable() {
            keys.sort_by_key(|key| key.hash.0);
        }
        for mut key in keys {
            key.revision = self.stamp(key.revision);
            if self.portable() {
                (key.id, key.created) = (KeyId(0), Timestamp(0));
                key.user = key.user.map(|_| UserId(0));
            }
            self.line("key", key);
        }
    }

    async fn instance(&mut self, catalog: &dyn Catalog) {
        let mut instance = catalog.instance().await.unwrap();
        instance.now = Timestamp(0);
        instance.revision = self.stamp(instance.revision);
        if self.portable() {
            (instance.installation, instance.identity) = (Uuid::nil(), String::new());
        }
        self.line("instance", instance);
        self.line("settings", catalog.settings().await.unwrap());
        for role in [Role::SWEEPER, Role::PRIMARY] {
            self.line("fence", catalog.fence(role).await.unwrap());
        }
        let mut request = PageRequest::first(100);
        loop {
            let page = catalog.journal(&request).await.unwrap();
            for mut row in page.rows.iter().cloned() {
                if self.portable() {
                    row.at = Timestamp(0);
                    row.entry.feed = row.entry.feed.map(|_| FeedId(0));
                }
                self.line("journal", row);
            }
            let Some(next) = follow(&mut request, page) else { break };
            request = next;
        }
    }
}

impl Drawing {
    async fn work(&mut self, catalog: &dyn Catalog) {
        let mut request = PageRequest::first(100);
        loop {
            let page = catalog.jobs(&JobFilter::default(), &request).await.unwrap();
            for row in page.rows.iter().cloned() {
                let mut log = catalog.job_log(row.id, 0, 10_000).await.unwrap();
                if self.portable() {
                    log.iter_mut().for_each(|line| line.at = Timestamp(0));
                }
                let row = self.job(row);
                self.line("job", (row, log));
            }
            let Some(next) = follow(&mut request, page) else { break };
            request = next;
        }
        for mut schedule in catalog.schedules().await.unwrap() {
            if self.portable() {
                schedule.last = Timestamp(0);
            }
            self.line("schedule", schedule);
        }
    }

    /// How long a claim still holds changes by itself; whether it holds does not, with the long and
    /// the spent ones that suites make.
    fn job(&self, mut row: JobRow) -> JobRow {
        if let Some(claim) = &mut row.claim {
            claim.left = claim.left.map(|_| Duration::ZERO);
        }
        if self.portable() {
            let never = Timestamp(0);
            (row.id, row.enqueued, row.due) = (JobId(0), never, never);
            row.finished = row.finished.map(|_| never);
            row.occurrence = row.occurrence.map(|of| Occurrence { due: never, ..of });
        }
        row
    }
}

/// The request for the next page, if there is one.
fn follow<T>(request: &mut PageRequest, page: Page<T>) -> Option<PageRequest> {
    page.next.map(|after| PageRequest { after: Some(after), limit: request.limit })
}
