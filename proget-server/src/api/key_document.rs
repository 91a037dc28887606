//! An API key as ProGet's client reads and writes it.
//!
//! The client's `--apis=full-control`, which is its default, sends the three names `feeds`, `sca` and
//! `sbom-upload` instead; such a key cannot be told from one that is meant to be limited to the
//! three, so it is taken by its letters: only the literal `full-control` gives full control. Of the
//! three, `feeds` gives the use and management of all feeds; there is nothing yet that the other two
//! could open, so they are taken and give nothing.

use crate::accounts::KeyText;
use proget_core::access::{FeedScope, Permissions, Rights};
use proget_core::catalog::{KeyKind, KeyRow, UserRow};
use proget_core::clock::Timestamp;
use proget_core::{Feed, Problem, Refusal};
use serde_json::{Map, Value, json};

/// A key as it is answered, with its text if it was made just now.
pub(super) fn document(key: &KeyRow, text: Option<&KeyText>, feeds: &[Feed], users: &[UserRow]) -> Value {
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("id", json!(key.id.0));
    set("type", json!(kind_text(key.kind)));
    if let Some(text) = text {
        set("key", json!(text.reveal()));
    }
    set("displayName", json!(key.display_name));
    set("description", json!(key.description));
    match key.kind {
        KeyKind::System => {
            let apis = [("full-control", key.rights.full_control), ("feeds", key.rights.manage_feeds)];
            let apis: Vec<&str> = apis.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
            set("systemApis", json!(apis));
        }
        KeyKind::Feed => {
            // Feeds that were deleted leave rights that open nothing.
            let names = key.rights.feeds.iter().filter_map(|right| match right.scope {
                FeedScope::All => Some("*"),
                FeedScope::One(id) => feeds.iter().find(|feed| feed.id == id).map(|feed| feed.name.as_str()),
            });
            set("feed", json!(names.collect::<Vec<_>>().join(",")));
            let may = key.rights.feeds.first().map(|right| right.may).unwrap_or_default();
            set("packagePermissions", json!(permission_names(may)));
        }
        KeyKind::Personal => {
            let user = users.iter().find(|user| Some(user.id) == key.user);
            set("user", json!(user.map(|user| user.name.as_str())));
        }
    }
    if let Some(expires) = key.expires {
        set("expiration", json!(expires.to_string()));
    }
    // Requests made with a key are in the access log of the whole server, not kept per key.
    set("logging", json!("None"));
    Value::Object(members)
}

fn kind_text(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::System => "System",
        KeyKind::Feed => "Feed",
        KeyKind::Personal => "Personal",
    }
}

fn permission_names(may: Permissions) -> Vec<&'static str> {
    let all = [("view", may.view), ("add", may.add), ("promote", may.promote), ("delete", may.delete)];
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

/// A key that somebody wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: KeyKind,
    pub(super) key: Option<String>,
    pub(super) display_name: String,
    pub(super) description: String,
    pub(super) system_rights: Rights,
    pub(super) feeds: Vec<String>,
    pub(super) permissions: Permissions,
    pub(super) user: Option<String>,
    pub(super) expires: Option<Timestamp>,
}

impl Wanted {
    /// Reads a posted key.
    pub(super) fn of(object: &Map<String, Value>) -> Result<Self, Problem> {
        let kind = text(object, "type")?.unwrap_or_default();
        let kind = match kind.to_ascii_lowercase().as_str() {
            "system" => KeyKind::System,
            "feed" => KeyKind::Feed,
            "personal" => KeyKind::Personal,
            _ => return Err(Refusal::new("type", "must be System, Feed or Personal").into()),
        };
        let logging = text(object, "logging")?.unwrap_or_default().to_ascii_lowercase();
        if !matches!(logging.as_str(), "" | "none" | "request" | "response" | "both") {
            return Err(Refusal::new("logging", "must be None, Request, Response or Both").into());
        }
        if text(object, "feedGroup")?.is_some() {
            let rule = "cannot be used, because this server has no feed groups; name feeds instead";
            return Err(Refusal::new("feedGroup", rule).into());
        }
        let feeds = text(object, "feed")?.unwrap_or_default();
        let feeds: Vec<String> =
            feeds.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let wanted = Self {
            kind,
            key: text(object, "key")?,
            display_name: line(object, "displayName")?,
            description: line(object, "description")?,
            system_rights: system_rights(object)?,
            feeds,
            permissions: permissions(object)?,
            user: text(object, "user")?,
            expires: expires(object)?,
        };
        wanted.complete(object)
    }

    /// A key that opens nothing is a mistake that shows only when it is used.
    fn complete(self, object: &Map<String, Value>) -> Result<Self, Problem> {
        let apis_given = list(object, "systemApis")?.is_some_and(|apis| !apis.is_empty());
        match self.kind {
            KeyKind::System if !apis_given => Err(Refusal::new(
                "systemApis",
                "must name at least one of full-control, feeds, sca, sbom-upload",
            )
            .into()),
            KeyKind::Feed if self.feeds.is_empty() => {
                Err(Refusal::new("feed", "must name the feed, or several with commas between").into())
            }
            KeyKind::Feed if self.permissions == Permissions::default() => {
                let rule = "must name at least one of view, add, promote, delete";
                Err(Refusal::new("packagePermissions", rule).into())
            }
            _ => Ok(self),
        }
    }
}

fn text(object: &Map<String, Value>, member: &'static str) -> Result<Option<String>, Problem> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::new(member, "must be a text").into()),
    }
}

/// A text for lists: one line, not too long.
fn line(object: &Map<String, Value>, member: &'static str) -> Result<String, Problem> {
    let text = text(object, member)?.unwrap_or_default();
    if text.chars().any(char::is_control) || text.len() > 200 {
        return Err(Refusal::new(member, "must be one line of at most 200 bytes").into());
    }
    Ok(text)
}

fn list<'a>(object: &'a Map<String, Value>, member: &'static str) -> Result<Option<Vec<&'a str>>, Problem> {
    let refuse = || Problem::from(Refusal::new(member, "must be a list of texts"));
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => {
            list.iter().map(|one| one.as_str().ok_or_else(refuse)).collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(refuse()),
    }
}

fn system_rights(object: &Map<String, Value>) -> Result<Rights, Problem> {
    let mut rights = Rights::default();
    for api in list(object, "systemApis")?.unwrap_or_default() {
        match api.to_ascii_lowercase().as_str() {
            "full-control" => rights.full_control = true,
            "feeds" => rights.manage_feeds = true,
            "sca" | "sbom-upload" => {}
            _ => {
                let rule = format!("'{api}' is not one of full-control, feeds, sca, sbom-upload");
                return Err(Refusal::new("systemApis", rule).into());
            }
        }
    }
    Ok(rights)
}

fn permissions(object: &Map<String, Value>) -> Result<Permissions, Problem> {
    let mut may = Permissions::default();
    for permission in list(object, "packagePermissions")?.unwrap_or_default() {
        match permission.to_ascii_lowercase().as_str() {
            "view" => may.view = true,
            "add" => may.add = true,
            "promote" => may.promote = true,
            "delete" => may.delete = true,
            _ => {
                let rule = format!("'{permission}' is not one of view, add, promote, delete");
                return Err(Refusal::new("packagePermissions", rule).into());
            }
        }
    }
    Ok(may)
}

/// ISO 8601: with a zone, without one (then UTC), or a date alone (its first moment).
fn expires(object: &Map<String, Value>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text(object, "expiration")? else { return Ok(None) };
    let zoned = text.parse::<jiff::Timestamp>();
    let moment = zoned.or_else(|_| {
        text.parse::<jiff::civil::DateTime>()
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
            .map(|time| time.timestamp())
    });
    let refuse = |_| Refusal::new("expiration", "must be a date or a moment such as 2030-12-31T23:59:59Z");
    Ok(Some(Timestamp(moment.map_err(refuse)?.as_millisecond())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(posted: Value) -> Result<Wanted, Problem> {
        Wanted::of(posted.as_object().unwrap())
    }

    #[test]
    fn only_the_literal_full_control_gives_full_control() {
        let three =
            json!({"type": "System", "systemApis": ["feeds", "sca", "sbom-upload"], "logging": "None"});
        let rights = wanted(three).unwrap().system_rights;
        assert!(rights.manage_feeds && !rights.full_control);
        let full = wanted(json!({"type": "system", "systemApis": ["full-control"]})).unwrap();
        assert!(full.system_rights.full_control);
    }

    #[test]
    fn a_feed_key_names_feeds_and_permissions() {
        let posted = json!({"type": "Feed", "feed": "a, b", "packagePermissions": ["View", "add"]});
        let key = wanted(posted).unwrap();
        assert_eq!(key.feeds, ["a", "b"]);
        assert_eq!(key.permissions, Permissions { view: true, add: true, ..Permissions::default() });
    }

    #[test]
    fn expiry_is_read_with_and_without_zone_and_as_a_date() {
        for (text, expected) in [
            ("2030-01-02T03:04:05Z", 1_893_553_445_000),
            ("2030-01-02T03:04:05", 1_893_553_445_000),
            ("2030-01-02T04:04:05.000+01:00", 1_893_553_445_000),
            ("2030-01-02", 1_893_542_400_000),
        ] {
            let key = wanted(json!({"type": "Personal", "expiration": text})).unwrap();
            assert_eq!(key.expires, Some(Timestamp(expected)), "{text}");
        }
    }

    #[test]
    fn what_would_open_nothing_or_is_not_understood_is_named() {
        for (posted, member) in [
            (json!({}), "type"),
            (json!({"type": "Other"}), "type"),
            (json!({"type": "System"}), "systemApis"),
            (json!({"type": "System", "systemApis": ["everything"]}), "systemApis"),
            (json!({"type": "Feed", "packagePermissions": ["view"]}), "feed"),
            (json!({"type": "Feed", "feed": "a"}), "packagePermissions"),
            (json!({"type": "Feed", "feed": "a", "packagePermissions": ["own"]}), "packagePermissions"),
            (json!({"type": "Feed", "feedGroup": "g", "packagePermissions": ["view"]}), "feedGroup"),
            (json!({"type": "Personal", "expiration": "tomorrow"}), "expiration"),
            (json!({"type": "Personal", "logging": "Everything"}), "logging"),
            (json!({"type": "Personal", "displayName": "two\nlines"}), "displayName"),
        ] {
            match wanted(posted.clone()) {
                Err(Problem::Refused(refusal)) => assert_eq!(refusal.field, member, "{posted}"),
                other => panic!("{posted}: {other:?}"),
            }
        }
    }
}
