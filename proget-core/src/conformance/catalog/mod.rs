//! The suite of [`Catalog`]: every promise of its heading and of the changes' own documentation.

mod accounts;
mod bench;
mod blobs;
mod concurrency;
mod expectations;
mod feeds;
mod fences;
mod instance;
mod job_ends;
mod jobs;
mod journal;
mod mode;
mod needles;
mod packages;
mod paging;
pub(super) mod picture;
mod publishing;
mod races;
mod schedules;
mod searching;
mod stamps;
mod sweeping;
mod text;
mod work_races;

use self::bench::Bench;
use super::case::{self, Broken, Case};
use super::tasks::Tasks;
use crate::catalog::Catalog;
use std::sync::Arc;

const THEMES: &[&[Case<Bench>]] = &[
    feeds::CASES,
    publishing::CASES,
    packages::CASES,
    text::CASES,
    searching::CASES,
    needles::CASES,
    paging::CASES,
    stamps::CASES,
    expectations::CASES,
    fences::CASES,
    blobs::CASES,
    sweeping::CASES,
    accounts::CASES,
    instance::CASES,
    journal::CASES,
    mode::CASES,
    jobs::CASES,
    job_ends::CASES,
    schedules::CASES,
    concurrency::CASES,
    races::CASES,
    work_races::CASES,
];

/// Tries every promise of a catalogue, each on a fresh and empty one.
///
/// # Panics
/// With the names of all broken promises.
pub async fn catalog<F: Future<Output = Arc<dyn Catalog>>>(fresh: impl Fn() -> F, tasks: Tasks) {
    case::must_be_empty("catalogue", &catalog_broken(fresh, tasks).await);
}

/// The promises that a catalogue breaks.
pub async fn catalog_broken<F: Future<Output = Arc<dyn Catalog>>>(
    fresh: impl Fn() -> F,
    tasks: Tasks,
) -> Vec<Broken> {
    case::run(THEMES, || async { Bench { catalog: fresh().await, tasks: tasks.clone() } }).await
}
