//! The database stops under three servers behind HAProxy: what they remember is still read through the
//! balancer, marked as such, nothing is published, and when it is back all is as before.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Npm, Outcome, Package, Postgres, eventually};
use reqwest::Method;

use super::{CLIENT, House, TURNS, Way};

/// The servers are late after six seconds; the balancer looks every two.
const LONG: Duration = Duration::from_secs(60);

/// A document and a file that have been read through every node.
const READ: [&str; 2] = ["left-pad", "left-pad/-/left-pad-1.0.0.tgz"];

struct Reader {
    http: reqwest::Client,
    feed: String,
}

impl Reader {
    /// Status, whether it is marked as stale, and the body; each request on a connection of its own.
    async fn ask(&self, method: Method, path: &str, key: &str) -> Outcome<(u16, bool, Vec<u8>)> {
        let request = self.http.request(method, format!("{}{path}", self.feed)).bearer_auth(key);
        let answer = request.send().await?;
        let (status, stale) = (answer.status().as_u16(), answer.headers().contains_key("x-proget-stale"));
        Ok((status, stale, answer.bytes().await?.to_vec()))
    }
}

async fn reads_outlive_the_database(file: &'static str) -> Outcome {
    let _turn = TURNS.acquire().await?;
    let mut server = Postgres::start().await?;
    let house = House::open_on(Way::of(file), &server.database().await?).await?;
    let feed = house.create_feed("npm").await?;
    let npm = Npm::new(&feed)?;
    npm.publish(&Package::new("left-pad", "1.0.0").file("index.js", "")).await?.succeeded()?;
    let http = reqwest::Client::builder().local_address(CLIENT).pool_max_idle_per_host(0).build()?;
    let reader = Reader { http, feed: feed.url.clone() };
    let mut before = Vec::new();
    for path in READ {
        // Affinity leads one client to one node; otherwise each is asked several times.
        for _ in 0..9 {
            let (status, stale, body) = reader.ask(Method::GET, path, ADMIN_KEY).await?;
            ensure!(status == 200 && !stale, "{path}: {status}, stale: {stale}");
            before.push(body);
        }
    }
    server.stop().await?;
    for path in READ {
        eventually("it is answered from memory", LONG, || async {
            let (status, stale, body) = reader.ask(Method::GET, path, ADMIN_KEY).await?;
            ensure!(status == 200 && stale, "{path}: {status}, stale: {stale}");
            ensure!(before.contains(&body), "{path} is something else than it was");
            Ok(())
        })
        .await?;
    }
    let (status, stale, _) = reader.ask(Method::HEAD, READ[0], ADMIN_KEY).await?;
    ensure!((status, stale) == (200, true), "HEAD: {status}, stale: {stale}");
    for (path, key) in [("nowhere", ADMIN_KEY), (READ[0], "pg_somebody")] {
        let (status, ..) = reader.ask(Method::GET, path, key).await?;
        ensure!(status == 503, "{path} was answered {status}, which only the database can know");
    }
    let (status, ..) = reader.ask(Method::DELETE, "left-pad/-rev/1", ADMIN_KEY).await?;
    ensure!(status == 503, "deleting was answered {status}");
    server.resume().await?;
    eventually("all is as before", LONG, || async {
        let (status, stale, _) = reader.ask(Method::GET, READ[0], ADMIN_KEY).await?;
        ensure!(status == 200 && !stale, "{status}, stale: {stale}");
        let (status, ..) = reader.ask(Method::GET, "nowhere", ADMIN_KEY).await?;
        ensure!(status == 404, "{status}");
        Ok(())
    })
    .await?;
    npm.publish(&Package::new("left-pad", "1.1.0").file("index.js", "")).await?.succeeded()?;
    let (_, _, body) = reader.ask(Method::GET, READ[0], ADMIN_KEY).await?;
    ensure!(String::from_utf8_lossy(&body).contains("1.1.0"), "the new version is not there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_http_leads_reads_to_servers_that_remember() -> Outcome {
    reads_outlive_the_database("haproxy/http.cfg").await.context("haproxy/http.cfg")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_tcp_leads_connections_to_servers_that_remember() -> Outcome {
    reads_outlive_the_database("haproxy/tcp.cfg").await.context("haproxy/tcp.cfg")
}
