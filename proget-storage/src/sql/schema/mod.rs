//! The schema and its steps.
//!
//! A step is a list of statements that is carried out once and recorded. Steps are only ever
//! added: a change first *expands* (older builds go on working beside it) and a later release
//! *contracts*. Each step says how old a build may be to work on its result; that is how a build
//! finds out that a database is too new for it.

mod file_details;
mod first;
mod runner;
mod search_grams;

pub use runner::{SchemaStatus, StepStatus};
pub(super) use runner::{bring_up_to_date, inspect};

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
}

/// All steps in their order.
pub(super) const STEPS: &[Step] = &[first::STEP, file_details::STEP, search_grams::STEP];
