//! A client that shows everything it was answered, and packages to send.

use proget_server::TestServer;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Nothing here takes this long unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Somebody with a key, or with none.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Caller {
    pub(crate) fn admin(server: &TestServer) -> Self {
        Self::with_key(server, server.admin_key())
    }

    pub(crate) fn with_key(server: &TestServer, key: impl Into<String>) -> Self {
        Self { http: client(), base: server.url().into(), key: Some(key.into()) }
    }

    pub(crate) fn nobody(server: &TestServer) -> Self {
        Self { http: client(), base: server.url().into(), key: None }
    }

    pub(crate) fn at(base: impl Into<String>, key: Option<&str>) -> Self {
        Self { http: client(), base: base.into(), key: key.map(str::to_owned) }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.header("x-apikey", key),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, document: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).body(document.to_string())).await
    }

    pub(crate) async fn upload(&self, feed: &str, package: Vec<u8>) -> Answer {
        Answer::of(self.request(Method::PUT, &format!("/api/packages/{feed}/upload")).body(package)).await
    }
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.timeout(DEADLINE).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {:?}", self.text(), self.headers);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.headers)).to_str().unwrap()
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A small npm package.
pub(crate) fn package(name: &str, version: &str) -> Vec<u8> {
    package_with(name, version, "module.exports = 1\n")
}

/// A small npm package with this text in it.
pub(crate) fn package_with(name: &str, version: &str, text: &str) -> Vec<u8> {
    let manifest = serde_json::json!({ "name": name, "version": version, "description": "for tests" });
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, text) in [("package/package.json", manifest.to_string().as_str()), ("package/index.js", text)]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// Waits until something holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < DEADLINE, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
