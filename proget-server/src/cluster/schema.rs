//! The tables of roster and leases as the catalogue's migration guard takes them.

use proget_cluster::schema::{STEPS, SchemaStep};
use proget_storage::sql::ForeignStep;

/// All steps, to be made under the catalogue's own guard.
#[must_use]
pub(crate) fn schema_steps() -> Vec<ForeignStep> {
    let step = |step: &SchemaStep| ForeignStep {
        number: step.number,
        name: step.name,
        sqlite: step.statements.to_vec(),
        postgres: step.statements.to_vec(),
        mysql: step.statements.to_vec(),
    };
    STEPS.iter().map(step).collect()
}
