//! Two real processes on one PostgreSQL and one package store, hammered: what one of them
//! acknowledged the other serves at once, nobody gets a 500, and no version gets lost.
//!
//! That a node which trusted its memory would be caught is shown in `proget-core`, where memory
//! can be trusted on purpose.

use anyhow::{Context as _, bail, ensure};
use futures::future::{join_all, try_join_all};
use proget_core::digest::Sha256;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{
    Crate, Outcome, Package, Postgres, ProgetProcess, PythonFile, PythonPackage, ServerSetup,
};
use serde_json::{Value, json};

const CONNECTIONS: usize = 8;
const ROUNDS: usize = 12;

/// Two servers that share everything but their process.
struct Pair {
    nodes: [ProgetProcess; 2],
    _store: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Outcome<Self> {
        Self::start_with("npm").await
    }

    async fn start_with(kind: &str) -> Outcome<Self> {
        let database = Postgres::fresh_database().await?;
        let store = tempfile::tempdir()?;
        let setup = ServerSetup::new().database(&database).packages_in(store.path());
        // At the same moment, so that both want to create the tables.
        let (first, second) = tokio::try_join!(setup.clone().start(), setup.start())?;
        first.create_feed(kind, "internal").await?;
        Ok(Self { nodes: [first, second], _store: store })
    }

    fn url(&self, node: usize, path: &str) -> String {
        format!("{}{path}", self.nodes[node % 2].feed("npm", "internal").url)
    }

    /// Publishes through a node; gives the status. Anything but success and refusal is a failure.
    async fn publish(&self, node: usize, package: &Package) -> Outcome<u16> {
        let document = package.publish_document(&self.url(node, ""))?;
        let url = self.url(node, package.name());
        let put = self.nodes[node % 2].http().put(url).bearer_auth(ADMIN_KEY).json(&document);
        let answer = put.send().await?;
        match answer.status().as_u16() {
            status @ (201 | 403) => Ok(status),
            status => bail!(
                "publishing {} {} was answered {status}: {}",
                package.name(),
                package.version(),
                answer.text().await?
            ),
        }
    }

    /// The versions that a node lists.
    async fn versions(&self, node: usize, name: &str) -> Outcome<Vec<String>> {
        let get = self.nodes[node % 2].http().get(self.url(node, name)).bearer_auth(ADMIN_KEY);
        let document: Value = get.send().await?.error_for_status()?.json().await?;
        Ok(document["versions"].as_object().context("no versions")?.keys().cloned().collect())
    }

    /// Publishes through one node and demands of the other at once an index that contains `listed`
    /// and exactly these bytes.
    async fn passes_on(&self, node: usize, parcel: Parcel) -> Outcome {
        let url = |node: usize, path: &str| format!("{}/{path}", self.nodes[node % 2].url());
        let http = self.nodes[node % 2].http();
        let publish = http.request(parcel.method, url(node, &parcel.publish)).bearer_auth(ADMIN_KEY);
        let publish = publish.header("content-type", parcel.content_type).body(parcel.body);
        let answer = publish.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success() && !text.contains("\"errors\""), "refused with {status}: {text}");
        let get = async |path: &str| {
            let get = self.nodes[(node + 1) % 2].http().get(url(node + 1, path)).bearer_auth(ADMIN_KEY);
            Ok::<_, anyhow::Error>(get.send().await?.error_for_status()?.bytes().await?)
        };
        let index = String::from_utf8(get(&parcel.index).await?.into())?;
        ensure!(
            index.contains(&parcel.listed),
            "{} is not listed by the other node:\n{index}",
            parcel.listed
        );
        ensure!(get(&parcel.file).await? == parcel.bytes, "{} has other bytes", parcel.file);
        Ok(())
    }

    /// Demands that a node lists a version and serves exactly its bytes.
    async fn serves(&self, node: usize, package: &Package) -> Outcome {
        let (name, version) = (package.name(), package.version());
        let listed = self.versions(node, name).await?;
        ensure!(listed.iter().any(|one| one == version), "{name} {version} is not listed by the other node");
        let url = self.url(node, &format!("{name}/-/{name}-{version}.tgz"));
        let get = self.nodes[node % 2].http().get(url).bearer_auth(ADMIN_KEY);
        let bytes = get.send().await?.error_for_status()?.bytes().await?;
        ensure!(Sha256::of(&bytes) == Sha256::of(&package.tarball()?), "{name} {version} has other bytes");
        Ok(())
    }
}

/// A package on its way, whatever its type.
struct Parcel {
    method: reqwest::Method,
    publish: String,
    content_type: &'static str,
    body: Vec<u8>,
    index: String,
    listed: String,
    file: String,
    bytes: Vec<u8>,
}

impl Parcel {
    fn wheel(name: &str, version: &str) -> Outcome<Self> {
        let wheel = PythonPackage::new(name, version).module("one", "").wheel()?;
        Ok(Self {
            method: reqwest::Method::POST,
            publish: "pypi/internal/legacy".into(),
            content_type: PythonFile::CONTENT_TYPE,
            body: wheel.body(),
            index: format!("pypi/internal/simple/{name}/"),
            listed: wheel.name.clone(),
            file: format!("pypi/internal/packages/{name}/{}", wheel.name),
            bytes: wheel.bytes,
        })
    }

    fn made_of(name: &str, version: &str) -> Outcome<Self> {
        let made = Crate::new(name, version);
        Ok(Self {
            method: reqwest::Method::PUT,
            publish: "cargo/internal/api/v1/crates/new".into(),
            content_type: "application/octet-stream",
            body: made.publish_body()?,
            index: format!("cargo/internal/{}/{}/{name}", &name[..2], &name[2..4]),
            listed: format!("\"vers\":\"{version}\""),
            file: format!("cargo/internal/api/v1/crates/{name}/{version}/download"),
            bytes: made.archive()?,
        })
    }
}

/// Every connection adds versions to packages that all share, through one node, and looks at the other.
async fn passed_on_at_once(kind: &str, make: fn(&str, &str) -> Outcome<Parcel>) -> Outcome {
    let pair = Pair::start_with(kind).await?;
    let connection = |worker: usize| {
        let pair = &pair;
        async move {
            for round in 0..ROUNDS {
                let name = format!("shared-{}", round % 3);
                pair.passes_on(worker + round, make(&name, &format!("{worker}.{round}.0"))?).await?;
            }
            Ok::<_, anyhow::Error>(())
        }
    };
    try_join_all((0..CONNECTIONS).map(connection)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wheel_that_one_node_acknowledged_is_in_the_index_of_the_other_at_once() -> Outcome {
    passed_on_at_once("pypi", Parcel::wheel).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crate_that_one_node_acknowledged_is_in_the_index_of_the_other_at_once() -> Outcome {
    passed_on_at_once("cargo", Parcel::made_of).await
}

fn package(name: &str, version: &str, words: &str) -> Package {
    Package::new(name, version).file("index.js", words)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_acknowledged_the_other_serves_at_once_and_nothing_is_lost() -> Outcome {
    let pair = Pair::start().await?;
    let connection = |worker: usize| {
        let pair = &pair;
        async move {
            for round in 0..ROUNDS {
                // Some packages are published by all connections at once for the first time, others
                // get a version from each.
                for name in [format!("new-{round}"), format!("shared-{}", round % 3)] {
                    let package = package(&name, &format!("{worker}.{round}.0"), "module.exports = 1");
                    let node = worker + round;
                    ensure!(pair.publish(node, &package).await? == 201, "{name} was refused");
                    pair.serves(node + 1, &package).await?;
                }
            }
            Ok(())
        }
    };
    try_join_all((0..CONNECTIONS).map(connection)).await?;
    for node in 0..2 {
        for round in 0..ROUNDS {
            ensure!(
                pair.versions(node, &format!("new-{round}")).await?.len() == CONNECTIONS,
                "a version got lost"
            );
        }
        for shared in 0..3 {
            let listed = pair.versions(node, &format!("shared-{shared}")).await?.len();
            ensure!(listed == CONNECTIONS * ROUNDS / 3, "of shared-{shared} only {listed} versions are left");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_publish_one_version_through_both_nodes_one_wins_and_both_nodes_know_who() -> Outcome {
    let pair = Pair::start().await?;
    for round in 0..ROUNDS {
        let version = format!("{round}.0.0");
        let rivals: Vec<Package> =
            (0..CONNECTIONS).map(|rival| package("contested", &version, &format!("rival {rival}"))).collect();
        let statuses =
            join_all(rivals.iter().enumerate().map(|(node, rival)| pair.publish(node, rival))).await;
        let statuses = statuses.into_iter().collect::<Outcome<Vec<u16>>>()?;
        let winners: Vec<usize> = (0..CONNECTIONS).filter(|rival| statuses[*rival] == 201).collect();
        ensure!(winners.len() == 1, "round {round} was won by {winners:?}: {statuses:?}");
        for node in 0..2 {
            pair.serves(node, &rivals[winners[0]]).await?;
        }
        // The same bytes are nobody's rival.
        let same = package("agreed", &version, "the same");
        let statuses = try_join_all((0..CONNECTIONS).map(|node| pair.publish(node, &same))).await?;
        ensure!(statuses.iter().all(|status| *status == 201), "the same bytes were refused: {statuses:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_revoked_through_one_node_is_refused_by_the_next_request_to_the_other() -> Outcome {
    let pair = Pair::start().await?;
    let widget = package("widget", "1.0.0", "module.exports = 1");
    pair.publish(0, &widget).await?;
    let [first, second] = &pair.nodes;
    for round in 0..10 {
        let wish = json!({
            "type": "Feed", "feed": "internal", "packagePermissions": ["view"], "displayName": format!("key {round}"),
        });
        let create =
            first.http().post(format!("{}/api/api-keys/create", first.url())).header("X-ApiKey", ADMIN_KEY);
        let key: Value = create.json(&wish).send().await?.error_for_status()?.json().await?;
        let (id, text) = (key["id"].as_i64().context("no id")?, key["key"].as_str().context("no key")?);
        let ask = || async {
            let get = second.http().get(pair.url(1, "widget")).bearer_auth(text);
            Ok::<_, anyhow::Error>(get.send().await?.status().as_u16())
        };
        // Enough for any memory to warm up.
        let before = try_join_all((0..CONNECTIONS).map(|_| ask())).await?;
        ensure!(before.iter().all(|status| *status == 200), "a good key was refused: {before:?}");
        let revoke = first.http().post(format!("{}/api/api-keys/delete?id={id}", first.url()));
        revoke.header("X-ApiKey", ADMIN_KEY).send().await?.error_for_status()?;
        let after = ask().await?;
        ensure!(after == 401, "a revoked key was answered {after} in round {round}");
    }
    Ok(())
}
