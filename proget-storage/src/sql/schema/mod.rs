//! The schema and its steps.
//!
//! A step is a list of statements that is carried out once and recorded. Steps are only ever
//! added: a change first *expands* (older builds go on working beside it) and a later release
//! *contracts*. Each step says how old a build may be to work on its result; that is how a build
//! finds out that a database is too new for it.

mod cluster_work;
mod file_details;
mod first;
mod foreign;
mod later;
mod runner;
mod search_grams;

pub use foreign::ForeignStep;
pub use later::{LaterStep, schemas_with};
use runner::Wanted;
pub use runner::{SchemaStatus, StepStatus};
pub(super) use runner::{bring_up_to_date, inspect, too_new};

use super::dialect::Dialect;

/// One change of the schema.
#[derive(Debug)]
pub(super) struct Step {
    /// Its place; steps are carried out in this order.
    pub(super) number: i64,
    /// What it does, in a few words with dashes.
    pub(super) name: &'static str,
    /// Builds that know this step, or a later one, work on its result.
    pub(super) oldest: i64,
    /// Its statements for a database, in the words of [`Dialect`].
    pub(super) statements: fn(Dialect) -> &'static [&'static str],
    /// What is to be written into new tables then.
    pub(super) fill: Fill,
}

/// Rows of a step that no statement can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Nothing,
    /// What the packages that are there are found by.
    SearchGrams,
    /// The row about the cluster.
    ClusterRow,
}

/// All steps in their order.
pub(super) const STEPS: &[Step] = &[first::STEP, file_details::STEP, search_grams::STEP, cluster_work::STEP];

/// The oldest and the newest schema that this build works on, as numbers of steps: it carries out what
/// is missing up to the newest, and says so of what is newer.
#[must_use]
pub fn schemas() -> [i64; 2] {
    STEPS.last().map_or([0, 0], |step| [step.oldest, step.number])
}
