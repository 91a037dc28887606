//! The scenario in PyPI: the page of a project as JSON and as HTML, wheels, yanking.

use super::dialect::{Dialect, Document, Edition};
use super::ledger::{Shown, State};
use super::node::Node;
use anyhow::Context as _;
use proget_core::digest::Sha256;
use proget_tests::{Outcome, PythonFile, PythonPackage};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// PyPI.
pub(super) static PYPI: Pypi = Pypi;

#[derive(Debug)]
pub(super) struct Pypi;

const AS_JSON: &str = "application/vnd.pypi.simple.v1+json";

/// As much of a project's page as matters here.
#[derive(Deserialize)]
struct Page {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    hashes: BTreeMap<String, String>,
    yanked: Value,
}

/// The version in a wheel's name.
fn version_in(file: &str) -> Outcome<String> {
    file.split('-').nth(1).map(str::to_owned).with_context(|| format!("{file} names no version"))
}

fn from_json(body: &[u8]) -> Outcome<State> {
    let page: Page = serde_json::from_slice(body)?;
    let files = page.files.into_iter().map(|mut file| {
        let digest = file.hashes.remove("sha256").context("a file without a digest")?;
        Ok((version_in(&file.filename)?, Shown { digest, marked: file.yanked != Value::Bool(false) }))
    });
    files.collect()
}

/// Reads the links of a page, as pip does when it gets HTML.
fn from_html(body: &[u8]) -> Outcome<State> {
    let text = std::str::from_utf8(body)?;
    let links = text.split("<a ").skip(1).map(|link| {
        let (attributes, rest) = link.split_once('>').context("a link without end")?;
        let (file, _) = rest.split_once("</a>").context("a link without end")?;
        let (_, digest) = attributes.split_once("#sha256=").context("a link without a digest")?;
        let digest = digest.chars().take_while(char::is_ascii_hexdigit).collect();
        Ok((version_in(file)?, Shown { digest, marked: attributes.contains("data-yanked") }))
    });
    links.collect()
}

impl Dialect for Pypi {
    fn kind(&self) -> &'static str {
        "pypi"
    }

    fn publish(
        &self,
        node: &Node,
        feed: &str,
        edition: &Edition,
    ) -> Outcome<(reqwest::RequestBuilder, String)> {
        let package = PythonPackage::new(&edition.package, &edition.version);
        let wheel = package.file("words.txt", edition.words.as_str()).wheel()?;
        let request = node.post(&format!("{feed}legacy/")).header(CONTENT_TYPE, PythonFile::CONTENT_TYPE);
        Ok((request.body(wheel.body()), self.digest(&wheel.bytes)))
    }

    fn documents(&self, package: &str) -> Vec<Document> {
        [AS_JSON, "text/html"].map(|accept| Document { path: format!("simple/{package}/"), accept }).into()
    }

    fn shown(&self, document: &Document, body: &[u8]) -> Outcome<State> {
        if document.accept == AS_JSON { from_json(body) } else { from_html(body) }
    }

    fn file(&self, package: &str, version: &str) -> String {
        format!("packages/{package}/{}-{version}-py3-none-any.whl", package.replace('-', "_"))
    }

    fn digest(&self, bytes: &[u8]) -> String {
        Sha256::of(bytes).to_string()
    }

    fn mark(&self, marked: bool) -> Value {
        json!({"listed": !marked})
    }
}
