//! The schema and its steps.
//!
//! A step is a list of statements that is carried out once and recorded. Steps are only ever
//! added: a change first *expands* (older builds go on working beside it) and a later release
//! *contracts*. Each step says how old a build may be to work on its result; that is how a build
//! finds out that a database is too new for it.

mod file_details;
mod first;
mod runner;

pub use runner::{SchemaStatus, StepStatus};
pub(super) use runner::{bring_up_to_date, inspect};

/// One change of the schema.
#[derive(Debug)]
pub(super) struct Step {
    /// Its place; steps are carried out in this order.
    pub(super) number: i64,
    /// What it does, in a few words with dashes.
    pub(super) name: &'static str,
    /// Builds that know this step, or a later one, work on its result.
    pub(super) oldest: i64,
    /// Its statements, in the words of [`Dialect`](super::dialect::Dialect).
    pub(super) statements: &'static [&'static str],
}

/// All steps in their order.
pub(super) const STEPS: &[Step] = &[first::STEP, file_details::STEP];
