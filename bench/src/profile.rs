//! What the time goes to: `perf` watches the server while it is under one kind of load.
//!
//! The program must carry its symbols (`bench/profile.sh` builds it so).

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use proget_core::conformance::Dice;
use proget_tests::Outcome;
use tokio::process::Command;

use crate::door::Door;
use crate::formats::{Kind, npm};
use crate::node::{self, Node};
use crate::{load, wrk};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The load; all of them, one after the other, if none is named
    loads: Vec<Load>,
    /// On PostgreSQL instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// For how long perf watches
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The folder into which perf's recordings and reports are written
    #[arg(long, default_value = "target/profile")]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Load {
    /// A document of about 4 KiB over 32 connections
    Document,
    /// A file of 64 KiB over 32 connections
    Tarball,
    /// A file of 64 MiB over 4 connections
    File,
    /// Small packages over 16 connections
    Publish,
}

pub(crate) async fn run(arguments: Arguments) -> Outcome {
    std::fs::create_dir_all(&arguments.folder)?;
    let node = if arguments.postgres { Node::on_postgres().await? } else { Node::alone().await? };
    let door = node.feed(Kind::Npm, "bench").await?.read;
    let loads = if arguments.loads.is_empty() { Load::value_variants() } else { &arguments.loads };
    for load in loads {
        let length = Duration::from_secs(arguments.seconds);
        let recording = arguments.folder.join(format!("{load:?}.perf").to_lowercase());
        // The load lasts longer than perf watches.
        let working = under(*load, &door, length + Duration::from_secs(4)).await?;
        let watching = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            watch(node.process.id()?, length, &recording).await
        };
        let (came_to, ()) = tokio::try_join!(working, watching)?;
        println!("== {load:?}: {came_to}");
        print!("{}", report(&recording).await?);
    }
    Ok(())
}

/// Prepares the load and returns it, ready to run.
async fn under(load: Load, door: &Door, length: Duration) -> Outcome<impl Future<Output = Outcome<String>>> {
    let dice = &mut Dice::seeded(7);
    let address = door.address()?;
    let mut requests = Vec::new();
    let (name, payload) = match load {
        Load::Document => ("small", 4096),
        Load::Tarball => ("middle", 64 << 10),
        Load::File => ("large", 64 << 20),
        Load::Publish => {
            for number in 0..30_000 {
                let upload = npm::upload(&format!("p{number}"), "1.0.0", 4096, dice)?;
                requests.push(door.request(&upload)?);
            }
            ("", 0)
        }
    };
    let versions = if load == Load::Document { 6 } else { 1 };
    for version in (0..versions).filter(|_| !name.is_empty()) {
        node::publish(door, &[npm::upload(name, &format!("1.{version}.0"), payload, dice)?]).await?;
    }
    let below = if matches!(load, Load::File | Load::Tarball) {
        npm::tarball(name, "1.0.0")
    } else {
        name.to_owned()
    };
    let get = door.get(&below)?;
    let connections = if load == Load::File { 4 } else { 32 };
    Ok(async move {
        if load == Load::Publish {
            let sent =
                tokio::task::spawn_blocking(move || load::send(address, &requests, 16, length)).await??;
            let (median, worst) = (sent.within(0.5), sent.within(0.99));
            return Ok(format!(
                "{:.0}/s, half within {median:?}, 99 % within {worst:?}, {} failed {:?}",
                sent.rate(),
                sent.failed,
                sent.failure
            ));
        }
        let run = wrk::run(&get, connections, length).await?;
        Ok(format!(
            "{:.0}/s, {:.0} MiB/s, half within {:?}, 99 % within {:?}",
            run.requests,
            run.bytes / 1_048_576.0,
            run.median,
            run.worst
        ))
    })
}

/// Samples all threads by the processor's clock: a virtual machine has no counter of cycles.
async fn watch(id: u32, length: Duration, recording: &Path) -> Outcome {
    let mut perf = Command::new("perf");
    perf.args(["record", "--quiet", "-e", "cpu-clock", "-F", "499", "--call-graph", "dwarf,8192", "-o"]);
    perf.arg(recording)
        .arg("-p")
        .arg(id.to_string())
        .arg("--")
        .arg("sleep")
        .arg(length.as_secs().to_string());
    let output = perf.output().await.context("starting perf; bench/profile.sh installs it")?;
    ensure!(output.status.success(), "perf record failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Where the time was spent, first by what was running, then by what had called it.
async fn report(recording: &Path) -> Outcome<String> {
    let mut text = String::new();
    let views: [(&str, &[&str]); 3] = [
        ("by program", &["--no-children", "--sort", "dso", "--percent-limit", "0.5"]),
        ("by function", &["--no-children", "--sort", "symbol", "--percent-limit", "0.6"]),
        ("by function, with all it called", &["--children", "--sort", "symbol", "--percent-limit", "2"]),
    ];
    for (title, how) in views {
        let mut perf = Command::new("perf");
        perf.args(["report", "--stdio", "--no-inline", "-g", "none", "-i"]).arg(recording).args(how);
        let output = perf.output().await?;
        ensure!(output.status.success(), "perf report failed: {}", String::from_utf8_lossy(&output.stderr));
        text += &format!("-- {title}\n");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if !line.starts_with('#') && !line.trim().is_empty() {
                text += &format!("{}\n", line.chars().take(150).collect::<String>());
            }
        }
    }
    Ok(text)
}
