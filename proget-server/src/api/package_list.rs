//! `api/packages/{feed}`, `…/latest` and `…/versions`: what a feed holds, as bare arrays that are
//! sent page by page, so that a feed of any size costs the memory of one page.

use super::call::{Call, json, json_head};
use super::identify::{Asked, split_name, written_group};
use super::purl::Purl;
use bytes::Bytes;
use futures::stream;
use poem::{Body, Response};
use proget_core::catalog::{FileRow, Found, Page, PageRequest, Search, VersionFilter, VersionRow};
use proget_core::package::Download;
use proget_core::registry::Admission;
use proget_core::{FeedFormat, Problem, Registry};
use serde::Serialize;
use std::io;
use std::sync::Arc;

/// So many packages or versions are read at once.
const PAGE: u32 = 200;

/// What the feed is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    id: i64,
    name: &'a str,
    feed_type: &'a str,
    package_type: &'a str,
}

pub(super) async fn about(call: Call) -> Result<Response, Problem> {
    let package_type = call.format()?.purl_type();
    let feed = call.admission()?.feed();
    json(&About { id: feed.id.0, name: feed.name.as_str(), feed_type: feed.format.as_str(), package_type })
}

/// The newest listed version of each package, or of the one that is named.
pub(super) async fn latest(call: Call) -> Result<Response, Problem> {
    let format = call.format()?;
    let asked = Asked::of(&call)?;
    let stable_only = call.query("stableOnly").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let name = asked.package(format)?;
    // A group alone means all packages in it.
    let prefix = asked
        .group
        .as_deref()
        .filter(|_| name.is_none())
        .map(|group| format!("{}/", written_group(format, group)));
    let one_package = name.is_some();
    let search = Search { name, prefix, stable_only, ..Search::default() };
    let wanted = Wanted::Latest(search);
    answer(call, wanted, if one_package { Totals::Known } else { Totals::Unknown }).await
}

/// All versions, unlisted ones too: of the feed, of a package, or the one that is named.
pub(super) async fn versions(call: Call) -> Result<Response, Problem> {
    let format = call.format()?;
    let asked = Asked::of(&call)?;
    let filter = VersionFilter { name: asked.package(format)?, version: asked.version(format)? };
    let totals = if filter.name.is_some() { Totals::Known } else { Totals::Unknown };
    answer(call, Wanted::Versions(filter), totals).await
}

enum Wanted {
    Latest(Search),
    Versions(VersionFilter),
}

/// Whether the downloads of a whole package are told. Finding them out for every package of a feed
/// would mean reading all versions of all packages, so that is done only if one package is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Totals {
    Known,
    Unknown,
}

/// Everything that is needed for the next page.
struct Pages {
    registry: Arc<Registry>,
    admission: Admission,
    format: &'static dyn FeedFormat,
    wanted: Wanted,
    totals: Totals,
    next: Option<PageRequest>,
    begun: bool,
}

/// The first page is read before the answer begins, so that what goes wrong there is an error. Later
/// the connection is cut, and the client sees that the array does not end.
async fn answer(call: Call, wanted: Wanted, totals: Totals) -> Result<Response, Problem> {
    let mut pages = Pages {
        registry: call.api.registry.clone(),
        admission: call.admission()?.clone(),
        format: call.format()?,
        wanted,
        totals,
        next: Some(PageRequest::first(PAGE)),
        begun: false,
    };
    let first = pages.chunk().await?;
    let rest = stream::try_unfold(pages, |mut pages| async move {
        if pages.next.is_none() {
            return Ok(None);
        }
        let chunk =
            pages.chunk().await.map_err(|problem| io::Error::other(crate::plain::sentence(&problem)))?;
        Ok(Some((chunk, pages)))
    });
    let body = futures::StreamExt::chain(stream::once(async { Ok::<_, io::Error>(first) }), rest);
    Ok(json_head().body(Body::from_bytes_stream(body)))
}

impl Pages {
    /// The next part of the array, with the brackets if it is the first or last one.
    async fn chunk(&mut self) -> Result<Bytes, Problem> {
        let Some(request) = self.next.take() else { return Ok(Bytes::new()) };
        let page = self.read(&request).await?;
        self.next = page.next.clone().map(|after| PageRequest { after: Some(after), limit: PAGE });
        let documents = self.documents(&page).await?;
        let mut text = Vec::new();
        for document in &documents {
            text.push(if self.begun { b',' } else { b'[' });
            self.begun = true;
            let written = serde_json::to_writer(&mut text, document);
            written.map_err(|error| Problem::internal("writing a list", &error))?;
        }
        if self.next.is_none() {
            text.extend_from_slice(if self.begun { b"]" } else { b"[]" });
        }
        Ok(text.into())
    }

    async fn read(&self, request: &PageRequest) -> Result<Page<Found>, Problem> {
        match &self.wanted {
            Wanted::Latest(search) => self.registry.search(&self.admission, search, request).await,
            Wanted::Versions(filter) => self.registry.versions(&self.admission, filter, request).await,
        }
    }

    async fn documents(&self, page: &Page<Found>) -> Result<Vec<PackageVersion>, Problem> {
        let rows: Vec<(&Found, &FileRow)> = page
            .rows
            .iter()
            .flat_map(|found| found.version.files.iter().map(move |file| (found, file)))
            .collect();
        let files: Vec<_> = rows.iter().map(|(_, file)| file.id).collect();
        let counts = self.registry.download_counts(&files).await?;
        let total = match (self.totals, page.rows.first()) {
            (Totals::Known, Some(found)) => Some(self.total(found).await?),
            _ => None,
        };
        let documents = rows
            .iter()
            .zip(counts)
            .map(|((found, file), count)| PackageVersion::of(self.format, found, file, count, total));
        Ok(documents.collect())
    }

    async fn total(&self, found: &Found) -> Result<u64, Problem> {
        let rows = self.registry.package(&self.admission, found.package.name.key()).await?;
        let files: Vec<_> =
            rows.versions.iter().flat_map(|version| version.files.iter().map(|file| file.id)).collect();
        Ok(self.registry.download_counts(&files).await?.into_iter().sum())
    }
}

/// ProGet's `PackageVersion`; `purl`, `name` and `version` must be present.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageVersion {
    purl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_downloads: Option<u64>,
    downloads: u64,
    published: String,
    published_by: String,
    size: u64,
    listed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha1: Option<String>,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha512: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_download: Option<bool>,
    deprecated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation_reason: Option<String>,
}

impl PackageVersion {
    fn of(
        format: &dyn FeedFormat,
        found: &Found,
        file: &FileRow,
        downloads: u64,
        total: Option<u64>,
    ) -> Self {
        let (group, name) = split_name(found.package.name.as_str());
        let version: &VersionRow = &found.version;
        let qualifier = (version.files.len() > 1).then(|| {
            url::form_urlencoded::Serializer::new(String::new())
                .append_pair("file", file.name.as_str())
                .finish()
        });
        let purl = Purl {
            kind: format.purl_type().into(),
            namespace: group.map(str::to_owned),
            name: name.to_owned(),
            version: Some(version.version.as_str().to_owned()),
            qualifiers: qualifier.clone(),
        };
        Self {
            purl: purl.to_string(),
            group: purl.namespace,
            name: purl.name,
            version: version.version.as_str().to_owned(),
            qualifier,
            total_downloads: total,
            downloads,
            published: file.published.to_string(),
            published_by: version.published_by.clone(),
            size: file.size,
            listed: version.status.listed,
            md5: file.digests.md5.map(|digest| digest.to_string()),
            sha1: file.digests.sha1.map(|digest| digest.to_string()),
            sha256: file.digests.sha256.to_string(),
            sha512: file.digests.sha512.map(|digest| digest.to_string()),
            allow_download: match version.status.download {
                Download::ByRule => None,
                Download::Allowed => Some(true),
                Download::Blocked => Some(false),
            },
            deprecated: version.status.deprecated.is_some(),
            deprecation_reason: version.status.deprecated.clone().filter(|reason| !reason.is_empty()),
        }
    }
}
