//! How fast and how large: the server beside nginx, which serves the same bytes as files, and beside
//! its peers, in the same minutes. `bench/run.sh` builds everything and starts this program.
//!
//! Nothing here is part of the product, and nothing here is a test that must pass: a figure that is
//! missed is written down, in `docs/PERFORMANCE.md` or, by `bench/failover.sh`, in `docs/FAILOVER.md`.

mod compare;
mod door;
mod failover;
mod formats;
mod gets;
mod load;
mod machine;
mod memory;
mod million;
mod node;
mod peers;
mod profile;
mod publishing;
mod report;
mod scene;
mod start;
mod statics;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use compare::Pace;
use proget_tests::Outcome;
use report::Report;
use scene::Scene;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measures everything and writes the report
    Run(Run),
    /// Tells what the time goes to, by `perf`
    Profile(profile::Arguments),
    /// Measures what a cluster loses when a node dies, and for how long
    Failover(failover::Arguments),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// One short round of everything, a smaller huge package: for a look, not for the record
    #[arg(long)]
    quick: bool,
    /// Only what has this in its name: packument-4k, simple, sparse, wheel, tarball-1m, tarball-64m,
    /// publish-npm-16, memory, start, million, generator and the like
    #[arg(long, default_value = "")]
    only: String,
    /// What is measured, in words for the report
    #[arg(long, default_value = "as built")]
    about: String,
    /// Writes the report into this file
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Outcome {
    match Arguments::parse().what {
        What::Run(run) => Box::pin(measure(run)).await,
        What::Profile(arguments) => profile::run(arguments).await,
        What::Failover(arguments) => Box::pin(failover::run(arguments)).await,
    }
}

async fn measure(run: Run) -> Outcome {
    let pace = if run.quick {
        Pace { rounds: 1, length: Duration::from_secs(1) }
    } else {
        Pace { rounds: 3, length: Duration::from_secs(3) }
    };
    let (only, mut report) = (run.only.as_str(), Report::default());
    let mut broken = Vec::new();
    let mut note = |outcome: Outcome| {
        // What was found before is worth telling, whatever broke.
        broken.extend(outcome.err().map(|error| format!("{error:#}")));
    };
    if !["memory", "start", "million", "generator"].contains(&only) {
        match Scene::set().await {
            Err(error) => note(Err(error)),
            Ok(mut scene) => {
                note(gets::measure(&mut scene, pace, only, &mut report).await);
                note(publishing::measure(&mut scene, pace, only, &mut report).await);
            }
        }
    }
    let (mib, starts, packages) = if run.quick { (128, 3, 500) } else { (1024, 9, 50_000) };
    if "memory".contains(only) {
        note(memory::measure(mib, &mut report).await);
    }
    if "start".contains(only) {
        note(start::measure(starts, &mut report).await);
    }
    if "million".contains(only) {
        note(Box::pin(million::measure(packages, pace, &mut report)).await);
    }
    if "generator".contains(only) {
        note(publishing::measure_generator(pace, &mut report).await);
    }
    println!("\n{}", report.tables());
    anyhow::ensure!(
        broken.is_empty(),
        "not all could be measured, so no report is written: {}",
        broken.join("; ")
    );
    if let Some(path) = run.write {
        std::fs::write(path, report.document(pace, &run.about)?)?;
    }
    Ok(())
}
