//! A node as its clients see it, whether it is a process or lives in this one.

use anyhow::{Context as _, bail};
use proget_tests::Outcome;
use proget_tests::server::ADMIN_KEY;
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::json;

/// The feed that the scenario works in.
pub(super) const FEED: &str = "loaded";

/// Where a node is, and connections to it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    url: String,
    http: reqwest::Client,
}

/// What was answered to a reading request.
#[derive(Debug)]
pub(super) enum Answer {
    /// A body, with its entity tag.
    Body { bytes: Vec<u8>, tag: String },
    /// What the caller has is what there is.
    NotModified,
    /// There is no such thing.
    Absent,
}

impl Node {
    /// The node at an address without trailing slash.
    pub(super) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), http: reqwest::Client::new() }
    }

    /// The feed's address for a feed type, with a slash at its end.
    pub(super) fn feed(&self, kind: &str) -> String {
        format!("{}/{kind}/{FEED}/", self.url)
    }

    /// A writing request to any address, with `PUT`.
    pub(super) fn put(&self, url: &str) -> RequestBuilder {
        self.http.put(url).bearer_auth(ADMIN_KEY)
    }

    /// The same with `POST`.
    pub(super) fn post(&self, url: &str) -> RequestBuilder {
        self.http.post(url).bearer_auth(ADMIN_KEY)
    }

    /// A request to the management API, with what is to be found in its query.
    pub(super) fn manage(&self, path: &str, query: &[(&str, &str)]) -> Outcome<RequestBuilder> {
        let url = url::Url::parse_with_params(&format!("{}/api/{path}", self.url), query)?;
        Ok(self.http.post(url).header("X-ApiKey", ADMIN_KEY))
    }

    /// Creates the feed; versions may be replaced in it.
    pub(super) async fn create_feed(&self, kind: &str) -> Outcome {
        let wish = json!({"name": FEED, "feedType": kind, "overwrite": "Allowed"});
        let create = self.manage("management/feeds/create", &[])?.json(&wish);
        super::dialect::succeeds("creating the feed", create).await
    }

    /// Asks for a document or file; `known` is the tag of what the caller has. Whatever is no answer
    /// to the question (an error of the server, a refused key) is an error here.
    pub(super) async fn ask(&self, url: &str, accept: &str, known: Option<&str>) -> Outcome<Answer> {
        let mut get = self.http.get(url).bearer_auth(ADMIN_KEY).header(header::ACCEPT, accept);
        if let Some(tag) = known {
            get = get.header(header::IF_NONE_MATCH, tag);
        }
        let answer = super::dialect::answered(get).await?;
        match answer.status() {
            StatusCode::OK => {
                let tag = answer.headers().get(header::ETAG).context("an answer without a tag")?;
                let tag = tag.to_str()?.to_owned();
                Ok(Answer::Body { bytes: answer.bytes().await?.to_vec(), tag })
            }
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(Answer::NotModified),
            StatusCode::NOT_FOUND => Ok(Answer::Absent),
            status => bail!("{url} was answered {status}: {}", answer.text().await?),
        }
    }

    /// How often it asked its catalogue for stamps, and how many requests it answered.
    pub(super) async fn stamp_reads_and_requests(&self) -> Outcome<(u64, u64)> {
        let get = self.http.get(format!("{}/metrics", self.url)).header("X-ApiKey", ADMIN_KEY);
        let text = get.send().await?.error_for_status()?.text().await?;
        let sum = |wanted: &dyn Fn(&str) -> bool| -> u64 {
            let lines = text.lines().filter(|line| wanted(line));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
        };
        let reads =
            sum(&|line| line.starts_with("catalog_calls_total{") && line.contains(r#"call="stamps""#));
        let requests = sum(&|line| line.starts_with("http_requests_total{"));
        Ok((reads, requests))
    }
}
