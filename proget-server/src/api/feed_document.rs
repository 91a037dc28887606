//! A feed as ProGet's client reads and writes it.
//!
//! The client posts whole feeds back after changing one member, and loses members that it does not
//! know. So: what is missing stays, `null` and empty things reset, read-only members are passed
//! over, and members of features that this server does not have are kept as they were given.
//!
//! Three members are ours: `anonymousView` and `overwrite` (`Never` or `Allowed`), which in ProGet are matters
//! of permissions, and `redirectDownloads`.

use super::call::Call;
use proget_core::access::Permission;
use proget_core::feed::{FeedName, FeedSettings, Overwrite};
use proget_core::{Feed, Problem, Refusal};
use serde_json::{Map, Value, json};

/// What a carried member must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Flag,
    Text,
    List,
    Texts,
}

/// Members that are kept and given back; nothing here acts on them.
const CARRIED: &[(&str, Shape)] = &[
    ("feedGroup", Shape::Text),
    ("cacheConnectors", Shape::Flag),
    ("dropPath", Shape::Text),
    ("packagesPath", Shape::Text),
    ("packageStore", Shape::Text),
    ("allowUnknownLicenses", Shape::Flag),
    ("allowedLicenses", Shape::List),
    ("blockedLicenses", Shape::List),
    ("symbolServerEnabled", Shape::Flag),
    ("stripSymbols", Shape::Flag),
    ("stripSource", Shape::Flag),
    ("stripSignature", Shape::Flag),
    ("useApiV3", Shape::Flag),
    ("vulnerabilitySources", Shape::List),
    ("retentionRules", Shape::List),
    ("packageFilters", Shape::Texts),
    ("packageAccessRules", Shape::Texts),
    ("variableDictionary", Shape::Texts),
    ("packageStatisticsEnabled", Shape::Flag),
    ("restrictPackageStatistics", Shape::Flag),
    ("deploymentRecordsEnabled", Shape::Flag),
    ("usageRecordsEnabled", Shape::Flag),
    ("vulnerabilitiesEnabled", Shape::Flag),
    ("licensesEnabled", Shape::Flag),
    ("useWithProjects", Shape::Flag),
    ("retentionRulesEnabled", Shape::Flag),
];

/// A feed as it is answered.
pub(super) fn document(call: &Call, feed: &Feed) -> Value {
    let settings = &feed.settings;
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("name", json!(feed.name.as_str()));
    set("alternateNames", json!(settings.alternate_names));
    set("feedType", json!(feed.format.as_str()));
    set("description", json!(settings.description));
    set("active", json!(settings.active));
    if let Some(url) = call.endpoint_of(feed) {
        set("endpointUrl", json!(format!("{url}/")));
    }
    set("canPublish", json!(call.caller.may_in(Permission::Add, feed)));
    set("connectors", json!([]));
    set("anonymousView", json!(settings.anonymous_view));
    let overwrite = match settings.overwrite {
        Overwrite::Never => "Never",
        Overwrite::Allowed => "Allowed",
    };
    set("overwrite", json!(overwrite));
    set("redirectDownloads", json!(settings.redirect_downloads));
    for (name, value) in &settings.carried {
        set(name, value.clone());
    }
    Value::Object(members)
}

/// What somebody wants of a feed: each member is absent (keep), or a value to take.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    alternate_names: Option<Vec<FeedName>>,
    description: Option<String>,
    active: Option<bool>,
    anonymous_view: Option<bool>,
    overwrite: Option<Overwrite>,
    redirect_downloads: Option<bool>,
    carried: Vec<(&'static str, Option<Value>)>,
}

impl Wanted {
    /// Reads a posted feed.
    pub(super) fn of(object: &Map<String, Value>) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (member, value) in object {
            match member.as_str() {
                "alternateNames" => wanted.alternate_names = Some(names(value)?),
                "description" => wanted.description = Some(text("description", value)?.unwrap_or_default()),
                "active" => wanted.active = Some(flag("active", value)?.unwrap_or(true)),
                "anonymousView" => {
                    wanted.anonymous_view = Some(flag("anonymousView", value)?.unwrap_or(false))
                }
                "overwrite" => wanted.overwrite = Some(overwrite(value)?),
                "redirectDownloads" => {
                    wanted.redirect_downloads = Some(flag("redirectDownloads", value)?.unwrap_or(false));
                }
                "connectors" => no_connectors(value)?,
                other => {
                    // Unknown members are passed over: a newer client may send them.
                    let known = CARRIED.iter().find(|(name, _)| *name == other);
                    if let Some((name, shape)) = known {
                        wanted.carried.push((name, carried(name, *shape, value)?));
                    }
                }
            }
        }
        Ok(wanted)
    }

    /// The settings with what is wanted.
    pub(super) fn applied_to(&self, was: &FeedSettings) -> FeedSettings {
        let mut settings = was.clone();
        settings.alternate_names = self.alternate_names.clone().unwrap_or(settings.alternate_names);
        settings.description = self.description.clone().unwrap_or(settings.description);
        settings.active = self.active.unwrap_or(settings.active);
        settings.anonymous_view = self.anonymous_view.unwrap_or(settings.anonymous_view);
        settings.overwrite = self.overwrite.unwrap_or(settings.overwrite);
        settings.redirect_downloads = self.redirect_downloads.unwrap_or(settings.redirect_downloads);
        for (name, value) in &self.carried {
            match value {
                Some(value) => settings.carried.insert((*name).to_owned(), value.clone()),
                None => settings.carried.remove(*name),
            };
        }
        settings
    }
}

fn names(value: &Value) -> Result<Vec<FeedName>, Problem> {
    let refuse = || Problem::from(Refusal::new("alternateNames", "must be a list of feed names"));
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(refuse()),
    };
    let names = list.iter().map(|name| {
        let name = name.as_str().ok_or_else(refuse)?;
        let refusal = |refusal: Refusal| Refusal { field: "alternateNames".into(), ..refusal };
        FeedName::new(name).map_err(|error| refusal(error).into())
    });
    names.collect()
}

fn text(member: &'static str, value: &Value) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Refusal::new(member, "must be a text").into()),
    }
}

fn flag(member: &'static str, value: &Value) -> Result<Option<bool>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        _ => Err(Refusal::new(member, "must be true or false").into()),
    }
}

fn overwrite(value: &Value) -> Result<Overwrite, Problem> {
    match value.as_str() {
        None if value.is_null() => Ok(Overwrite::Never),
        Some(text) if text.eq_ignore_ascii_case("never") => Ok(Overwrite::Never),
        Some(text) if text.eq_ignore_ascii_case("allowed") => Ok(Overwrite::Allowed),
        _ => Err(Refusal::new("overwrite", "must be Never or Allowed").into()),
    }
}

/// A feed that refers to a connector which is not there would silently be without it.
fn no_connectors(value: &Value) -> Result<(), Problem> {
    match value {
        Value::Null => Ok(()),
        Value::Array(list) => match list.first() {
            None => Ok(()),
            Some(name) => {
                let name = name.as_str().unwrap_or("(not a text)");
                Err(Problem::NotFound(format!("Connector {name} not found.")))
            }
        },
        _ => Err(Refusal::new("connectors", "must be a list of connector names").into()),
    }
}

fn carried(member: &'static str, shape: Shape, value: &Value) -> Result<Option<Value>, Problem> {
    let (fits, expected) = match shape {
        Shape::Flag => (value.is_boolean(), "true or false"),
        Shape::Text => (value.is_string(), "a text"),
        Shape::List => (value.is_array(), "a list"),
        Shape::Texts => (
            value.as_object().is_some_and(|texts| texts.values().all(Value::is_string)),
            "an object whose members are texts",
        ),
    };
    if value.is_null() {
        return Ok(None);
    }
    if fits {
        Ok(Some(value.clone()))
    } else {
        Err(Refusal::new(member, format!("must be {expected}")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(was: &FeedSettings, posted: Value) -> Result<FeedSettings, Problem> {
        Wanted::of(posted.as_object().unwrap()).map(|wanted| wanted.applied_to(was))
    }

    #[test]
    fn what_is_missing_stays_null_resets_and_empty_clears() {
        let first = after(
            &FeedSettings::default(),
            json!({
                "description": "ours", "active": false, "alternateNames": ["old"], "stripSource": true,
                "retentionRules": [{"keepVersionsCount": 3, "deleteCached": true}],
                "variableDictionary": {"a": "b"}, "anonymousView": true, "overwrite": "allowed",
            }),
        )
        .unwrap();
        assert_eq!(first.alternate_names, [FeedName::new("old").unwrap()]);
        assert_eq!(after(&first, json!({})).unwrap(), first);
        let second = after(
            &first,
            json!({"description": null, "active": null, "alternateNames": [], "stripSource": null, "variableDictionary": {}}),
        )
        .unwrap();
        assert_eq!((second.description.as_str(), second.active, second.alternate_names.len()), ("", true, 0));
        assert!(!second.carried.contains_key("stripSource"));
        assert_eq!(second.carried["variableDictionary"], json!({}));
        assert_eq!(second.carried["retentionRules"], first.carried["retentionRules"]);
        assert!(second.anonymous_view && second.overwrite == Overwrite::Allowed);
    }

    #[test]
    fn members_that_are_read_only_or_unknown_are_passed_over() {
        let was = FeedSettings::default();
        let posted = json!({
            "name": "other", "feedType": "pypi", "endpointUrl": "x", "canPublish": true, "fromTheFuture": 1, "connectors": [],
        });
        assert_eq!(after(&was, posted).unwrap(), was);
    }

    #[test]
    fn members_of_the_wrong_shape_are_named() {
        for (member, value) in [
            ("active", json!("yes")),
            ("description", json!(1)),
            ("alternateNames", json!("one")),
            ("alternateNames", json!(["a/b"])),
            ("overwrite", json!("sometimes")),
            ("stripSource", json!(0)),
            ("retentionRules", json!({})),
            ("packageFilters", json!([])),
            ("packageFilters", json!({"a": 1})),
            ("connectors", json!("npm")),
        ] {
            match Wanted::of(json!({ member: value }).as_object().unwrap()) {
                Err(Problem::Refused(refusal)) => assert_eq!(refusal.field, member),
                other => panic!("{member}: {other:?}"),
            }
        }
        let connector = Wanted::of(json!({"connectors": ["upstream"]}).as_object().unwrap());
        assert_eq!(connector.unwrap_err(), Problem::NotFound("Connector upstream not found.".into()));
    }
}
