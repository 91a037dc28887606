//! How fast and how large: the server beside nginx, which serves the same bytes as files, and beside
//! its peers, in the same minutes. `bench/run.sh` builds everything and starts this program.
//!
//! Nothing here is part of the product, and nothing here is a test that must pass: a figure that is
//! missed is written down, in `docs/PERFORMANCE.md`.

mod door;
mod formats;
mod load;
mod node;
mod profile;
mod wrk;

use clap::{Parser, Subcommand};
use proget_tests::Outcome;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tells what the time goes to, by `perf`.
    Profile(profile::Arguments),
}

#[tokio::main]
async fn main() -> Outcome {
    match Arguments::parse().what {
        What::Profile(arguments) => profile::run(arguments).await,
    }
}
