//! Steps of a release that is not out yet: fixtures, by which tests of upgrades hold a program of today
//! against the schema of the next one. No program that is shipped has any.

use super::{Fill, STEPS, Wanted};

/// One step as the next release may bring it along, carried out after all of this build's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterStep {
    /// Its place: above [`schemas`](super::schemas)`()[1]` and below `ForeignStep::FIRST`.
    pub number: i64,
    /// What it does, in a few words with dashes.
    pub name: &'static str,
    /// Builds that know this step, or a later one, work on its result: an older number for a step that
    /// expands, one that only the next release knows for a step that contracts.
    pub oldest: i64,
    /// Its statements, with the words in braces that the catalogue's own have.
    pub statements: &'static [&'static str],
}

impl LaterStep {
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            number: self.number,
            name: self.name,
            oldest: self.oldest,
            statements: self.statements.to_vec(),
            fill: Fill::Nothing,
        }
    }
}

/// The newest step that a build with these knows.
pub(super) fn newest(later: &[LaterStep]) -> i64 {
    let own = STEPS.last().map_or(0, |step| step.number);
    later.iter().map(|step| step.number).fold(own, i64::max)
}

/// The oldest and the newest schema that a build with these works on.
#[must_use]
pub fn schemas_with(later: &[LaterStep]) -> [i64; 2] {
    let [oldest, own] = super::schemas();
    let newest = later.iter().max_by_key(|step| step.number);
    newest.map_or([oldest, own], |step| [step.oldest, step.number])
}
