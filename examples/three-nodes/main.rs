//! A whole cluster on this machine with one command: PostgreSQL, three `proget` processes with high
//! availability, and HAProxy with the file from `deploy/` in front; all on loopback, in temporary
//! directories, gone at Ctrl-C. It prints where everything is, and a script that kills a node.
//!
//!     cargo run -p proget-examples --example three-nodes
//!
//! PostgreSQL and HAProxy must be installed (`./test.sh --install` does that). With `--prove` it uses its
//! own script on the primary while somebody publishes and fetches through the balancer, and ends.

use anyhow::{Context as _, ensure};
use proget_tests::server::ADMIN_KEY;
use proget_tests::{Cluster, HaProxy, Outcome, Postgres, SOON, eventually, free_port};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::signal::unix::{SignalKind, signal};

const NODES: [&str; 3] = ["node1", "node2", "node3"];

#[tokio::main]
async fn main() -> Outcome {
    // Asked for at first, so that no moment is left in which Ctrl-C would leave something behind.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        outcome = play() => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn play() -> Outcome {
    let postgres = Postgres::start().await?;
    let database = postgres.database().await?;
    let mut cluster = Cluster::new(&database, "1s")?;
    // The first one alone: it makes what a new instance needs, and the others begin with its settings.
    start(&mut cluster, &NODES[..1]).await?;
    cluster.configure("node1", json!({ "preset": "fast" })).await?;
    cluster.node("node1")?.create_feed("npm", "internal").await?;
    start(&mut cluster, &NODES[1..]).await?;
    for mode in ["load-balanced", "high-availability"] {
        // Refused as long as nodes that have just come do not know whether they share the store.
        let wanted = || async { cluster.want_mode("node1", mode).await?.done() };
        eventually("the mode is changed", SOON, wanted).await?;
    }
    let balancer = balancer(&cluster).await?;
    let folder = tempfile::tempdir()?;
    let script = kill_script(&cluster, folder.path())?;

    println!("the repository   {}/npm/internal/", balancer.url());
    for name in NODES {
        println!("{name}            {}", cluster.node(name)?.url());
    }
    println!("a key for all    {ADMIN_KEY}");
    println!("the cluster      curl -H 'X-ApiKey: {ADMIN_KEY}' {}/api/cluster/status", balancer.url());
    println!("kill a node      {} node1", script.display());
    if std::env::args().any(|argument| argument == "--prove") {
        return prove(&cluster, &balancer, &script).await;
    }
    println!("Ctrl-C ends everything.");
    std::future::pending().await
}

/// Each believes what the balancer says about clients.
async fn start(cluster: &mut Cluster, names: &[&str]) -> Outcome {
    for name in names {
        let node = cluster.setup(name).env("PROGET_TRUSTED_PROXIES", "127.0.0.1").start().await?;
        cluster.adopt(name, node);
    }
    Ok(())
}

/// The shipped file with our addresses in it.
async fn balancer(cluster: &Cluster) -> Outcome<HaProxy> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haproxy/http.cfg");
    let mut text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let port = free_port()?;
    let mut replace = |shipped: &str, ours: &str| {
        ensure!(text.contains(shipped), "{} does not say {shipped}", file.display());
        text = text.replace(shipped, ours);
        Ok(())
    };
    replace("bind *:80\n", &format!("bind 127.0.0.1:{port}\n"))?;
    for (number, name) in NODES.into_iter().enumerate() {
        let ours = cluster.node(name)?.url();
        replace(&format!("10.0.0.1{}:8624", number + 1), ours.trim_start_matches("http://"))?;
    }
    HaProxy::start(port, &text).await
}

/// `kill NODE` ends that process as a power cut would.
fn kill_script(cluster: &Cluster, folder: &Path) -> Outcome<PathBuf> {
    let mut text = "#!/bin/sh\ncase \"$1\" in\n".to_owned();
    for name in NODES {
        text += &format!("    {name}) kill -KILL {} ;;\n", cluster.node(name)?.id()?);
    }
    text += "    *) echo \"which? node1, node2 or node3\" >&2; exit 2 ;;\nesac\n";
    let script = folder.join("kill");
    fs::write(&script, text)?;
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(script)
}

/// Publish, kill the primary, fetch what was acknowledged, publish again.
async fn prove(cluster: &Cluster, balancer: &HaProxy, script: &Path) -> Outcome {
    let primary = |through| cluster.until(through, "a node is primary", |status| status.primary.is_some());
    let named = primary("node1").await?.primary.and_then(|role| role.node).context("it is not here")?;
    publish(balancer, "1.0.0").await?;
    ensure!(Command::new(script).arg(named.as_str()).status()?.success(), "the script failed");
    let other = cluster.other_than(&[named.as_str()])?;
    let next = cluster
        .until(&other, "another node is primary", |status| {
            status.primary.as_ref().and_then(|role| role.node.as_ref()).is_some_and(|node| *node != named)
        })
        .await?;
    let next = next.primary.and_then(|role| role.node).context("it is not here")?;
    publish(balancer, "1.0.1").await?;
    for version in ["1.0.0", "1.0.1"] {
        let file = format!("{}/npm/internal/left-pad/-/left-pad-{version}.tgz", balancer.url());
        let bytes = reqwest::Client::new().get(file).bearer_auth(ADMIN_KEY).send().await?;
        let bytes = bytes.error_for_status()?.bytes().await?;
        ensure!(bytes == proget_examples::npm_package("left-pad", version)?, "{version} has other bytes");
    }
    println!("{named} was primary and was killed; {next} is, and both packages are there");
    Ok(())
}

async fn publish(balancer: &HaProxy, version: &str) -> Outcome {
    let url = format!("{}/api/packages/internal/upload", balancer.url());
    let package = proget_examples::npm_package("left-pad", version)?;
    let put = reqwest::Client::new().put(url).header("x-apikey", ADMIN_KEY).body(package);
    put.send().await?.error_for_status()?;
    Ok(())
}
