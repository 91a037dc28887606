//! The scenario in Cargo: documents of the sparse index, crates, yanking.

use super::dialect::{Dialect, Document, Edition};
use super::ledger::{Shown, State};
use super::node::Node;
use proget_core::digest::Sha256;
use proget_tests::{Crate, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};

/// Cargo.
pub(super) static CARGO: Crates = Crates;

#[derive(Debug)]
pub(super) struct Crates;

/// As much of an index line as matters here.
#[derive(Deserialize)]
struct Line {
    vers: String,
    cksum: String,
    yanked: bool,
}

impl Dialect for Crates {
    fn kind(&self) -> &'static str {
        "cargo"
    }

    fn publish(
        &self,
        node: &Node,
        feed: &str,
        edition: &Edition,
    ) -> Outcome<(reqwest::RequestBuilder, String)> {
        let made = Crate::new(&edition.package, &edition.version).file("words.txt", edition.words.as_str());
        let request = node.put(&format!("{feed}api/v1/crates/new")).body(made.publish_body()?);
        Ok((request, self.digest(&made.archive()?)))
    }

    /// All names here are longer than three characters.
    fn documents(&self, package: &str) -> Vec<Document> {
        vec![Document { path: format!("{}/{}/{package}", &package[..2], &package[2..4]), accept: "*/*" }]
    }

    fn shown(&self, _: &Document, body: &[u8]) -> Outcome<State> {
        let lines = serde_json::Deserializer::from_slice(body).into_iter::<Line>();
        lines
            .map(|line| Ok(line.map(|it| (it.vers, Shown { digest: it.cksum, marked: it.yanked }))?))
            .collect()
    }

    fn file(&self, package: &str, version: &str) -> String {
        format!("api/v1/crates/{package}/{version}/download")
    }

    fn digest(&self, bytes: &[u8]) -> String {
        Sha256::of(bytes).to_string()
    }

    fn mark(&self, marked: bool) -> Value {
        json!({"listed": !marked})
    }
}
