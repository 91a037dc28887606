//! The scenario in npm: both packuments, tarballs, deprecation.

use super::dialect::{Dialect, Document, Edition};
use super::ledger::{Shown, State};
use super::node::Node;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proget_tests::{Outcome, Package};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use std::collections::BTreeMap;

/// npm.
pub(super) static NPM: Npm = Npm;

#[derive(Debug)]
pub(super) struct Npm;

/// As much of a packument as matters here.
#[derive(Deserialize)]
struct Packument {
    versions: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    deprecated: Option<String>,
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    integrity: String,
}

impl Dialect for Npm {
    fn kind(&self) -> &'static str {
        "npm"
    }

    fn publish(
        &self,
        node: &Node,
        feed: &str,
        edition: &Edition,
    ) -> Outcome<(reqwest::RequestBuilder, String)> {
        let package =
            Package::new(&edition.package, &edition.version).file("index.js", edition.words.as_str());
        let request = node.put(&format!("{feed}{}", edition.package)).json(&package.publish_document(feed)?);
        Ok((request, self.digest(&package.tarball()?)))
    }

    fn documents(&self, package: &str) -> Vec<Document> {
        let kinds = ["application/json", "application/vnd.npm.install-v1+json"];
        kinds.map(|accept| Document { path: package.to_owned(), accept }).into()
    }

    fn shown(&self, _: &Document, body: &[u8]) -> Outcome<State> {
        let packument: Packument = serde_json::from_slice(body)?;
        let versions = packument.versions.into_iter().map(|(version, object)| {
            (version, Shown { digest: object.dist.integrity, marked: object.deprecated.is_some() })
        });
        Ok(versions.collect())
    }

    fn file(&self, package: &str, version: &str) -> String {
        format!("{package}/-/{package}-{version}.tgz")
    }

    fn digest(&self, bytes: &[u8]) -> String {
        format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes)))
    }

    fn mark(&self, marked: bool) -> Value {
        json!({"deprecated": marked, "deprecationReason": "there is a better one"})
    }
}
