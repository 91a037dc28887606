//! Packages of each feed type, as their clients send them: whole, or in halves with something
//! happening in between.

use std::io;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::SinkExt as _;
use futures::channel::mpsc;
use proget_core::conformance::Dice;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Crate, Outcome, Package, ProgetProcess, PythonFile, PythonPackage};
use tokio::task::JoinHandle;

use super::table::Fault;

/// No answer takes this long unless something hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// One request that publishes a package.
#[derive(Clone)]
pub(super) struct Upload {
    kind: &'static str,
    method: reqwest::Method,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    kind: &'static str,
    status: u16,
    retry_after: Option<String>,
    text: String,
}

/// `widget` in this version for each feed type, with so many bytes in it that cannot be compressed.
pub(super) fn widgets(version: &str, bytes: usize) -> Outcome<Vec<Upload>> {
    let mut dice = Dice::seeded(bytes as u64 ^ version.len() as u64);
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        noise.extend_from_slice(&dice.roll().to_le_bytes());
    }
    let npm = Package::new("widget", version).file("noise", noise.clone());
    let document = npm.publish_document("http://elsewhere/")?.to_string();
    let wheel = PythonPackage::new("widget", version).file("noise", noise.clone()).wheel()?;
    let krate = Crate::new("widget", version).file("noise", noise);
    let basic = format!("Basic {}", STANDARD.encode(format!("api:{ADMIN_KEY}")));
    Ok(vec![
        Upload {
            kind: "npm",
            method: reqwest::Method::PUT,
            path: "/npm/js/widget",
            headers: vec![("authorization", format!("Bearer {ADMIN_KEY}"))],
            body: document.into_bytes(),
        },
        Upload {
            kind: "pypi",
            method: reqwest::Method::POST,
            path: "/pypi/py/legacy/",
            headers: vec![("authorization", basic), ("content-type", PythonFile::CONTENT_TYPE.into())],
            body: wheel.body(),
        },
        Upload {
            kind: "cargo",
            method: reqwest::Method::PUT,
            path: "/cargo/rust/api/v1/crates/new",
            headers: vec![("authorization", ADMIN_KEY.into())],
            body: krate.publish_body()?,
        },
    ])
}

impl Upload {
    fn request(&self, server: &ProgetProcess, body: reqwest::Body) -> reqwest::RequestBuilder {
        let url = format!("{}{}", server.url(), self.path);
        let request = server.http().request(self.method.clone(), url).timeout(LIMIT).body(body);
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }

    /// Sends it whole.
    pub(super) async fn send(&self, server: &ProgetProcess) -> Outcome<Answer> {
        Answer::of(self.kind, self.request(server, self.body.clone().into())).await
    }

    /// Sends the first half; [`Half::finish`] sends the rest.
    pub(super) async fn begin(&self, server: &ProgetProcess) -> Outcome<Half> {
        let (mut pieces, stream) = mpsc::channel::<io::Result<Vec<u8>>>(1);
        let (first, rest) = self.body.split_at(self.body.len() / 2);
        let request = self.request(server, reqwest::Body::wrap_stream(stream));
        let kind = self.kind;
        let answer = tokio::spawn(async move { Answer::of(kind, request).await });
        pieces.send(Ok(first.to_vec())).await?;
        Ok(Half { pieces, rest: rest.to_vec(), answer })
    }
}

/// An upload in the middle.
pub(super) struct Half {
    pieces: mpsc::Sender<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    answer: JoinHandle<Outcome<Answer>>,
}

impl Half {
    pub(super) async fn finish(mut self) -> Outcome<Answer> {
        // The server may have answered already; then nobody takes the rest.
        let _ = self.pieces.send(Ok(self.rest)).await;
        drop(self.pieces);
        self.answer.await?
    }
}

impl Answer {
    async fn of(kind: &'static str, request: reqwest::RequestBuilder) -> Outcome<Self> {
        let response = request.send().await.with_context(|| format!("{kind}: no answer"))?;
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        Ok(Self { kind, status, retry_after, text: response.text().await? })
    }

    pub(super) fn is_success(&self) -> Outcome {
        ensure!(matches!(self.status, 200 | 201), "should have been published: {self:?}");
        Ok(())
    }

    /// Is it what the table says?
    pub(super) fn is(&self, fault: &Fault) -> Outcome {
        ensure!(self.status == fault.status && self.text.contains(fault.says), "{self:?}");
        ensure!(self.retry_after.is_some(), "does not say when to come back: {self:?}");
        ensure!(self.text.len() < 500, "{} says more than its words: {}", self.kind, self.text);
        Ok(())
    }
}
