//! The feed types as the crew speaks to them: what a publish looks like, what its answer means,
//! what is listed and where a file is.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use proget_core::digest::Sha256;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Crate, Outcome, Package, ProgetProcess, PythonFile, PythonPackage, Registry};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::entry::{Answer, Contents};

/// A feed type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Npm,
    Pypi,
    Cargo,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Npm, Self::Pypi, Self::Cargo];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Cargo => "cargo",
        }
    }
}

/// One feed of each type.
#[derive(Clone, Debug)]
pub(super) struct Feeds {
    feeds: [Registry; 3],
    http: Client,
}

impl Feeds {
    pub(super) async fn create(server: &ProgetProcess) -> Outcome<Self> {
        let mut feeds = Vec::new();
        for kind in Kind::ALL {
            feeds.push(server.create_feed(kind.name(), &format!("internal-{}", kind.name())).await?);
        }
        let feeds = feeds.try_into().ok().context("there are three feed types")?;
        Ok(Self { feeds, http: Client::new() })
    }

    /// The same feeds over a connection of one's own.
    pub(super) fn reconnected(&self) -> Self {
        Self { feeds: self.feeds.clone(), http: Client::new() }
    }

    fn url(&self, kind: Kind, path: &str) -> String {
        format!("{}{path}", self.feeds[kind as usize].url)
    }

    /// The digest of a version's file, and the request that publishes it.
    pub(super) fn publish(
        &self,
        kind: Kind,
        name: &str,
        version: &str,
        contents: Contents,
    ) -> Outcome<(Sha256, RequestBuilder)> {
        let bytes = contents.bytes();
        let (digest, request) = match kind {
            Kind::Npm => {
                let package = Package::new(name, version).file("bytes", bytes);
                let document = package.publish_document(&self.url(kind, ""))?;
                (Sha256::of(&package.tarball()?), self.http.put(self.url(kind, name)).json(&document))
            }
            Kind::Pypi => {
                let wheel = PythonPackage::new(name, version).file("bytes", bytes).wheel()?;
                let post = self.http.post(self.url(kind, "legacy")).body(wheel.body());
                (Sha256::of(&wheel.bytes), post.header("content-type", PythonFile::CONTENT_TYPE))
            }
            Kind::Cargo => {
                let package = Crate::new(name, version).file("bytes", bytes);
                let put = self.http.put(self.url(kind, "api/v1/crates/new"));
                (Sha256::of(&package.archive()?), put.body(package.publish_body()?))
            }
        };
        Ok((digest, request.bearer_auth(ADMIN_KEY)))
    }

    /// The versions of a package that its index lists.
    pub(super) async fn listed(&self, kind: Kind, name: &str) -> Outcome<BTreeSet<String>> {
        let path = match kind {
            Kind::Npm => name.to_owned(),
            Kind::Pypi => format!("simple/{name}/"),
            // As long as all names have four letters or more.
            Kind::Cargo => format!("{}/{}/{name}", &name[..2], &name[2..4]),
        };
        let get = self.http.get(self.url(kind, &path)).bearer_auth(ADMIN_KEY);
        let answer = get.header("accept", "application/json, application/vnd.pypi.simple.v1+json").send();
        let answer = answer.await?;
        if answer.status() == 404 {
            return Ok(BTreeSet::new());
        }
        let text = answer.error_for_status()?.text().await?;
        let text_of = |value: &Value| value.as_str().map(str::to_owned).context("no version");
        match kind {
            Kind::Npm => {
                let document: Value = serde_json::from_str(&text)?;
                Ok(document["versions"].as_object().context("no versions")?.keys().cloned().collect())
            }
            // Files, not versions: a version is listed when its file is.
            Kind::Pypi => {
                let document: Value = serde_json::from_str(&text)?;
                let files = document["files"].as_array().context("no files")?;
                let stem =
                    |file: &Value| Ok(text_of(&file["filename"])?.split('-').nth(1).map(str::to_owned));
                Ok(files.iter().map(stem).collect::<Outcome<Vec<_>>>()?.into_iter().flatten().collect())
            }
            Kind::Cargo => {
                text.lines().map(|line| text_of(&serde_json::from_str::<Value>(line)?["vers"])).collect()
            }
        }
    }

    /// The bytes of a version's file, or nothing if it is not there.
    pub(super) async fn file(&self, kind: Kind, name: &str, version: &str) -> Outcome<Option<Sha256>> {
        let path = match kind {
            Kind::Npm => format!("{name}/-/{name}-{version}.tgz"),
            Kind::Pypi => {
                format!("packages/{name}/{}-{version}-py3-none-any.whl", name.replace('-', "_"))
            }
            Kind::Cargo => format!("api/v1/crates/{name}/{version}/download"),
        };
        let answer = self.http.get(self.url(kind, &path)).bearer_auth(ADMIN_KEY).send().await?;
        match answer.status().as_u16() {
            404 => Ok(None),
            _ => Ok(Some(Sha256::of(&answer.error_for_status()?.bytes().await?))),
        }
    }
}

impl Kind {
    /// What the answer to a publish means.
    pub(super) fn meaning(self, status: u16, text: &str) -> Outcome<Answer> {
        match (self, status) {
            // Busy: nothing is promised.
            (_, 503) => Ok(Answer::None),
            (Self::Npm, 200 | 201) | (Self::Pypi, 200) => Ok(Answer::Yes),
            (Self::Npm, 403) => Ok(Answer::No),
            (Self::Pypi, 400) if text.contains("already exists") => Ok(Answer::No),
            (Self::Cargo, 200) if !text.contains("\"errors\"") => Ok(Answer::Yes),
            (Self::Cargo, 200..500) if text.contains("already uploaded") => Ok(Answer::No),
            _ => bail!("a publish to the {} feed was answered {status}: {text}", self.name()),
        }
    }
}
