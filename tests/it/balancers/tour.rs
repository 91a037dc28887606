//! Through a balancer while all is well: who gets which request, who is known as its sender, and
//! what npm, twine, pip and cargo can do.

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cargo, Crate, Npm, Outcome, Package, Pip, PythonPackage, SOON, Twine, eventually};

use super::{CLIENT, House};

/// Requests to be spread over three nodes.
const REQUESTS: usize = 30;

/// Sends requests one by one and reads in the nodes' logs who got them, from whom, and that the
/// path is as it was sent.
pub(super) async fn requests_are_spread_and_clients_are_known(house: &House) -> Outcome {
    let way = house.way;
    let mut builder = reqwest::Client::builder().local_address(CLIENT);
    if !way.is_http {
        // What is spread is connections.
        builder = builder.pool_max_idle_per_host(0);
    }
    let http = builder.build()?;
    let path = "/npm/nowhere/@spread%2fprobe";
    for _ in 0..REQUESTS {
        let forged = [
            ("X-Forwarded-For", "198.51.100.66"),
            ("X-Forwarded-Host", "forged.invalid"),
            ("Forwarded", "for=198.51.100.67"),
        ];
        let mut get = http.get(format!("{}{path}", house.url())).bearer_auth(ADMIN_KEY);
        for (name, value) in forged {
            get = get.header(name, value);
        }
        let status = get.send().await?.status().as_u16();
        ensure!(status == 404, "a feed that is not there was answered {status}");
    }
    let lines = || house.nodes.iter().map(|node| lines_about(&node.log(), path)).collect::<Vec<_>>();
    let lines = eventually("all requests are in the logs", SOON, || async {
        let lines = lines();
        let counted: usize = lines.iter().map(Vec::len).sum();
        ensure!(counted == REQUESTS, "{counted} of {REQUESTS} are there");
        Ok(lines)
    })
    .await?;
    let counts: Vec<usize> = lines.iter().map(Vec::len).collect();
    if way.has_affinity {
        ensure!(counts.contains(&REQUESTS), "{counts:?}: one client came to several nodes");
    } else {
        let even = REQUESTS / house.nodes.len();
        let within = even - even / 5..=even + even / 5;
        ensure!(counts.iter().all(|count| within.contains(count)), "{counts:?} is no even spread");
    }
    let sender = if way.tells_client() { CLIENT.to_string() } else { "127.0.0.1".to_owned() };
    let mut lines = lines.into_iter().flatten();
    let wrong =
        lines.find(|line| !line.contains(&format!("remote={sender} ")) || line.contains("198.51.100"));
    ensure!(wrong.is_none(), "{sender} is not its sender: {}", wrong.unwrap_or_default());
    Ok(())
}

/// The access log's lines about a path.
fn lines_about(log: &str, path: &str) -> Vec<String> {
    log.lines().filter(|line| line.contains(path) && line.contains("remote=")).map(str::to_owned).collect()
}

/// Every client publishes and installs; each finds what it published through whichever node.
pub(super) async fn clients_publish_and_install(house: &House) -> Outcome {
    npm(house).await.context("npm")?;
    python(house).await.context("twine and pip")?;
    cargo(house).await.context("cargo")
}

async fn npm(house: &House) -> Outcome {
    let feed = house.create_feed("npm").await?;
    let npm = Npm::new(&feed)?;
    // More than a proxy keeps in memory by default, and that cannot be compressed.
    let mut noise = 0x2545_f491_u32;
    let large: Vec<u8> = (0..3 << 20)
        .map(|_| {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            noise.to_le_bytes()[0]
        })
        .collect();
    let tool = Package::new("@acme/tool", "1.0.0")
        .file("index.js", "module.exports = 'tool'\n")
        .file("large.bin", large.clone());
    npm.publish(&tool).await?.succeeded()?.says("+ @acme/tool@1.0.0")?;
    let app = npm.install("app", &["@acme/tool"]).await?;
    let installed = std::fs::read(app.join("node_modules/@acme/tool/large.bin"))?;
    ensure!(installed == large, "the large file came back with {} bytes", installed.len());
    let locked = std::fs::read_to_string(app.join("package-lock.json"))?;
    ensure!(locked.contains(&feed.url), "links do not lead through the balancer: {locked}");
    Ok(())
}

async fn python(house: &House) -> Outcome {
    let feed = house.create_feed("pypi").await?;
    let wheel = PythonPackage::new("widget", "1.0").module("widget", "WORDS = 'widget'\n").wheel()?;
    Twine::new(&feed)?.upload(&[&wheel]).await?.succeeded()?;
    let heard = Pip::new(&feed)?.install("app", &["widget"]).await?.hears("widget").await?;
    ensure!(heard == "widget", "the installed module says {heard:?}");
    Ok(())
}

async fn cargo(house: &House) -> Outcome {
    let feed = house.create_feed("cargo").await?;
    let cargo = Cargo::new(&feed)?;
    let left = Crate::new("left", "1.0.0").source("pub fn words() -> &'static str { \"left\" }\n");
    cargo.publish(&left).await?.succeeded()?;
    let program = Crate::new("app", "0.0.0")
        .table("[dependencies]\nleft = { version = \"1\", registry = \"local\" }")
        .file("src/main.rs", "fn main() { println!(\"{}\", left::words()); }\n");
    let folder = cargo.project(&program)?;
    let said = cargo.run(&folder, &["run", "--quiet"]).await?.succeeded()?;
    ensure!(said.stdout.trim() == "left", "the program said {:?}", said.stdout);
    Ok(())
}
