//! The files that `deploy/` ships for HAProxy and nginx, in front of three real servers on one
//! PostgreSQL and one package store: real clients publish and install, requests are spread as the
//! file says, clients' addresses arrive, and a node may stop or be killed under load.
//!
//! Only addresses are replaced in the files. Everything runs on loopback, where the proxy and its
//! clients would look the same: so the test's own requests come from 127.0.0.2, and only 127.0.0.1,
//! from which the proxies connect, is trusted (behind plain TCP nobody is: the file says so).

mod cut_off;
mod linted;
mod load;
mod tour;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context as _, ensure};
use proget_tests::{
    Database, HaProxy, Nginx, Outcome, Postgres, ProgetProcess, Registry, ServerSetup, free_port,
};
use tokio::sync::Semaphore;

/// Where the test's own requests come from.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// The addresses of the nodes in the shipped files.
const SHIPPED: [&str; 3] = ["10.0.0.11:8624", "10.0.0.12:8624", "10.0.0.13:8624"];

/// Each of these tests runs five processes and a compiler; more at once would only wait.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What a file's name says about it.
#[derive(Clone, Copy, Debug)]
struct Way {
    file: &'static str,
    /// One request after the other, or one connection after the other?
    is_http: bool,
    sends_header: bool,
    has_affinity: bool,
}

impl Way {
    fn of(file: &'static str) -> Self {
        Self {
            file,
            is_http: file.contains("/http"),
            sends_header: file.contains("proxy-protocol"),
            has_affinity: file.contains("affinity"),
        }
    }

    /// Do the nodes learn who the client is?
    fn tells_client(self) -> bool {
        self.is_http || self.sends_header
    }
}

/// Either balancer, only to be held.
#[derive(Debug)]
enum Balancer {
    HaProxy(HaProxy),
    Nginx(Nginx),
}

/// Three servers that share everything but their process, and a balancer in front.
struct House {
    way: Way,
    nodes: Vec<ProgetProcess>,
    balancer: Balancer,
    _store: tempfile::TempDir,
}

impl House {
    async fn open(way: Way) -> Outcome<Self> {
        Self::open_on(way, &Postgres::fresh_database().await?).await
    }

    async fn open_on(way: Way, database: &Database) -> Outcome<Self> {
        let store = tempfile::tempdir()?;
        let mut nodes = Vec::new();
        for number in 1..=SHIPPED.len() {
            let mut setup = ServerSetup::new()
                .database(database)
                .packages_in(store.path())
                .called_from(CLIENT)
                .env("PROGET_NODE_NAME", format!("node{number}"))
                .env("PROGET_ENCRYPTION_KEY", "0123456789abcdef".repeat(4))
                // As the files say.
                .env("PROGET_TIMEOUT_GRACE", "3s");
            if way.tells_client() {
                setup = setup.env("PROGET_TRUSTED_PROXIES", "127.0.0.1");
            }
            if way.sends_header {
                setup = setup.env("PROGET_PROXY_PROTOCOL", "required");
            }
            nodes.push(setup.start().await?);
        }
        let balancer = balancer(way, &nodes).await?;
        Ok(Self { way, nodes, balancer, _store: store })
    }

    fn url(&self) -> String {
        match &self.balancer {
            Balancer::HaProxy(haproxy) => haproxy.url(),
            Balancer::Nginx(nginx) => nginx.url(),
        }
    }

    fn balancer_log(&self) -> String {
        match &self.balancer {
            Balancer::HaProxy(haproxy) => haproxy.log(),
            Balancer::Nginx(nginx) => nginx.log(),
        }
    }

    /// A new feed as clients reach it.
    async fn create_feed(&self, kind: &str) -> Outcome<Registry> {
        let feed = self.nodes[0].create_feed(kind, &format!("internal-{kind}")).await?;
        Ok(feed.at(format!("{}/{kind}/internal-{kind}/", self.url())))
    }
}

/// Puts the nodes' addresses and a free port into the shipped file, and nothing else.
async fn balancer(way: Way, nodes: &[ProgetProcess]) -> Outcome<Balancer> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(way.file);
    let mut text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let port = free_port()?;
    let is_haproxy = way.file.starts_with("haproxy/");
    let (shipped, ours) = if is_haproxy {
        ("    bind *:80\n", format!("    bind 127.0.0.1:{port}\n"))
    } else {
        ("listen 80;", format!("listen 127.0.0.1:{port};"))
    };
    let nodes = nodes.iter().map(|node| node.url().replace("http://", ""));
    let pairs = SHIPPED.into_iter().zip(nodes).map(|(shipped, ours)| (shipped, ours, true));
    for (shipped, ours, is_node) in pairs.chain([(shipped, ours, false)]) {
        // HAProxy knows each node twice: as one that is ready, and as one that remembers.
        let times = if is_haproxy && is_node { 2 } else { 1 };
        ensure!(
            text.matches(shipped).count() == times,
            "{} does not say {shipped:?} {times} times",
            way.file
        );
        text = text.replace(shipped, &ours);
    }
    Ok(if is_haproxy {
        Balancer::HaProxy(HaProxy::start(port, &text).await?)
    } else if way.is_http {
        Balancer::Nginx(Nginx::start_whole(port, "", &text).await?)
    } else {
        Balancer::Nginx(Nginx::start_whole(port, &text, "").await?)
    })
}

/// Everything that is promised about one file.
async fn keeps_its_promises(file: &'static str) -> Outcome {
    let _turn = TURNS.acquire().await?;
    let mut house = House::open(Way::of(file)).await?;
    tour::requests_are_spread_and_clients_are_known(&house).await?;
    tour::clients_publish_and_install(&house).await?;
    let result = load::nodes_may_stop_and_die(&mut house).await;
    result.with_context(|| format!("the balancer said:\n{}", last_lines(&house.balancer_log())))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" 200 ")).collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

macro_rules! shipped {
    ($($test:ident: $file:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> Outcome {
                keeps_its_promises($file).await
            }
        )*

        /// So that a file cannot be shipped untested.
        #[test]
        fn every_shipped_file_is_tested() -> Outcome {
            let mut tested = vec![$($file.to_owned()),*];
            let mut shipped = Vec::new();
            for kind in ["haproxy", "nginx"] {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(kind);
                for entry in folder.read_dir()? {
                    shipped.push(format!("{kind}/{}", entry?.file_name().to_string_lossy()));
                }
            }
            shipped.sort();
            tested.sort();
            ensure!(shipped == tested, "shipped are {shipped:?}, tested are {tested:?}");
            Ok(())
        }
    };
}

shipped! {
    haproxy_http: "haproxy/http.cfg";
    haproxy_http_affinity: "haproxy/http-affinity.cfg";
    haproxy_tcp: "haproxy/tcp.cfg";
    haproxy_tcp_affinity: "haproxy/tcp-affinity.cfg";
    haproxy_tcp_proxy_protocol: "haproxy/tcp-proxy-protocol.cfg";
    haproxy_tcp_proxy_protocol_affinity: "haproxy/tcp-proxy-protocol-affinity.cfg";
    nginx_http: "nginx/http.conf";
    nginx_http_affinity: "nginx/http-affinity.conf";
    nginx_tcp: "nginx/tcp.conf";
    nginx_tcp_affinity: "nginx/tcp-affinity.conf";
    nginx_tcp_proxy_protocol: "nginx/tcp-proxy-protocol.conf";
    nginx_tcp_proxy_protocol_affinity: "nginx/tcp-proxy-protocol-affinity.conf";
}
