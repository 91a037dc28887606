//! What differs between feed types: how a version is published, what its documents are called and
//! how they are read. Removing, blocking and marking go through the management API for all.

use super::ledger::State;
use super::node::Node;
use anyhow::{Context as _, bail};
use proget_tests::Outcome;
use reqwest::StatusCode;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// One document about a package: its path below the feed, and what to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Document {
    pub(super) path: String,
    pub(super) accept: &'static str,
}

/// A version that is to be published.
#[derive(Clone, Debug)]
pub(super) struct Edition {
    pub(super) package: String,
    pub(super) version: String,
    /// What makes its bytes differ from those of all others.
    pub(super) words: String,
}

/// One feed type, as this scenario speaks it.
pub(super) trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// The feed type's name and mount.
    fn kind(&self) -> &'static str;

    /// The request that publishes an edition into the feed at `feed` (a slash at its end), and the
    /// digest of the edition's file.
    fn publish(
        &self,
        node: &Node,
        feed: &str,
        edition: &Edition,
    ) -> Outcome<(reqwest::RequestBuilder, String)>;

    /// The documents that show the versions of a package.
    fn documents(&self, package: &str) -> Vec<Document>;

    /// What one of them shows.
    fn shown(&self, document: &Document, body: &[u8]) -> Outcome<State>;

    /// The path of a version's file below the feed.
    fn file(&self, package: &str, version: &str) -> String;

    /// The digest of a file's bytes, spelled as documents spell it.
    fn digest(&self, bytes: &[u8]) -> String;

    /// What to post to a version's status to have it marked or unmarked.
    fn mark(&self, marked: bool) -> Value;
}

/// Waits for the answer to a change, which must be success. A server that is busy says so, and is asked again,
/// as package managers do: what is tested here is not how much a machine can bear.
pub(super) async fn succeeds(what: &str, request: reqwest::RequestBuilder) -> Outcome {
    let answer = answered(request).await?;
    let (status, url) = (answer.status(), answer.url().clone());
    if status.is_success() {
        return Ok(());
    }
    bail!("{what} at {url} was answered {status}: {}", answer.text().await?);
}

/// What is answered in the end by a server that may be busy, as package managers ask too.
pub(super) async fn answered(request: reqwest::RequestBuilder) -> Outcome<reqwest::Response> {
    let mut tries = 0;
    loop {
        let again = request.try_clone().context("a request that can be sent once only")?;
        let answer = again.send().await?;
        tries += 1;
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE || tries == TRIES {
            return Ok(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How often a request is sent at most, and the pause after each time.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
