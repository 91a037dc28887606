//! `api/packages/{feed}/delete`: removing one version.

use super::call::{Call, done};
use super::identify::Asked;
use poem::Response;
use proget_core::registry::Removal;
use proget_core::{Problem, Refusal};

/// Files go with their version: removing one of several would leave a version that nobody published.
pub(super) async fn delete(call: Call) -> Result<Response, Problem> {
    let asked = Asked::of(&call)?;
    let format = call.format()?;
    if asked.file.is_some() {
        let rule = "cannot be used here: a version is removed with all its files";
        return Err(Refusal::new("qualifier", rule).into());
    }
    let name = asked.package(format)?.ok_or_else(|| Refusal::new("name", "must be given in the query"))?;
    let version =
        asked.version(format)?.ok_or_else(|| Refusal::new("version", "must be given in the query"))?;
    let removal = Removal::Versions(vec![version]);
    match call.registry().remove(call.admission()?, &name, None, removal).await {
        Err(Problem::NotFound(_)) => Err(asked.unknown(format)),
        outcome => outcome.map(|()| done()),
    }
}
