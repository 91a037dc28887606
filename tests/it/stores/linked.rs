//! Feeds that send clients to the store itself.

use anyhow::{Context as _, ensure};
use proget_core::conformance::Dice;
use proget_core::digest::Sha256;
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cloud, CloudServer, Npm, Outcome, Package, ProgetProcess, ServerSetup};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::on_every_cloud;

on_every_cloud!(clients_are_sent_to_the_store_for_large_files_if_the_feed_says_so);

const LARGE: usize = 3 << 20;

struct House {
    server: ProgetProcess,
    /// Of the large package and the small one.
    files: [String; 2],
    http: Client,
    _cloud: CloudServer,
    elsewhere: String,
}

impl House {
    async fn open(cloud: Cloud) -> Outcome<Self> {
        let cloud = CloudServer::start(cloud).await?;
        let bucket = cloud.bucket().await?;
        let mut setup = ServerSetup::new().env("PROGET_STORAGE_ROOT", &bucket.address);
        for (name, value) in &bucket.variables {
            setup = setup.env(name, value);
        }
        let server = setup.start().await?;
        let feed = server.create_feed("npm", "internal").await?;
        let mut dice = Dice::seeded(7);
        let noise: Vec<u8> = (0..LARGE).map(|_| dice.roll() as u8).collect();
        let npm = Npm::new(&feed)?;
        for package in [
            Package::new("large", "1.0.0").file("noise.bin", noise),
            Package::new("small", "1.0.0").file("index.js", "1"),
        ] {
            npm.publish(&package).await?.succeeded()?;
        }
        let files = ["large", "small"].map(|name| format!("{}{name}/-/{name}-1.0.0.tgz", feed.url));
        cloud.admit_links().await?;
        let http = Client::builder().redirect(Policy::none()).build()?;
        Ok(Self { server, files, http, elsewhere: cloud.url(), _cloud: cloud })
    }

    async fn redirects(&self, wanted: bool) -> Outcome {
        let update = format!("{}/api/management/feeds/update/internal", self.server.url());
        let request = self.http.post(update).header("X-ApiKey", ADMIN_KEY);
        let answer = request.json(&json!({ "redirectDownloads": wanted })).send().await?;
        let feed: Value = answer.error_for_status()?.json().await?;
        ensure!(feed["redirectDownloads"] == wanted, "{feed:#}");
        Ok(())
    }

    async fn get(&self, file: &str) -> Outcome<Response> {
        Ok(self.http.get(file).bearer_auth(ADMIN_KEY).send().await?)
    }
}

async fn clients_are_sent_to_the_store_for_large_files_if_the_feed_says_so(cloud: Cloud) -> Outcome {
    let house = House::open(cloud).await?;
    let [large, small] = &house.files;
    let direct = house.get(large).await?;
    ensure!(direct.status() == StatusCode::OK, "a new feed sends nobody away: {}", direct.status());
    let bytes = direct.bytes().await?;

    house.redirects(true).await?;
    let sent = house.get(large).await?;
    ensure!(sent.status() == StatusCode::FOUND, "{}", sent.status());
    let header =
        |name: &str| sent.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    ensure!(header("cache-control").as_deref() == Some("no-store"), "a link is for nobody else");
    let link = header("location").context("no location")?;
    ensure!(link.starts_with(&house.elsewhere), "it leads elsewhere: {link}");
    // Without any credentials: the link is all that is needed, and it is of this file only.
    let found = house.http.get(&link).send().await?.error_for_status()?;
    if cloud == Cloud::S3 {
        let said = found.headers().get("content-disposition").and_then(|value| value.to_str().ok());
        ensure!(said == Some("attachment; filename=\"large-1.0.0.tgz\""), "{said:?}");
    }
    ensure!(Sha256::of(&found.bytes().await?) == Sha256::of(&bytes), "other bytes");
    let part = house.http.get(&link).header("range", "bytes=5-9").send().await?;
    ensure!(part.status() == StatusCode::PARTIAL_CONTENT && part.bytes().await? == bytes[5..10], "a part");
    if cloud == Cloud::Azure {
        let written = house.http.put(&link).header("x-ms-blob-type", "BlockBlob").body("x").send().await?;
        ensure!(written.status().is_client_error(), "a link lets its holder write: {}", written.status());
        let forged = house.http.get(link.replace("sig=", "sig=A")).send().await?;
        ensure!(forged.status().is_client_error(), "a forged link opens a blob: {}", forged.status());
    }

    // What needs no bytes is answered here, and small files come from memory.
    let head = house.http.head(large).bearer_auth(ADMIN_KEY).send().await?;
    ensure!(head.status() == StatusCode::OK, "{}", head.status());
    let length = head.headers().get("content-length").and_then(|value| value.to_str().ok());
    ensure!(
        length == Some(bytes.len().to_string().as_str()),
        "HEAD says {length:?} instead of {}",
        bytes.len()
    );
    let tag = head.headers().get("etag").context("no tag")?.clone();
    let known = house.http.get(large).bearer_auth(ADMIN_KEY).header("if-none-match", tag).send().await?;
    ensure!(known.status() == StatusCode::NOT_MODIFIED, "{}", known.status());
    ensure!(house.get(small).await?.status() == StatusCode::OK, "a small file comes directly");
    let stranger = house.http.get(large).send().await?;
    ensure!(
        stranger.status() == StatusCode::UNAUTHORIZED,
        "who may not read gets no link: {}",
        stranger.status()
    );

    let npm = Npm::new(&house.server.feed("npm", "internal"))?;
    let project = npm.install("project", &["large"]).await?;
    ensure!(
        std::fs::metadata(project.join("node_modules/large/noise.bin"))?.len() == LARGE as u64,
        "npm follows"
    );

    house.redirects(false).await?;
    ensure!(house.get(large).await?.status() == StatusCode::OK, "and off again");
    Ok(())
}
