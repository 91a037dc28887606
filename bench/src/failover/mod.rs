//! What a cluster loses when a node dies, and for how long: three nodes on PostgreSQL, HAProxy in front of
//! them, clients at work through it. `bench/failover.sh` builds everything and starts this.
//!
//! All times are taken from outside: from the moment before the signal is sent, or the order given, to the
//! moment in which the database shows what was waited for.

mod clients;
mod database;
mod idle;
mod loaded;
mod moves;
mod page;
mod rolling;
mod street;

use std::path::PathBuf;

use proget_core::conformance::Dice;
use proget_tests::{Outcome, Postgres};

use moves::Preset;
use page::Page;
use street::{Hints, Street};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A few samples of everything: for a look, not for the record
    #[arg(long)]
    quick: bool,
    /// Only what has this in its name: kill, drain, rolling, database, idle, loaded
    #[arg(long, default_value = "")]
    only: String,
    /// Repeats the moments that another run has chosen
    #[arg(long)]
    seed: Option<u64>,
    /// What is measured, in words for the page
    #[arg(long, default_value = "as built")]
    about: String,
    /// Writes the page into this file, and the samples into the folder of the same name beside it
    #[arg(long)]
    write: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Outcome {
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 0x5eed);
    println!("seed {seed}");
    let mut dice = Dice::seeded(seed);
    let mut page = Page::new(seed, &arguments.about)?;
    let wants = |what: &str| what.contains(arguments.only.as_str());
    let (samples, few) = if arguments.quick { (3, 1) } else { (50, 5) };
    if wants("kill") || wants("drain") || wants("rolling") {
        let postgres = Postgres::start().await?;
        let mut street = Street::open(&postgres.database().await?, Hints::Given).await?;
        if wants("kill") {
            moves::kills(&mut street, Preset::Fast, samples, &mut dice, &mut page).await?;
            moves::kills(&mut street, Preset::Default, samples, &mut dice, &mut page).await?;
        }
        if wants("drain") {
            moves::drains(&mut street, samples, &mut dice, &mut page).await?;
        }
        if wants("rolling") {
            rolling::restarts(&mut street, few.min(3), &mut page).await?;
        }
        street.close(&mut page).await?;
    }
    if wants("drain") {
        let postgres = Postgres::start().await?;
        let mut street = Street::open(&postgres.database().await?, Hints::Off).await?;
        moves::drains(&mut street, samples, &mut dice, &mut page).await?;
        street.close(&mut page).await?;
    }
    if wants("database") {
        database::restarts(few, &mut page).await?;
        database::failovers(few, &mut page).await?;
    }
    if wants("idle") {
        idle::statements(if arguments.quick { 10 } else { 60 }, &mut page).await?;
    }
    if wants("loaded") {
        loaded::measure(if arguments.quick { 1 } else { 9 }, &mut page).await?;
    }
    println!("\n{}", page.tables());
    if let Some(path) = arguments.write {
        page.write(&path)?;
    }
    Ok(())
}
