//! `api/packages/{feed}/status`: listing, blocking and deprecating a version.

use super::call::{Call, done};
use super::identify::Asked;
use poem::Response;
use proget_core::package::{Download, VersionStatus};
use proget_core::registry::Annotation;
use proget_core::{Problem, Refusal};
use serde_json::{Map, Value};

/// A change that somebody else's overtakes is made again on what is there then.
const ATTEMPTS: usize = 5;

/// What is not given stays as it is.
pub(super) async fn set(mut call: Call) -> Result<Response, Problem> {
    let wanted = Wanted::of(&call.object().await?)?;
    let asked = Asked::of(&call)?;
    for _ in 0..ATTEMPTS {
        let found = asked.found(&call).await?;
        let status = wanted.applied_to(&found.version.status);
        let annotation = Annotation::Status(found.version.version.key().clone(), status);
        let name = found.package.name.key();
        match call
            .registry()
            .annotate(call.admission()?, name, Some(found.package.stamp), vec![annotation])
            .await
        {
            Ok(()) => return Ok(done()),
            Err(Problem::Changed(_)) => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(Problem::busy("this package, which many are changing at this moment"))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    listed: Option<bool>,
    download: Option<Download>,
    deprecated: Option<bool>,
    reason: Option<String>,
}

impl Wanted {
    /// An empty object means "clear the override of blocking": the client drops the `null` that it
    /// means by it.
    fn of(object: &Map<String, Value>) -> Result<Self, Problem> {
        let flag = |member: &'static str| match object.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Refusal::new(member, "must be true or false")),
        };
        let reason = match object.get("deprecationReason") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => return Err(Refusal::new("deprecationReason", "must be a text").into()),
        };
        let clears = object.is_empty() || object.get("allow").is_some_and(Value::is_null);
        let download = match flag("allow")? {
            Some(true) => Some(Download::Allowed),
            Some(false) => Some(Download::Blocked),
            None => clears.then_some(Download::ByRule),
        };
        Ok(Self { listed: flag("listed")?, download, deprecated: flag("deprecated")?, reason })
    }

    fn applied_to(&self, was: &VersionStatus) -> VersionStatus {
        let deprecated = match (self.deprecated, &self.reason) {
            (Some(false), _) => None,
            (Some(true), reason) => {
                Some(reason.clone().or_else(|| was.deprecated.clone()).unwrap_or_default())
            }
            // A reason alone replaces the reason of what is deprecated.
            (None, Some(reason)) if was.deprecated.is_some() => Some(reason.clone()),
            (None, _) => was.deprecated.clone(),
        };
        VersionStatus {
            listed: self.listed.unwrap_or(was.listed),
            download: self.download.unwrap_or(was.download),
            deprecated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(was: &VersionStatus, posted: Value) -> VersionStatus {
        Wanted::of(posted.as_object().unwrap()).unwrap().applied_to(was)
    }

    #[test]
    fn each_member_changes_its_own_and_an_empty_object_clears_blocking() {
        let was = VersionStatus::default();
        let blocked = after(&was, json!({"allow": false}));
        assert_eq!(blocked.download, Download::Blocked);
        let unlisted = after(&blocked, json!({"listed": false}));
        assert_eq!((unlisted.listed, unlisted.download), (false, Download::Blocked));
        assert_eq!(after(&unlisted, json!({})), VersionStatus { listed: false, ..was.clone() });
        assert_eq!(after(&blocked, json!({"allow": null})).download, Download::ByRule);
        assert_eq!(after(&was, json!({"allow": true})).download, Download::Allowed);
    }

    #[test]
    fn deprecation_comes_with_and_without_a_reason_and_goes() {
        let was = VersionStatus::default();
        let old = after(&was, json!({"deprecated": true, "deprecationReason": "use b"}));
        assert_eq!(old.deprecated.as_deref(), Some("use b"));
        assert_eq!(after(&old, json!({"deprecated": true})).deprecated.as_deref(), Some("use b"));
        assert_eq!(after(&old, json!({"deprecationReason": "use c"})).deprecated.as_deref(), Some("use c"));
        assert_eq!(after(&old, json!({"deprecated": false})).deprecated, None);
        assert_eq!(after(&was, json!({"deprecated": true})).deprecated.as_deref(), Some(""));
    }

    #[test]
    fn members_of_the_wrong_shape_are_named() {
        for member in ["listed", "allow", "deprecated", "deprecationReason"] {
            match Wanted::of(json!({ member: 1 }).as_object().unwrap()) {
                Err(Problem::Refused(refusal)) => assert_eq!(refusal.field, member),
                other => panic!("{member}: {other:?}"),
            }
        }
    }
}
